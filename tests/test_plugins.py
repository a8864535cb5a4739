"""Plug-ins that come, change and go while the server runs."""

import logging
import signal
import socket
from pathlib import Path
from textwrap import dedent

import pytest
import trio
from trio.testing import MockClock

from tests.running import PATIENCE, running
from trioserve import Context, command
from trioserve.errors import PluginError
from trioserve.extending.converters import converter_for
from trioserve.extending.plugins import Plugins, built_in
from trioserve.testing import Chat, Person, open_chat

DICE = """
from trioserve import Context, command

@command
async def roll(ctx: Context) -> None:
    "Roll a die."
    ctx.store.server["rolls"] = ctx.store.server.get("rolls", 0) + 1
    await ctx.announce(f"rolled {ctx.store.server['rolls']}")
"""
SLOW = """
import trio
from trioserve import Context, command

@command
async def cook(ctx: Context) -> None:
    "Cook."
    await trio.sleep(60)
    ctx.reply("old soup")
"""
BOT = """
import trio
from trioserve import Host, service

@service
async def bot(host: Host) -> None:
    async with host.member("bot") as bot:
        await bot.say("old")
        await trio.sleep_forever()
"""


def write(path: Path, source: str) -> str:
    path.write_text(dedent(source))
    return str(path)


# ------------------------------------------------------------------ loading


async def test_a_file_is_loaded_while_the_server_runs(chat: Chat, tmp_path: Path) -> None:
    op, bob = await chat.join("op", operator=True), await chat.join("bob")

    await op.types(f"/load {write(tmp_path / 'dice.py', DICE)}")
    await bob.types("/roll")

    await op.sees("-- dice is loaded")
    await op.sees("* rolled 1")


async def test_the_log_knows_who_has_loaded_what(
    chat: Chat, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = write(tmp_path / "dice.py", DICE)
    op = await chat.join("op", operator=True)

    with caplog.at_level(logging.INFO):
        await op.types(f"/load {source}", "/reload dice", "/unload dice")
    who = f"op ({op.transport.peer})"

    told = [each.getMessage() for each in caplog.records]
    assert f"{who} has loaded dice from {source}" in told
    assert f"{who} has loaded dice anew" in told
    assert f"{who} has unloaded dice" in told


async def test_a_module_of_a_package_is_loaded(chat: Chat) -> None:
    op = await chat.join("op", operator=True)

    await op.types("/load trioserve.examples.dice", "/roll 1")

    await op.sees("* op rolled 1 of 1")


async def test_one_that_fails_shows_the_operator_the_line_at_fault(
    chat: Chat, tmp_path: Path
) -> None:
    op = await chat.join("op", operator=True)
    source = write(tmp_path / "dice.py", "\nx = 1 / 0\n")

    await op.types(f"/load {source}")

    await op.sees("-- " + source + ": line 2: ZeroDivisionError: division by zero")
    await op.sees("--     x = 1 / 0")


async def test_one_whose_command_has_a_taken_name_is_refused_as_a_whole(
    chat: Chat, tmp_path: Path
) -> None:
    taken = "\n@command\nasync def who(ctx: Context) -> None:\n    'Who?'\n"
    source = write(tmp_path / "dice.py", DICE + taken)
    ann = await chat.join("ann")

    with pytest.raises(PluginError) as caught:
        chat.load(source)
    await ann.types("/roll")

    assert "trioserve_plugin_dice.who: there is a /who already" in str(caught.value)
    assert "trioserve.commands.moving.who" in str(caught.value)
    await ann.sees("no command /roll")


async def test_two_of_one_name_are_refused(chat: Chat, tmp_path: Path) -> None:
    chat.load(write(tmp_path / "dice.py", DICE))

    with pytest.raises(PluginError, match="there is a plug-in dice already"):
        chat.load("trioserve.examples.dice")
    ann = await chat.join("ann")
    await ann.types("/roll")
    await ann.sees("* rolled 1")


def test_one_that_is_refused_leaves_the_module_of_the_other(tmp_path: Path) -> None:
    plugins = Plugins()
    (tmp_path / "other").mkdir()
    plugins.install(write(tmp_path / "dice.py", DICE))

    with pytest.raises(PluginError):
        plugins.install(write(tmp_path / "other/dice.py", DICE))

    plugins.reload("dice")


# ---------------------------------------------------------------- reloading


async def test_new_code_is_for_the_next_call_and_what_was_kept_is_kept(
    chat: Chat, tmp_path: Path
) -> None:
    source = write(tmp_path / "dice.py", DICE)
    chat.load(source)
    op = await chat.join("op", operator=True)
    await op.types("/roll")

    write(tmp_path / "dice.py", DICE.replace("rolled", "threw!"))  # in the same second
    await op.types("/reload dice", "/roll")

    await op.sees("* rolled 1")
    await op.sees("-- dice is loaded anew")
    await op.sees("* threw! 2")


async def test_a_call_that_runs_finishes_with_the_old_code(chat: Chat, tmp_path: Path) -> None:
    chat.load(write(tmp_path / "kitchen.py", SLOW))
    op, ann = await chat.join("op", operator=True), await chat.join("ann")
    await ann.types("/cook")

    write(tmp_path / "kitchen.py", SLOW.replace("old soup", "new soup"))
    await op.types("/reload kitchen")
    await trio.sleep(60)
    await ann.types("/cook")
    await trio.sleep(60)

    await ann.sees("-- old soup")
    await ann.sees("-- new soup")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("def (", "line 1: invalid syntax"),
        ("1 / 0", "line 1: ZeroDivisionError: division by zero"),
        (DICE.replace("def roll", "def who"), "there is a /who already"),
    ],
)
async def test_a_broken_version_leaves_the_old_one_in_place(
    chat: Chat, tmp_path: Path, text: str, fault: str
) -> None:
    chat.load(write(tmp_path / "dice.py", DICE))
    op = await chat.join("op", operator=True)

    write(tmp_path / "dice.py", text)
    await op.types("/reload dice", "/roll")

    await op.sees(fault)
    await op.sees("* rolled 1")


