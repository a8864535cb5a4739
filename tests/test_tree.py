"""The tree of tasks: what runs below what, by kinds, and where each is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trioserve.tasks import tree


async def wait() -> None:
    await trio.sleep_forever()


@asynccontextmanager
async def task(name: str, *children: str, times: int = 1) -> AsyncIterator[trio.lowlevel.Task]:
    """A task of this name, in whose nursery `children` run, each so many times."""

    async def run() -> None:
        async with trio.open_nursery() as below:
            for child in children * times:
                below.start_soon(wait, name=child)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, name=name)
        await wait_all_tasks_blocked()
        (found,) = (each for each in nursery.child_tasks if each.name == name)
        yield found
        nursery.cancel_scope.cancel()


async def text(root: trio.lowlevel.Task | None) -> str:
    kind = await tree.grow(root)
    assert kind is not None
    return "\n".join(line for line, _ in tree.lines(kind))


async def test_tasks_stand_below_those_that_run_them() -> None:
    async with task("parent", "one", "two") as parent:
        assert await text(parent) == "parent\n├─ one\n└─ two"


def test_what_is_installed_beside_trio_is_not_taken_for_it() -> None:
    packages = Path(trio.__file__).parent.parent

    assert tree.is_of_trio(str(packages / "trio" / "_core" / "_run.py"))
    assert not tree.is_of_trio(str(packages / "trioserve" / "broker.py"))


async def test_tasks_of_one_name_are_counted() -> None:
    async with task("parent", "session", times=1203) as parent:
        assert await text(parent) == "parent\n└─ session (1,203 tasks)"


async def test_what_runs_below_tasks_of_one_name_is_counted_together() -> None:
    async with trio.open_nursery() as nursery, task("session", "/roll"), task("session", "/poll"):
        kind = await tree.grow(trio.lowlevel.current_task())
        nursery.cancel_scope.cancel()

    assert kind is not None
    assert kind.total == 5


async def test_a_nursery_within_another_is_called_by_its_variable() -> None:
    async def serve() -> None:
        async with trio.open_nursery() as services:
            services.start_soon(wait, name="broker")
            async with trio.open_nursery() as sessions:
                sessions.start_soon(wait, name="session")
                await wait()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, name="serve")
        await wait_all_tasks_blocked()
        (server,) = nursery.child_tasks
        shown = await text(server)
        nursery.cancel_scope.cancel()

    assert shown.splitlines() == [
        "serve",
        "└─ [services]",
        "   ├─ broker",
        "   └─ [sessions]",
        "      └─ session",
    ]


async def test_of_too_many_kinds_the_rest_are_counted() -> None:
    names = [f"kind{number:03}" for number in range(tree.MOST_KINDS + 7)]

    async with task("parent", *names) as parent:
        shown = (await text(parent)).splitlines()

    assert len(shown) == 1 + tree.MOST_KINDS + 1
    assert shown[-1] == "└─ others (7 tasks)"


async def test_what_is_nested_too_deep_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MOST_LEVELS", 1)

    async with task("parent", "one", "two") as parent:
        assert await text(parent) == "parent\n└─ others (2 tasks)"


async def test_thousands_of_tasks_do_not_hold_the_loop() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with task("parent", "session", times=5000) as parent, trio.open_nursery() as nursery:
        nursery.start_soon(count)
        kind = await tree.grow(parent)
        nursery.cancel_scope.cancel()

    assert kind is not None
    assert kind.total == 5001
    assert turns >= 5000 // tree.STRIDE


async def test_a_leaf_is_told_with_its_line() -> None:
    async with task("parent", "one") as parent:
        (leaf,) = tree.leaves(parent)

    assert leaf.startswith("one (test_tree.py:")


async def test_the_main_task_is_the_program_s() -> None:
    await trio.lowlevel.checkpoint()
    main = tree.main_task()

    assert main is not None
    assert "init" not in main.name


async def test_without_a_task_there_is_no_tree() -> None:
    assert await tree.grow(None) is None
    assert list(tree.leaves(None)) == []
