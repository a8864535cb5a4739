"""The pytest plug-in, in a project of an extender's."""

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.running import PATIENCE

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ROLL = """
async def test_roll(chat):
    ann = await chat.join("ann")
    await ann.types("/roll 1")
    await ann.sees("* ann rolled 1 of 1")
"""
LOADED = """
import pytest

@pytest.fixture
def chat_plugins():
    return ["trioserve.examples.dice"]
"""


def run_pytest(folder: Path, *options: str) -> str:
    """Run pytest in a project of an extender's, and return what it prints."""
    offered = {each.value for each in entry_points(group="pytest11")}
    # As in conftest.py: what is not offered has to be named, and what is must not be.
    ours = [] if "trioserve.pytest_plugin" in offered else ["-p", "trioserve.pytest_plugin"]
    paths = [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-W", "error", "--strict-markers", *ours, *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.stdout + done.stderr


def outcome(folder: Path, test: str, *options: str) -> str:
    (folder / "test_it.py").write_text(test)
    return run_pytest(folder, *options)


@pytest.mark.parametrize("setting", ["", "[pytest]\ntrio_mode = true\n"])
def test_the_fixture_works_whatever_the_mode_of_pytest_trio(tmp_path: Path, setting: str) -> None:
    (tmp_path / "pytest.ini").write_text(setting)

    assert "1 passed" in outcome(tmp_path, LOADED + ROLL)


def test_the_clock_jumps_without_being_asked_for(tmp_path: Path) -> None:
    test = "import trio\nasync def test_days(chat): await trio.sleep(3 * 86400)\n"

    assert "1 passed" in outcome(tmp_path, test)


def test_a_clock_of_the_test_s_own_is_the_one(tmp_path: Path) -> None:
    test = """
import trio
async def test_days(chat, mock_clock):
    assert trio.current_time() == 0
    mock_clock.jump(5)
    assert trio.current_time() == 5
"""

    assert "1 passed" in outcome(tmp_path, test)


def test_a_file_is_looked_for_beside_the_test(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/noop.py").write_text("")
    (tmp_path / "here/test_noop.py").write_text("async def test_it(chat): chat.load('noop.py')\n")

    assert "2 passed" in outcome(tmp_path, "def test_other(): pass\n", ".")


def test_tests_that_do_not_ask_for_it_are_let_be(tmp_path: Path) -> None:
    assert "1 passed" in outcome(tmp_path, "def test_plain(): pass\n")


def test_without_pytest_trio_it_says_what_is_missing(tmp_path: Path) -> None:
    printed = outcome(tmp_path, ROLL, "-p", "no:trio")

    assert "the fixture chat needs pytest-trio: pip install pytest-trio" in printed


def test_a_fault_of_a_plug_in_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "dice.py").write_text("x = 1 / 0\n")

    printed = outcome(tmp_path, "async def test_it(chat): chat.load('dice.py')\n")

    assert "dice.py: line 1: ZeroDivisionError: division by zero" in printed
