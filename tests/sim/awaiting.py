"""Whether the broker waits for its inbox and for nothing else, and that keeps its bound."""

import types
from collections.abc import Iterator
from contextlib import contextmanager

import trio

from tests.sim.chronicle import Wrong
from trioserve.broker.broker import Broker


class Watch(trio.abc.Instrument):
    """Looks at the broker's task: what waits before each of its turns, what it awaits behind it."""

    def __init__(self, inbox: int) -> None:
        self.inbox = inbox  # requests that may wait there
        self.steps = 0
        self.wrong: Wrong | None = None

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if task.name != "broker":
            return
        frame: types.FrameType | None = getattr(task.coro, "cr_frame", None)
        broker = None if frame is None else frame.f_locals.get("self")
        if isinstance(broker, Broker):
            waiting = broker._receive.statistics().current_buffer_used
            if waiting > self.inbox:
                self.wrong = self.wrong or Wrong(
                    f"{waiting} requests wait in the inbox, and {self.inbox} is the most"
                )

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
def watched_broker(inbox: int) -> Iterator[Watch]:
    """See in the block that each turn of the broker's awaits nothing but the inbox, nor is it over.

    Raises:
        Wrong: at the end, if one did.
    """
    watch = Watch(inbox)
    trio.lowlevel.add_instrument(watch)
    try:
        yield watch
    finally:
        trio.lowlevel.remove_instrument(watch)
    if watch.wrong is not None:
        raise watch.wrong
    if not watch.steps:
        raise Wrong("the broker was never seen to wait")
