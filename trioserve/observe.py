"""What an operator can know: counters, and logs that never hold up the loop."""

import functools
import json
import logging
import queue
import re
import sys
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from logging.handlers import QueueHandler
from typing import Any, Final, TextIO

import attrs

LOG_BACKLOG: Final = 10_000  # records that wait for a slow log; more are counted and dropped
# Seconds in which records gather before they are written together. A thread that wakes
# for each of them wrests the interpreter from the server: 20 µs a record.
LOG_PAUSE: Final = 0.05
LOG_FLUSH: Final = 2.0  # seconds that the end of the program waits for a slow log
MOST_REASONS: Final = 20  # told apart when they are counted: they become labels of metrics
OTHER: Final = "other"  # stands for the rest of them
TURN_BOUNDS: Final = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # seconds

# What moves the cursor or ends a line, and lone surrogates, which nothing can encode.
_SURROGATE = re.compile("[\ud800-\udfff]")
_BREAKS_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


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
    # Turns of the broker that took at most each of TURN_BOUNDS, and longer than the last.
    turns: list[int] = attrs.field(factory=lambda: [0] * (len(TURN_BOUNDS) + 1))
    turn_seconds: float = 0.0  # for which they held the loop
    # The longest turn (seconds) and the most requests that waited for one: since the start, or
    # since they were set back to 0, which is for `recent` alone, not for whoever reads them.
    turn_peak: float = 0.0
    inbox_peak: int = 0

    def count_cut(self, cause: str) -> None:
        """Count a session that was cut."""
        _count(self.cut, cause)

    def count_refused(self, reason: str) -> None:
        """Count a connection that was not let in."""
        _count(self.refused, reason)

    def count_turn(self, waited: int, seconds: float) -> None:
        """Count a turn of the broker, for which so many requests waited."""
        self.turns[bisect_left(TURN_BOUNDS, seconds)] += 1
        self.turn_seconds += seconds
        if seconds > self.turn_peak:
            self.turn_peak = seconds
        if waited > self.inbox_peak:
            self.inbox_peak = waited


def _count(counts: Counter[str], reason: str) -> None:
    counts[reason if reason in counts or len(counts) < MOST_REASONS else OTHER] += 1


class OneLineFormatter(logging.Formatter):
    """Format each record as one physical line, whatever somebody put into it."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        # Nearly all are printable as they are, which is seen in a tenth of the time.
        return text if text.isprintable() else _BREAKS_A_LINE.sub(_escaped, text)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        if datefmt is not None:
            return super().formatTime(record, datefmt)
        return f"{_second(int(record.created))},{int(record.msecs):03}"


@functools.lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return time.strftime(logging.Formatter.default_time_format, time.localtime(seconds))


class JsonFormatter(logging.Formatter):
    """Format each record as one line that is one JSON object, in ASCII.

    time (RFC 3339, UTC), level, logger, message, and exception or stack where there is one.
    """

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        fields = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            fields["stack"] = record.stack_info
        # Lone surrogates are no JSON that every reader takes.
        return json.dumps({key: _SURROGATE.sub(_escaped, text) for key, text in fields.items()})


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


class _BoundedQueueHandler(QueueHandler):
    """Queue lines for the writing thread, or count them where the queue is full."""

    def __init__(
        self, records: "queue.SimpleQueue[str | None]", formatter: logging.Formatter
    ) -> None:
        super().__init__(records)
        self.setFormatter(formatter)
        self._records = records
        self._dropped = 0

    def prepare(self, record: logging.LogRecord) -> str:
        """Format at once: what QueueHandler does, format and copy, and format again, costs more."""
        return self.format(record)

    def enqueue(self, record: Any) -> None:  # what `prepare` has made of it: a line
        # The bound is ours: a queue with one of its own takes 3 µs for what this does in 0.2.
        if self._records.qsize() >= LOG_BACKLOG:
            self._dropped += 1
        else:
            self._tell_dropped()
            self._records.put(record)

    def end(self) -> None:
        """Queue the end, behind what waits."""
        self._tell_dropped()
        self._records.put(None)

    def _tell_dropped(self) -> None:
        if self._dropped:
            text = f"{self._dropped} log records dropped: the log is not being read"
            account = logging.LogRecord("trioserve", logging.WARNING, "", 0, text, (), None)
            self._records.put(self.format(account))
            self._dropped = 0


def log_briefly(logger: logging.Logger, text: str, *arguments: object) -> None:
    """Log at INFO, as the logger does, but not from which line of code: that takes a third of it.

    For what is logged of each connection.
    """
    if logger.isEnabledFor(logging.INFO):
        logger.handle(
            logger.makeRecord(logger.name, logging.INFO, "", 0, text, arguments, exc_info=None)
        )


@contextmanager
def logging_to(
    stream: TextIO | None = None, *, level: str = "INFO", json: bool = False
) -> Iterator[None]:
    """Log to a stream (stderr) from a thread of its own, so that a blocked one blocks nobody.

    With `json`, each line is a JSON object.
    """
    stream = stream or sys.stderr
    if stream is None:  # a process that was started without one
        yield
        return
    records: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    text = OneLineFormatter("%(asctime)s %(levelname)s %(message)s")
    handler = _BoundedQueueHandler(records, JsonFormatter() if json else text)
    logger = logging.getLogger("trioserve")
    former_level = logger.level
    logger.setLevel(level)
    logger.addHandler(handler)
    thread = threading.Thread(
        target=_write, args=(records, _apart(stream)), daemon=True, name="log"
    )
    thread.start()
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(former_level)
        handler.end()
        thread.join(LOG_FLUSH)  # of a stream that is blocked for good: it is a daemon, and dies


def _apart(stream: TextIO) -> TextIO:
    """The same file behind a buffer of its own, if it is a file.

    The interpreter flushes its stderr when it ends, and would wait for the lock
    that our blocked thread holds.
    """
    try:
        descriptor = stream.fileno()
    except OSError:
        return stream
    return open(
        descriptor, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False
    )


def _write(records: "queue.SimpleQueue[str | None]", stream: TextIO) -> None:
    # No logging.Handler: `logging` locks each of its own when the interpreter ends, and
    # would wait for ever for one that is blocked.
    has_ended = False
    while not has_ended:
        lines = [records.get()]
        if lines[0] is not None:
            time.sleep(LOG_PAUSE)
        while not records.empty():  # this is the only reader
            lines.append(records.get())
        has_ended = lines[-1] is None
        with suppress(OSError):  # the disk is full, the reader gone: nobody to tell
            stream.write("".join(f"{line}\n" for line in lines if line is not None))
            stream.flush()
