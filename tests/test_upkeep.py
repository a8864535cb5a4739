"""What operators do to a database by hand: ``trioserve db``."""

import os
import sqlite3
from pathlib import Path

import pytest

from tests.archives import said
from trioserve.archive import upkeep
from trioserve.archive.database import Database
from trioserve.archive.directory import DATABASE, Directory
from trioserve.archive.history import Span, talk
from trioserve.archive.migrations import STEPS
from trioserve.cli import main
from trioserve.configuration.config import Config
from trioserve.errors import ArchiveError
from trioserve.operating.process import run

DAY = 24 * 60 * 60 * 1_000_000  # microseconds
MANY = 300


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with MANY messages, which nobody has open."""
    path = tmp_path / DATABASE
    database = Database(path)
    database.write([said(DAY * number, f"number {number}") for number in range(1, MANY + 1)])
    database.close()
    return path


def damage(path: Path) -> None:
    """Write over a page in the middle of a file."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096)


def texts(path: Path) -> list[str]:
    database = Database(path)
    found = database.read(talk(Span("#lobby", 1000)))
    database.close()
    return [each.text for each in found if hasattr(each, "text")]


# --------------------------------------------------------------- check


def test_a_sound_database_has_no_faults(path: Path) -> None:
    assert upkeep.check(path) == []


def test_damage_is_found(path: Path) -> None:
    damage(path)

    try:
        faults = upkeep.check(path)
    except ArchiveError as error:
        faults = [str(error)]
    assert faults


