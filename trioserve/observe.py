"""What an operator can know: counters, and logs that never hold up the loop."""

import logging
import queue
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import QueueHandler
from typing import Final, TextIO

import attrs

LOG_BACKLOG: Final = 10_000  # records that wait for a slow log; more are counted and dropped
LOG_FLUSH: Final = 2.0  # seconds that the end of the program waits for a slow log

_BREAKS_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@attrs.define(eq=False)
class Counters:
    """What has happened since the start, in plain integers."""

    started: float = 0.0  # on Trio's clock
    connections: int = 0
    messages: int = 0
    deliveries: int = 0
    skipped: int = 0
    crashes: int = 0
    refused: Counter[str] = attrs.field(factory=Counter)  # connections, by reason
    cut: Counter[str] = attrs.field(factory=Counter)  # sessions that did not end by themselves


class OneLineFormatter(logging.Formatter):
    """Format each record as one physical line, whatever somebody put into it."""

    def format(self, record: logging.LogRecord) -> str:
        return _BREAKS_A_LINE.sub(_escaped, super().format(record))


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


class _BoundedQueueHandler(QueueHandler):
    """Queue records for the writing thread, or count them where the queue is full."""

    def __init__(self, records: "queue.Queue[logging.LogRecord | None]") -> None:
        super().__init__(records)
        self._records = records
        self._dropped = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            if self._dropped:
                self._records.put_nowait(self._account())
                self._dropped = 0
            self._records.put_nowait(record)
        except queue.Full:
            self._dropped += 1

    def _account(self) -> logging.LogRecord:
        text = f"{self._dropped} log records dropped: the log is not being read"
        return logging.LogRecord("trioserve", logging.WARNING, __file__, 0, text, (), None)


@contextmanager
def logging_to(stream: TextIO | None = None, *, level: str = "INFO") -> Iterator[None]:
    """Log to a stream (stderr) from a thread of its own, so that a blocked one blocks nobody."""
    writer = logging.StreamHandler(stream or sys.stderr)
    writer.setFormatter(OneLineFormatter("%(asctime)s %(levelname)s %(message)s"))
    records: queue.Queue[logging.LogRecord | None] = queue.Queue(LOG_BACKLOG)
    handler = _BoundedQueueHandler(records)
    logger = logging.getLogger("trioserve")
    logger.setLevel(level)
    logger.addHandler(handler)
    thread = threading.Thread(target=_write, args=(records, writer), daemon=True, name="log")
    thread.start()
    try:
        yield
    finally:
        logger.removeHandler(handler)
        try:
            records.put(None, timeout=LOG_FLUSH)
        except queue.Full:
            return  # stderr is blocked for good: the thread is a daemon and dies with us
        thread.join(LOG_FLUSH)


def _write(records: "queue.Queue[logging.LogRecord | None]", writer: logging.Handler) -> None:
    while (record := records.get()) is not None:
        writer.handle(record)
