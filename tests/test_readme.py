"""What the README and the pages in docs/ show is so."""

import os
import re
import signal
import socket
import subprocess
from pathlib import Path
from shutil import which

import attrs
import pytest
import trio

from scripts.screens.scenes import SCENES
from tests.running import PATIENCE, running
from tests.test_pytest_plugin import run_pytest
from trioserve.configuration.config import DEFAULT_LISTEN, DEFAULT_TELNET, Config, parse_config
from trioserve.configuration.defaults import default_toml
from trioserve.edge.addresses import UnixAddress
from trioserve.extending.plugins import built_in
from trioserve.testing import Chat

ROOT = Path(__file__).parent.parent
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}
ALL = "\n".join(PAGES.values())


def block(language: str, holding: str) -> str:
    """The first block of code in this language that holds a text."""
    blocks = re.finditer(rf"^```{language}\n(.*?)^```$", ALL, re.DOTALL | re.MULTILINE)
    return next(each[1] for each in blocks if holding in each[1])


def test_its_configuration_is_what_the_code_declares() -> None:
    assert block("toml", "[limits]") == default_toml()  # `trioserve --defaults` prints it


def test_its_configuration_is_the_default_one() -> None:
    config = parse_config(block("toml", "[limits]"))

    assert attrs.evolve(config, listen=None, telnet=None) == Config()
    assert (config.listen, config.telnet) == (DEFAULT_LISTEN, DEFAULT_TELNET)


@pytest.mark.parametrize(
    ("section", "key"),
    [
        (section, key)
        for section, keys in attrs.asdict(Config()).items()
        if isinstance(keys, dict)
        for key in keys
    ],
)
def test_its_configuration_has_every_key(section: str, key: str) -> None:
    table = block("toml", "[limits]").split(f"[{section}]")[1].split("\n[")[0]

    assert re.search(rf"^{key} = ", table, re.MULTILINE)


def test_they_name_every_command() -> None:
    told = ALL.replace("\\|", "|")

    for each in built_in().registry:
        assert f"`{each.usage}`" in told


def test_their_pictures_are_there() -> None:
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", ALL)

    assert len(pictures) >= 5
    assert {Path(each).suffix for each in pictures} == {".png", ".svg"}


