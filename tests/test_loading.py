"""Sources that become modules."""

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from trioserve.errors import PluginError
from trioserve.extending.loading import loaded, name_of


def write(path: Path, source: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(source))
    return str(path)


def value_of(source: str, name: str = "value") -> object:
    with loaded(source) as module:
        return getattr(module, name)


def fault_of(source: str) -> str:
    with pytest.raises(PluginError) as caught, loaded(source):
        pass
    return str(caught.value).removeprefix(f"{source}: ")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on Python's path; what was loaded from it is forgotten."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("source", "name"),
    [("dice.py", "dice"), ("/a/b.c/dice.py", "dice"), ("games.dice", "dice"), ("dice", "dice")],
)
def test_a_plug_in_is_called_by_the_last_part_of_its_source(source: str, name: str) -> None:
    assert name_of(source) == name


def test_an_edit_of_the_same_second_and_size_is_seen(path: Path) -> None:
    source = write(path / "dice.py", "value = 1")
    assert value_of(source) == 1

    write(path / "dice.py", "value = 2")

    assert value_of(source) == 2


def test_what_nobody_edits_is_compiled_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    source = path / "dice.py"
    write(source, "value = 1")

    for _ in range(2):
        with loaded("dice", compiled=True) as module:
            assert module.value == 1

    assert len(list(path.glob("__pycache__/dice.*.pyc"))) == 1


def test_a_module_is_run_anew_with_its_package_in_place(path: Path) -> None:
    write(path / "games/__init__.py", "")
    write(path / "games/numbers.py", "six = 6")
    write(path / "games/dice.py", "from .numbers import six\nvalue = six")
    assert value_of("games.dice") == 6

    write(path / "games/dice.py", "from .numbers import six\nvalue = six + 1")

    assert value_of("games.dice") == 7
    assert sys.modules["games"].dice.value == 7


def test_a_package_is_run_anew_with_all_its_modules(path: Path) -> None:
    write(path / "games/__init__.py", "from games.dice import value")
    write(path / "games/dice.py", "value = 1")
    assert value_of("games") == 1

    write(path / "games/dice.py", "value = 2")

    assert value_of("games") == 2


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("\nx = 1 / 0\n", "line 2: ZeroDivisionError: division by zero\n    x = 1 / 0"),
        ("x = (\n", "line 1: '(' was never closed\n    x = ("),
        ("import nonesuch", "line 1: ModuleNotFoundError: No module named 'nonesuch'\n    import"),
        ("import sys\nsys.exit(3)", "line 2: SystemExit: 3\n    sys.exit(3)"),
        ("from broken import x", "line 1: SyntaxError: "),
        (
            "from trioserve import command\n@command\ndef f(): 'Go.'",
            "line 2: TypeError: trioserve_plugin_dice.f: a command takes its context",
        ),
        ("def f(): return 1 / 0\n\nf()", "line 1: ZeroDivisionError"),
    ],
)
def test_the_line_at_fault_is_named_and_shown(path: Path, text: str, fault: str) -> None:
    write(path / "broken.py", "x = = 1")

    assert fault_of(write(path / "dice.py", text)).startswith(fault)


def test_null_bytes_are_a_fault_as_any_other(path: Path) -> None:
    (path / "dice.py").write_bytes(b"x = 1\0")

    assert "null bytes" in fault_of(str(path / "dice.py"))


@pytest.mark.parametrize("source", ["nonesuch", "nonesuch.dice", "os.nonesuch", "sys", ".dice"])
def test_what_is_no_module_is_told(source: str) -> None:
    with pytest.raises(PluginError), loaded(source):
        pass


def test_what_is_no_file_is_told(path: Path) -> None:
    assert fault_of(str(path / "dice.py")) == "there is no such file"
    assert fault_of("nonesuch") == "there is no such module (a file ends with .py)"


def test_a_package_that_cannot_be_run_is_at_fault_for_its_modules(path: Path) -> None:
    write(path / "games/__init__.py", "1 / 0")
    write(path / "games/dice.py", "")

    assert fault_of("games.dice") == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize("text", ["1 / 0", "value = 2"])
def test_what_fails_leaves_the_modules_as_they_were(path: Path, text: str) -> None:
    write(path / "games/__init__.py", "from games.dice import value")
    write(path / "games/dice.py", "value = 1")
    with loaded("games"):
        before = {name: sys.modules[name] for name in ("games", "games.dice")}

    write(path / "games/dice.py", text)
    with pytest.raises(PluginError), loaded("games"):
        raise PluginError("the server has no room for it")

    assert {name: sys.modules[name] for name in before} == before


def test_what_fails_leaves_no_converters(path: Path) -> None:
    source = write(
        path / "dice.py",
        """
        from trioserve import converter
        @converter
        def _complex(word: str) -> complex:
            'A complex number.'
            return complex(word)
        """,
    )
    from trioserve.extending.converters import converter_for

    with pytest.raises(PluginError), loaded(source):
        raise PluginError("the server has no room for it")

    with pytest.raises(TypeError, match="no converter for complex"):
        converter_for(complex)