async def test_the_services_of_the_old_code_end_before_those_of_the_new_begin(
    chat: Chat, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chat.load(write(tmp_path / "bot.py", BOT))
    op = await chat.join("op", operator=True)

    write(tmp_path / "bot.py", BOT.replace('"old"', '"new"'))
    await op.types("/reload bot")

    await op.sees("* bot left")
    await op.sees("* bot joined")
    await op.sees("<bot> new")
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


async def test_a_background_task_goes_on_through_a_reload(chat: Chat) -> None:
    chat.load("trioserve.examples.remind")
    op = await chat.join("op", operator=True)

    await op.types("/remind 10m tea", "/reload remind")
    await trio.sleep(600)

    await op.sees("-- reminder: tea")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/reload nonesuch", "there is no plug-in nonesuch; /plugins lists them"),
        ("/unload nonesuch", "there is no plug-in nonesuch; /plugins lists them"),
        ("/reload test", "test has no file to load it from"),
        ("/unload operating", "that would leave nobody able to load anything"),
    ],
)
async def test_what_cannot_be_done_is_told(chat: Chat, typed: str, told: str) -> None:
    op = await chat.join("op", operator=True)

    await op.types(typed)

    await op.sees(f"-- {told}")


# ---------------------------------------------------------------- unloading


async def while_ann_cooks(chat: Chat, folder: Path) -> tuple[Person, Person]:
    """An operator, and Ann, who runs a command of the plug-in kitchen's."""
    chat.load(write(folder / "kitchen.py", SLOW))
    op, ann = await chat.join("op", operator=True), await chat.join("ann")
    await ann.types("/cook")
    return op, ann


async def test_unloading_ends_running_commands_and_their_callers_are_told(
    chat: Chat, tmp_path: Path
) -> None:
    op, ann = await while_ann_cooks(chat, tmp_path)

    await op.types("/unload kitchen")
    await ann.types("/cook")

    await op.sees("-- kitchen is unloaded, and what it ran is ended")
    await ann.sees("-- /cook is cancelled")
    await ann.sees("-- no command /cook")


async def test_unloading_after_a_reload_ends_what_runs_of_the_old_code_too(
    chat: Chat, tmp_path: Path
) -> None:
    op, ann = await while_ann_cooks(chat, tmp_path)

    await op.types("/reload kitchen", "/unload kitchen")

    await ann.sees("-- /cook is cancelled")


async def test_unloading_ends_services_and_their_bots_leave(chat: Chat, tmp_path: Path) -> None:
    chat.load(write(tmp_path / "bot.py", BOT))
    op = await chat.join("op", operator=True)

    await op.types("/unload bot")
    await op.sees("* bot left")
    await op.types("/who")

    await op.sees("-- #lobby: op")


async def test_unloading_ends_background_tasks(chat: Chat) -> None:
    chat.load("trioserve.examples.remind")
    op = await chat.join("op", operator=True)
    await op.types("/remind 10m tea", "/unload remind")
    op.unseen()

    await trio.sleep(600)

    await op.sees_nothing()


