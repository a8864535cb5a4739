"""The tree of tasks as text, with what each of them is doing as far as that can be known."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import trio

from trioserve.extending.plugin import drive
from trioserve.tasks import tree

MOST_LINES: Final = 300  # of one tree
MOST_STACKS: Final = 60  # looked at with stackscope, some 1 ms each
MOST_FRAMES: Final = 12  # of one task, the innermost


@functools.cache
def extractor() -> Callable[..., Any] | None:
    """What stackscope looks into tasks with, if that is installed."""
    try:
        import stackscope  # 20 ms, of which a start has nothing
    except ModuleNotFoundError:  # of the extra `metrics`
        return None
    stackscope.customize(drive, elaborate=lambda frame, _: frame.pyframe.f_locals["driven"])
    extract: Callable[..., Any] = stackscope.extract
    return extract


async def describe(root: trio.lowlevel.Task | None) -> str:
    """The tree below a task, a line a task or a kind of them, and under it where it is.

    With stackscope that is every call but Trio's own, else the innermost.
    Checkpoints between tasks. At most MOST_LINES lines; the rest are counted.
    """
    kind = await tree.grow(root)
    if kind is None:
        return "no task runs"
    shown: list[str] = []
    stacks, extract = 0, extractor()
    for line, about in tree.lines(kind):
        shown.append(line)
        if about is None or about.example is None:
            continue
        where = [tree.place(about.example)]
        if extract is not None and stacks < MOST_STACKS:
            await trio.lowlevel.checkpoint()
            where = list(_calls(extract(about.example, with_contexts=False))) or where
            stacks += 1
        margin = _margin(line, has_more=bool(about.nurseries))
        shown += [f"{margin}{each}" for each in where]
    if (more := len(shown) - MOST_LINES) > 0:
        shown[MOST_LINES:] = [f"and {more} more lines"]
    return "\n".join([f"{kind.total:,} tasks", *shown])


def _calls(stack: Any) -> Iterator[str]:
    """The calls of a stackscope.Stack, outermost first, each with its line."""
    ours = [each for each in stack.frames if not tree.is_of_trio(each.filename)]
    for frame in ours[-MOST_FRAMES:]:
        where = f"{Path(frame.filename).name}:{frame.lineno} {frame.funcname}"
        yield f"{where}: {frame.linetext}" if frame.linetext else where


def _margin(line: str, *, has_more: bool) -> str:
    """What stands before what is said of a line's task: the branches that go on below it."""
    width = len(line) - len(line.lstrip("│├└─ "))
    went_on = line[:width].replace("├─", "│ ").replace("└─", "  ").replace("─", " ")
    return went_on + ("│  " if has_more else "   ")
