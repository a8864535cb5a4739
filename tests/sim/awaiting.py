"""Whether the broker waits for its inbox and for nothing else."""

import types
from collections.abc import Iterator
from contextlib import contextmanager

import trio

from tests.sim.chronicle import Wrong
from trioserve.broker import Broker


class Watch(trio.abc.Instrument):
    """Looks at what the broker's task waits for, each time that it has had its turn."""

    def __init__(self) -> None:
        self.steps = 0
        self.wrong: Wrong | None = None

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if task.name != "broker":
            return
        self.steps += 1
        frame: types.FrameType | None = getattr(task.coro, "cr_frame", None)
        if frame is None:
            return  # it has ended
        broker = frame.f_locals["self"]
        assert isinstance(broker, Broker)
        awaited = getattr(task.coro, "cr_await", None)
        receiver: types.FrameType | None = getattr(awaited, "cr_frame", None)
        if receiver is None or receiver.f_locals.get("self") is not broker._receive:
            self.wrong = self.wrong or Wrong(f"the broker awaits {awaited}, which is not its inbox")


@contextmanager
def watched_broker() -> Iterator[Watch]:
    """See in the block that each turn of the broker's awaits nothing but the inbox.

    Raises:
        Wrong: at the end, if one did.
    """
    watch = Watch()
    trio.lowlevel.add_instrument(watch)
    try:
        yield watch
    finally:
        trio.lowlevel.remove_instrument(watch)
    if watch.wrong is not None:
        raise watch.wrong
    if not watch.steps:
        raise Wrong("the broker was never seen to wait")