def anchors(page: str) -> set[str]:
    """What a link to a title of a page ends with."""
    text = re.sub(r"^```.*?^```$", "", page, flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", PAGES)
def test_its_links_lead_to_a_file_and_to_a_title_of_it(name: str) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", PAGES[name]):
        if re.match(r"https?:", link):
            continue
        file, _, title = link.partition("#")
        path = (ROOT / name).parent / file if file else ROOT / name
        assert path.resolve().is_relative_to(ROOT), link
        assert path.exists(), link
        if title:
            assert title in anchors(path.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("name", sorted(set(PAGES) - {"README.md"}))
def test_a_page_says_first_whom_it_is_for_and_the_readme_leads_to_it(name: str) -> None:
    title, blank, first, *_ = PAGES[name].splitlines()

    assert title.startswith("# ")
    assert blank == ""
    assert first.startswith("For ")
    assert re.search(rf"\]\({name}[)#]", PAGES["README.md"])


def test_their_pictures_are_all_that_are_drawn() -> None:
    drawn = {each.stem for each in (ROOT / "scripts" / "screens").glob("*.svg")}

    assert drawn == set(re.findall(r"scripts/screens/(\w+)\.svg", ALL)) == set(SCENES)


# ------------------------------------------------------------- Add a command


def extender_s_code() -> list[str]:
    """The blocks of Python that are plug-ins."""
    blocks = re.findall(r"^```python\n(.*?)^```$", ALL, re.DOTALL | re.MULTILINE)
    return [each for each in blocks if "trioserve.testing" not in each]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a newcomer has made: a plug-in and its test."""
    (tmp_path / "dice.py").write_text(block("python", "async def roll"))
    (tmp_path / "test_dice.py").write_text(block("python", "chat.load"))
    return tmp_path


@pytest.mark.e2e
@pytest.mark.slow
def test_a_newcomer_s_test_passes(folder: Path) -> None:
    assert "1 passed" in run_pytest(folder)


@pytest.mark.e2e
@pytest.mark.slow
def test_a_newcomer_s_plug_in_runs(folder: Path) -> None:
    with (
        running("--listen", "127.0.0.1:0", "--strict", "--plugin", str(folder / "dice.py")) as it,
        socket.create_connection(("127.0.0.1", it.port()), timeout=PATIENCE) as connection,
    ):
        connection.sendall(b"ann\n/roll 1\n/quit\n")
        shown = connection.makefile().read()

        assert "* ann rolled 1 of 1" in shown
        assert it.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize("number", range(len(extender_s_code())))
async def test_its_plug_ins_load(chat: Chat, tmp_path: Path, number: int) -> None:
    (tmp_path / f"example{number}.py").write_text(extender_s_code()[number])

    chat.load(str(tmp_path / f"example{number}.py"))

    await chat.join("ann")


@pytest.fixture
def example(chat: Chat, tmp_path: Path) -> None:
    for number, code in enumerate(extender_s_code()):
        (tmp_path / f"example{number}.py").write_text(code)
        chat.load(str(tmp_path / f"example{number}.py"))


async def test_its_mistake_in_an_argument_is_told_so(chat: Chat, example: None) -> None:
    ann = await chat.join("ann")

    await ann.types("/roll x")

    told = await ann.sees("-- /roll")
    assert told in ALL
    await ann.types("/until tomorrow")
    await ann.sees('-- /until: day: expected a date such as 2026-12-24, got "tomorrow"')


async def test_its_filter_watcher_and_bot_do_what_they_say(chat: Chat, example: None) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("HELLO")
    await ann.types("casino")

    await bob.sees("<ann> Hello")
    await bob.sees("<parrot> Hello!")
    await ann.sees("-- not here, please")
    await ann.types("/quit")
    await chat.join("carol")
    await chat.join("dave")
    await bob.types("/history")
    await bob.sees("* welcome, dave")


async def test_its_egg_is_ready_when_its_cook_has_left(chat: Chat, example: None) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/egg", "/quit")
    await trio.sleep(240)

    await bob.sees("* ready: 1 by now")


async def test_its_door_is_for_owners_and_operators(chat: Chat, example: None) -> None:
    ann, op = await chat.join("ann"), await chat.join("op", operator=True)

    await ann.types("/join den", "/door close")
    await ann.types("yes")
    await ann.types("/door knock")
    await op.types("/door knock")

    await ann.sees("* the door closes, please leave")
    await ann.sees("-- /door knock is for operators")
    await op.sees("* knock, knock")


def test_its_operators_come_by_a_unix_socket() -> None:
    config = parse_config(block("toml", "operator = true"))

    assert config.listen is not None
    assert config.listen[1] == UnixAddress("/run/trioserve/operators.sock", operator=True)
    assert config.plugins == ("dice.py",)


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.skipif(which("nc") is None, reason="there is no nc")
def test_its_shell_bot_answers(tmp_path: Path) -> None:
    (tmp_path / "pong.sh").write_text(block("sh", "mkfifo"))
    with running("--listen", "localhost:0") as it:
        port = it.port()
        with subprocess.Popen(
            ["sh", "pong.sh", str(port)], cwd=tmp_path, start_new_session=True
        ) as bot:
            try:
                it.logs("is pong")
                with socket.create_connection(("localhost", port), PATIENCE) as ann:
                    ann.sendall(b"ann\n!ping\n")
                    shown = ann.makefile()
                    assert any("<pong> pong!" in line for line in shown)
            finally:
                os.killpg(bot.pid, signal.SIGTERM)