def test_an_index_of_words_that_does_not_fit_is_found(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE found_data SET block = x'00' WHERE id > 100")
    connection.close()

    [fault] = upkeep.check(path)

    assert fault.startswith("the index of words: ")


def test_a_reference_to_nothing_is_found(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE one (id INTEGER PRIMARY KEY)")
        connection.execute("CREATE TABLE other (one INTEGER REFERENCES one (id))")
        connection.execute("INSERT INTO other VALUES (7)")
    connection.close()

    assert upkeep.check(path) == ["row 1 of other refers to what is not in one"]


def test_it_can_be_checked_while_a_server_has_it(path: Path) -> None:
    server = Database(path)
    server.write([said(DAY * 1000)])

    assert upkeep.check(path) == []
    server.close()


# --------------------------------------------------------------- backup


def test_a_copy_holds_all_of_it_and_is_its_owners_alone(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"

    size = upkeep.backup(path, target)

    assert target.stat().st_size == size
    assert target.stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["copy.db", DATABASE]
    assert texts(target) == texts(path)


def test_a_copy_is_made_while_a_server_writes(path: Path, tmp_path: Path) -> None:
    server = Database(path)
    server.write([said(DAY * 1000, "just now")])  # which is in no file but the -wal yet

    upkeep.backup(path, tmp_path / "copy.db")
    server.write([said(DAY * 1001, "later")])

    assert texts(tmp_path / "copy.db")[-1] == "just now"
    server.close()


def test_no_file_is_written_over(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("precious")

    with pytest.raises(ArchiveError, match=r"copy\.db is there already"):
        upkeep.backup(path, target)

    assert target.read_text() == "precious"


def test_a_copy_that_was_broken_off_is_no_hindrance(path: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.db.part").write_text("half of it")

    upkeep.backup(path, tmp_path / "copy.db")

    assert texts(tmp_path / "copy.db") == texts(path)


def test_a_copy_that_cannot_be_written_leaves_nothing_behind(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="No such file or directory"):
        upkeep.backup(path, tmp_path / "nowhere" / "copy.db")

    assert [each.name for each in tmp_path.iterdir()] == [DATABASE]


def test_what_is_damaged_is_not_taken_for_a_copy(path: Path, tmp_path: Path) -> None:
    damage(path)

    with pytest.raises(ArchiveError, match=r"is not sound, and not copied|malformed"):
        upkeep.backup(path, tmp_path / "copy.db")

    assert [each.name for each in tmp_path.iterdir()] == [DATABASE]


# --------------------------------------------------------------- vacuum


def test_what_was_taken_out_is_given_back(path: Path) -> None:
    database = Database(path)
    database.read(lambda each: each.execute("DELETE FROM messages WHERE id > ?", (DAY * 10,)))
    database.close()

    before, after = upkeep.vacuum(path)

    assert after < before
    assert after == path.stat().st_size
    assert upkeep.check(path) == []
    assert texts(path) == [f"number {number}" for number in range(1, 11)]


# --------------------------------------------------------------- damage at the start


@pytest.fixture
def wrecked(path: Path) -> Path:
    """A database of which nothing can be read."""
    path.write_bytes(b"something else entirely" * 1000)
    return path


def test_a_damaged_one_is_moved_aside_and_another_can_begin(wrecked: Path) -> None:
    moved = upkeep.move_damaged(wrecked, 0)

    assert moved is not None
    assert not wrecked.exists()
    assert moved[0].read_bytes().startswith(b"something else")
    Database(wrecked).close()


def test_damage_within_a_file_is_enough_to_move_it(path: Path) -> None:
    damage(path)

    assert upkeep.move_damaged(path, 0) is not None
    assert not path.exists()


def test_a_sound_one_stays_and_so_does_none_at_all(path: Path) -> None:
    assert upkeep.move_damaged(path, 0) is None
    assert upkeep.move_damaged(path.with_name("none"), 0) is None
    assert path.exists()


def test_one_that_cannot_be_read_at_present_stays(path: Path) -> None:
    blocking = sqlite3.connect(path, isolation_level=None)
    blocking.execute("PRAGMA locking_mode = EXCLUSIVE").fetchone()
    blocking.execute("BEGIN EXCLUSIVE")

    with pytest.raises(ArchiveError, match="locked"):
        upkeep.move_damaged(path, 0)

    blocking.close()
    assert path.exists()


async def test_on_damage_the_server_does_not_start_and_says_how_it_would(
    wrecked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(Config(data=str(wrecked.parent))) == 1

    assert capsys.readouterr().err == (
        f"trioserve: {wrecked}: file is not a database; started with --repair, the server "
        "moves it aside\n"
    )
    assert upkeep.move_damaged(wrecked, 0) is not None  # it is there as it was


# --------------------------------------------------------------- stats


def test_what_is_in_it_is_counted(path: Path) -> None:
    stats = upkeep.stats(path)

    assert stats.rows["messages"] == MANY
    assert (stats.first, stats.last) == (DAY, DAY * MANY)
    assert stats.schema == len(STEPS)
    assert stats.size == path.stat().st_size
    assert not [each for each in stats.rows if each.startswith("found")]


# --------------------------------------------------------------- the command line


def db(*arguments: str, data: Path) -> int:
    return main(["db", *arguments, "--data", str(data)])


def test_each_is_done_from_the_command_line(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert db("check", data=tmp_path) == 0
    assert db("backup", str(tmp_path / "copy.db"), data=tmp_path) == 0
    assert db("vacuum", data=tmp_path) == 0
    assert db("stats", data=tmp_path) == 0

    shown, errors = capsys.readouterr()
    assert errors == ""
    assert f"{path} is sound\n" in shown
    assert f"{tmp_path / 'copy.db'}: " in shown
    assert " before, " in shown
    assert f"messages: {MANY}\n" in shown


def test_damage_is_told_of_by_the_exit_code_too(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(path)

    assert db("check", data=tmp_path) == 1

    assert str(path) in capsys.readouterr().err


@pytest.mark.parametrize("action", ["check", "backup x", "vacuum", "stats"])
def test_where_nothing_is_kept_there_is_nothing_to_do_and_nothing_is_made(
    action: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)

    assert db(*action.split(), data=tmp_path / "nowhere") == 1

    assert "nothing is kept there" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_done_to_a_memory(capsys: pytest.CaptureFixture[str]) -> None:
    assert db("stats", data=Path(":memory:")) == 1

    assert capsys.readouterr().err == "trioserve: nothing is kept in :memory:\n"


def test_the_configuration_says_where_it_is(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "chat.toml"
    config.write_text(f'data = "{tmp_path}"\n')

    assert main(["db", "check", "--config", str(config)]) == 0

    assert capsys.readouterr().out == f"{path} is sound\n"


def test_a_broken_configuration_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "chat.toml"
    config.write_text("data = 7\n")

    assert main(["db", "check", "--config", str(config)]) == 2

    assert "data: expected" in capsys.readouterr().err


def test_a_server_that_runs_is_not_shrunk(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Directory.open(tmp_path)

    assert db("vacuum", data=tmp_path) == 1

    [line] = capsys.readouterr().err.splitlines()
    assert line == (
        f"trioserve: {tmp_path} is in use by process {os.getpid()}: end that first, a server, "
        "or trioserve db vacuum"
    )
    server.close()


def test_without_something_to_do_the_choices_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["db"])

    assert caught.value.code == 2
    assert "check|backup|vacuum|stats" in capsys.readouterr().err
