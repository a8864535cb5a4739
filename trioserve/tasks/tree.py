"""The tree of tasks: who runs whom, how many of a kind, and where each is.

Read from outside, from what Trio tells of its tasks and nurseries. A nursery has
no name; it is called by the variable that its task keeps it in.
"""

import os
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs
import trio

STRIDE: Final = 200  # tasks looked at in one go, some 3 µs each; then others get a turn
MOST_KINDS: Final = 50  # of tasks in one nursery; the rest are counted
MOST_LEVELS: Final = 20  # of tasks below one another; deeper ones are left out
MOST_FRAMES: Final = 1000  # of one stack
_TRIO: Final = f"{Path(trio.__file__).parent}{os.sep}"


@attrs.frozen
class Kind:
    """Tasks of one name that stand beside each other, or one alone, and what runs below them."""

    name: str
    count: int
    example: trio.lowlevel.Task | None  # one of them; of "others" none
    nurseries: "Nurseries"  # of all of them, outermost first

    @property
    def total(self) -> int:
        """How many tasks these are, with all below them."""
        below = (kind.total for _, kinds in self.nurseries for kind in kinds)
        return self.count + sum(below)


Nurseries = tuple[tuple[str, tuple[Kind, ...]], ...]  # each with its name


def main_task() -> trio.lowlevel.Task | None:
    """The task in which the program's own code begins; Trio's own are above it and beside it."""
    if (root := trio.lowlevel.current_root_task()) is None:
        return None
    main = [task for nursery in root.child_nurseries[-1:] for task in nursery.child_tasks]
    return main[0] if len(main) == 1 else root


async def grow(root: trio.lowlevel.Task | None) -> Kind | None:
    """Look at a task and all below it; checkpoints at every STRIDE of them.

    So it is no picture of one moment: with thousands of tasks, some come and go meanwhile.
    """
    return None if root is None else await _kind(root.name, [root], MOST_LEVELS)


def lines(kind: Kind) -> Iterator[tuple[str, Kind | None]]:
    """The tree as text, line by line, each with the tasks that it is about."""
    yield from _lines(kind, "", "")


def leaves(root: trio.lowlevel.Task | None) -> Iterator[str]:
    """The tasks below which nothing runs, each with where it is; from any thread."""
    if root is None:
        return
    children = [task for nursery in root.child_nurseries for task in nursery.child_tasks]
    for child in children:
        yield from leaves(child)
    if not children:
        yield f"{root.name} ({place(root)})"


def place(task: trio.lowlevel.Task) -> str:
    """Where a task is: file and line of the innermost frame that is not Trio's."""
    last = ""
    for frame in frames(task):
        if not last or not is_of_trio(frame.f_code.co_filename):
            last = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
    return last or "ended"


def is_of_trio(file: str) -> bool:
    """Whether a source file is Trio's, not ours, whose folder may stand beside it."""
    return file.startswith(_TRIO)


def frames(task: trio.lowlevel.Task) -> Iterator[types.FrameType]:
    """The frames of a task, outermost first, as far as coroutines and generators tell."""
    awaited: Any = task.coro
    for _ in range(MOST_FRAMES):
        if isinstance(awaited, types.CoroutineType):
            frame, awaited = awaited.cr_frame, awaited.cr_await
        elif isinstance(awaited, types.GeneratorType):
            frame, awaited = awaited.gi_frame, awaited.gi_yieldfrom
            if awaited is None and frame is not None:
                # By hand: see `trioserve.extending.plugin.drive`.
                awaited = frame.f_locals.get("driven")
        else:
            return
        if frame is not None:
            yield frame


async def _kind(name: str, tasks: list[trio.lowlevel.Task], levels: int) -> Kind:
    children: list[list[trio.lowlevel.Task]] = []
    for number, task in enumerate(tasks):
        if number % STRIDE == 0:
            await trio.lowlevel.checkpoint()
        for position, nursery in enumerate(task.child_nurseries):
            if position == len(children):
                children.append([])
            children[position] += nursery.child_tasks
    names = _nursery_names(tasks[0])
    nurseries = []
    for position, found in enumerate(children):
        if found:
            kinds = await _kinds(found, levels - 1)
            nurseries.append((names[position] if position < len(names) else "", kinds))
    return Kind(name, len(tasks), tasks[0], tuple(nurseries))


async def _kinds(tasks: list[trio.lowlevel.Task], levels: int) -> tuple[Kind, ...]:
    by_name: dict[str, list[trio.lowlevel.Task]] = {}
    for number, task in enumerate(tasks):
        if number % STRIDE == STRIDE - 1:
            await trio.lowlevel.checkpoint()
        by_name.setdefault(task.name, []).append(task)
    named = sorted(by_name.items())  # Trio keeps them in a set
    if levels <= 0:
        return (Kind("others", len(tasks), None, ()),)
    kinds = [await _kind(name, found, levels) for name, found in named[:MOST_KINDS]]
    if rest := sum(len(found) for _, found in named[MOST_KINDS:]):
        kinds.append(Kind("others", rest, None, ()))
    return tuple(kinds)


def _nursery_names(task: trio.lowlevel.Task) -> list[str]:
    """What the task's nurseries are called; empty for one that no variable holds."""
    found: dict[int, str] = {}
    for frame in frames(task):
        for name, value in frame.f_locals.items():
            if isinstance(value, trio.Nursery) and name != "self":  # its own methods'
                found.setdefault(id(value), name)
    return [found.get(id(nursery), "") for nursery in task.child_nurseries]


def _lines(kind: Kind, first: str, further: str) -> Iterator[tuple[str, Kind | None]]:
    yield f"{first}{kind.name}{f' ({kind.count:,} tasks)' if kind.count > 1 else ''}", kind
    match kind.nurseries:
        case ():
            pass
        case ((_, kinds),):
            yield from _kinds_lines(kinds, further, is_end=True)
        case several:
            yield from _nursery_lines(several, further)


def _nursery_lines(nurseries: Nurseries, margin: str) -> Iterator[tuple[str, Kind | None]]:
    """Several nurseries of one task, each within the one before it."""
    (name, kinds), *inner = nurseries
    yield f"{margin}└─ [{name or 'nursery'}]", None
    yield from _kinds_lines(kinds, margin + "   ", is_end=not inner)
    if inner:
        yield from _nursery_lines(tuple(inner), margin + "   ")


def _kinds_lines(
    kinds: tuple[Kind, ...], margin: str, *, is_end: bool
) -> Iterator[tuple[str, Kind | None]]:
    for number, kind in enumerate(kinds, 1):
        corner, line = ("└─ ", "   ") if is_end and number == len(kinds) else ("├─ ", "│  ")
        yield from _lines(kind, margin + corner, margin + line)