def test_unloading_lets_go_of_converters(tmp_path: Path) -> None:
    plugins = Plugins()
    plugins.install(
        write(
            tmp_path / "sums.py",
            """
            from trioserve import converter
            @converter
            def _complex(word: str) -> complex:
                'A complex number.'
                return complex(word)
            """,
        )
    )
    assert converter_for(complex).expected == "a complex number"

    plugins.remove("sums")

    with pytest.raises(TypeError, match="no converter for complex"):
        converter_for(complex)


async def test_a_call_that_outlives_its_plug_in_starts_nothing_more(
    autojump_clock: MockClock,
) -> None:
    @command
    async def linger(ctx: Context) -> None:
        """Ignore that I am ended."""
        with trio.CancelScope(shield=True):
            await trio.sleep(60)
            ctx.background(trio.sleep_forever)

    async with open_chat(functions=[linger]) as chat:
        op, ann = await chat.join("op", operator=True), await chat.join("ann")
        await ann.types("/linger")

        await op.types("/unload test")
        await trio.sleep(60)

        await ann.sees("-- test is unloaded")


# ---------------------------------------------------------------- operators


@pytest.mark.parametrize("typed", ["/plugins", "/load x.py", "/reload basics", "/unload basics"])
async def test_who_is_no_operator_is_told_so(chat: Chat, typed: str) -> None:
    ann = await chat.join("ann")

    await ann.types(typed)

    await ann.sees(f"-- {typed.split()[0]} is for operators")


async def test_only_operators_see_their_commands_in_the_help(chat: Chat) -> None:
    op, ann = await chat.join("op", operator=True), await chat.join("ann")

    await op.types("/help")
    await ann.types("/help")

    await op.sees("/plugins")
    assert "/plugins" not in ann.unseen()


async def test_plugins_are_listed_with_calls_errors_and_time(chat: Chat, tmp_path: Path) -> None:
    chat.load(write(tmp_path / "dice.py", DICE + "    raise ValueError\n"))
    op = await chat.join("op", operator=True)

    await op.types("/roll", "/roll", "/plugins")

    line = await op.sees("-- dice: 2 calls, 2 errors, ")
    assert line.endswith(" ms")
    assert chat.server.plugins.named("dice").seconds > 0


@pytest.mark.e2e
@pytest.mark.slow
def test_operators_come_by_a_unix_socket_that_the_configuration_marks(tmp_path: Path) -> None:
    operators, others = tmp_path / "operators.sock", tmp_path / "others.sock"
    config = tmp_path / "chat.toml"
    config.write_text(
        f'listen = [{{ address = "unix:{operators}", operator = true }}, "unix:{others}"]\n'
        'plugins = ["trioserve.examples.dice"]\n'
    )

    def shown(path: Path) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(path))
            connection.sendall(b"ann\n/plugins\n/quit\n")
            return connection.makefile().read()

    with running("--config", str(config)) as it:
        it.line()

        assert "-- dice: 0 calls, 0 errors, 0.0 ms" in shown(operators)
        assert "-- /plugins is for operators" in shown(others)


@pytest.mark.e2e
@pytest.mark.slow
def test_a_plug_in_that_fails_at_the_start_is_done_without(tmp_path: Path) -> None:
    broken = write(tmp_path / "broken.py", "\nx = 1 / 0\n")

    with running("--listen", "127.0.0.1:0", "--plugin", broken) as it:
        assert it.port()
        assert it.stop(signal.SIGTERM) == 0

    fault = f"trioserve: without a plug-in: {broken}: line 2: ZeroDivisionError: division by zero"
    assert it.log[:2] == [fault, "    x = 1 / 0"]


@pytest.mark.e2e
@pytest.mark.slow
def test_with_strict_a_plug_in_that_fails_keeps_the_server_from_starting(tmp_path: Path) -> None:
    broken = write(tmp_path / "broken.py", "import nonesuch")

    with running("--listen", "127.0.0.1:0", "--strict", "--plugin", broken) as it:
        assert it.wait() == 1

    assert "line 1: ModuleNotFoundError" in it.log[0]


# --------------------------------------------------------------- by themselves


def test_a_file_in_commands_is_a_plug_in_of_every_server() -> None:
    names = [plugin.name for plugin in built_in()]

    modules = [
        "accounts",
        "basics",
        "looking",
        "mentioning",
        "moderating",
        "moving",
        "operating",
        "reading",
    ]
    modules += ["searching", "talking"]
    assert names == modules


def test_what_a_package_offers_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    info = tmp_path / "games-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: games\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[trioserve.plugins]\ndice = games.dice\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    from trioserve.extending.plugins import offered

    assert "games.dice" in offered()
