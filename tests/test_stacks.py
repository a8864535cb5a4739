"""What each task is doing: with stackscope every call, without it the innermost."""

import pytest
import trio

from trioserve import Context, command
from trioserve.tasks import stacks
from trioserve.testing import Chat, open_chat


@command
async def dawdle(ctx: Context) -> None:
    """Take your time."""
    await trio.sleep(600)


async def shown_tasks(chat: Chat) -> list[str]:
    op = await chat.join("op", operator=True)
    await op.types("/tasks")
    await trio.sleep(1)
    return op.unseen().splitlines()


async def test_operators_are_shown_the_tree_of_tasks(chat: Chat) -> None:
    await chat.join("ann")

    shown = await shown_tasks(chat)

    assert any(line.endswith("├─ session (2 tasks)") for line in shown)
    for name in ("broker", "drains", "[sessions]", "listener"):
        assert any(line.endswith(f"─ {name}") for line in shown)


async def test_others_are_not(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/tasks")

    await ann.sees("-- /tasks is for operators")


async def test_each_call_of_a_task_is_shown(autojump_clock: trio.testing.MockClock) -> None:
    async with open_chat(functions=[dawdle]) as chat:
        ann = await chat.join("ann")
        await ann.types("/dawdle")

        shown = await shown_tasks(chat)

    (line,) = (line for line in shown if "await trio.sleep(600)" in line)
    assert "test_stacks.py:" in line
    assert " dawdle: " in line
    assert any(line.endswith("├─ /dawdle") for line in shown)


async def test_without_stackscope_the_innermost_call_is_shown(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks, "extractor", lambda: None)

    shown = await shown_tasks(chat)

    broker = next(number for number, line in enumerate(shown) if line.endswith("─ broker"))
    assert "broker.py:" in shown[broker + 1]
    assert "receive" not in shown[broker + 1]


async def test_a_command_is_looked_into_without_stackscope_too(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks, "extractor", lambda: None)
    async with open_chat(functions=[dawdle]) as chat:
        ann = await chat.join("ann")
        await ann.types("/dawdle")

        shown = await shown_tasks(chat)

    dawdling = next(number for number, line in enumerate(shown) if line.endswith("/dawdle"))
    assert "test_stacks.py:" in shown[dawdling + 1]


async def test_a_tree_too_long_ends_with_how_much_is_left_out(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks, "MOST_LINES", 5)

    shown = await shown_tasks(chat)

    assert len(shown) == 7
    assert shown[-1].startswith("-- and ")


async def test_without_a_task_there_is_nothing_to_show() -> None:
    assert await stacks.describe(None) == "no task runs"
