"""The promises that the README makes: each names tests, and they are there."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
README = (TESTS.parent / "README.md").read_text(encoding="utf-8")
TABLE = README.split("\n## What it promises\n")[1].split("\n\n")[1]
ROWS = [re.split(r" *\| *", row)[1:-1] for row in TABLE.splitlines()[2:]]


def functions() -> set[str]:
    """The names of all tests, wherever they are."""
    return {
        node.name
        for path in TESTS.rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_each_promise_names_the_tests_that_show_it() -> None:
    assert len(ROWS) > 10
    for promise, *_, shown in ROWS:
        assert re.fullmatch(r"`test_\w+`(, `test_\w+`)*", shown), promise


def test_each_test_that_is_named_is_there() -> None:
    named = {name for *_, shown in ROWS for name in re.findall(r"`(test_\w+)`", shown)}

    assert named <= functions(), named - functions()
