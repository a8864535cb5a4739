"""Logs: one line a record, and nobody waits for whoever reads them."""

import io
import json
import logging
import os
import re
import threading
import time
from collections.abc import Callable

import pytest

from trioserve import observe
from trioserve.observe import TURN_BOUNDS, Counters, OneLineFormatter, log_briefly, logging_to

PATIENCE = 10.0  # seconds of the real clock; for a loaded machine

log = logging.getLogger("trioserve.test")


class Blocked(io.StringIO):
    """A stream whose writes wait until it is released, like a full pipe's."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()
        self.entered = threading.Event()

    def write(self, text: str, /) -> int:
        self.entered.set()
        assert self.released.wait(PATIENCE)
        return super().write(text)


def logged_by(act: Callable[[], object], level: str = "INFO") -> list[str]:
    """What is written to the log meanwhile, line by line, without the time."""
    stream = io.StringIO()
    with logging_to(stream, level=level):
        act()
    return [line.partition(",")[2][4:] for line in stream.getvalue().split("\n")[:-1]]


# ------------------------------------------------------------ for machines


def objects_logged_by(act: Callable[[], object]) -> list[dict[str, str]]:
    stream = io.StringIO()
    with logging_to(stream, json=True):
        act()
    assert stream.getvalue().isascii()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_json_record_is_one_object_in_one_line() -> None:
    [shown] = objects_logged_by(lambda: log.info("%s", "a\nb\u2028"))

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", shown.pop("time"))
    assert shown == {"level": "info", "logger": "trioserve.test", "message": "a\nb\u2028"}


def test_a_json_record_has_its_exception() -> None:
    def fail() -> None:
        try:
            raise ValueError("two\nlines \ud800")
        except ValueError:
            log.exception("it failed")

    [shown] = objects_logged_by(fail)

    assert shown["message"] == "it failed"
    assert shown["exception"].startswith("Traceback (most recent call last):\n")
    assert shown["exception"].endswith("ValueError: two\nlines \\ud800")


def test_a_json_record_has_its_stack() -> None:
    [shown] = objects_logged_by(lambda: log.info("here", stack_info=True))

    assert shown["stack"].startswith("Stack (most recent call last):\n")


def test_a_lone_surrogate_in_a_json_record_is_shown_by_its_number() -> None:
    [shown] = objects_logged_by(lambda: log.info("%s", "a\ud83d"))

    assert shown["message"] == "a\\ud83d"


# ---------------------------------------------------------------- one line


def test_a_record_is_a_line_with_time_and_level() -> None:
    stream = io.StringIO()

    with logging_to(stream):
        log.info("%s is %s", "192.0.2.7:4711", "ann")

    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO 192\.0\.2\.7:4711 is ann\n", stream.getvalue()
    )


def test_a_brief_record_is_a_line_like_any_other() -> None:
    def speak() -> None:
        log_briefly(log, "%s is %s", "192.0.2.7:4711", "ann")

    assert logged_by(speak) == ["INFO 192.0.2.7:4711 is ann"]
    assert logged_by(speak, level="WARNING") == []


def test_another_form_of_the_time_may_be_asked_for() -> None:
    record = logging.makeLogRecord({"msg": "here", "created": 15e6})

    assert OneLineFormatter("%(asctime)s %(message)s", "in %Y").format(record) == "in 1970 here"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("a\r\nb", r"a\r\nb"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("bell\a null\0 delete\x7f", r"bell\x07 null\x00 delete\x7f"),
        ("c1\x85\x9b", r"c1\x85\x9b"),
        ("line\u2028paragraph\u2029", r"line\u2028paragraph\u2029"),
        ("half\udc80", r"half\udc80"),
        ("100 % Grüße 你好", "100 % Grüße 你好"),
    ],
)
def test_whatever_somebody_put_into_it_a_record_is_one_line(text: str, shown: str) -> None:
    assert logged_by(lambda: log.info("%s", text)) == [f"INFO {shown}"]


def test_a_traceback_is_on_the_same_line() -> None:
    def crash() -> None:
        try:
            raise ValueError("of\nno use")
        except ValueError:
            log.exception("crashed")

    [line] = logged_by(crash)

    assert line.startswith(r"ERROR crashed\nTraceback (most recent call last):\n")
    assert line.endswith(r"ValueError: of\nno use")


def test_a_stack_is_on_the_same_line() -> None:
    [line] = logged_by(lambda: log.info("here", stack_info=True))

    assert line.startswith(r"INFO here\nStack (most recent call last):\n")


def test_the_formatter_works_for_any_handler() -> None:
    record = logging.makeLogRecord({"msg": "a\nb"})

    assert OneLineFormatter().format(record) == r"a\nb"


def test_a_record_that_cannot_be_formatted_harms_nobody(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("trioserve"), "propagate", False)  # pytest's would raise

    def mistake() -> None:
        log.info("%d", "seven")
        log.info("goes on")

    assert logged_by(mistake) == ["INFO goes on"]
    assert "--- Logging error ---" in capsys.readouterr().err


# --------------------------------------------------------- a blocked stream


def test_a_blocked_stream_does_not_block_who_logs() -> None:
    stream = Blocked()

    with logging_to(stream):
        for number in range(100):
            log.info("record %d", number)
        assert stream.entered.wait(PATIENCE)
        assert stream.getvalue() == ""
        stream.released.set()

    assert stream.getvalue().count("\n") == 100


def test_what_a_full_backlog_drops_is_counted_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe, "LOG_BACKLOG", 3)
    stream = Blocked()

    with logging_to(stream):
        log.info("in hand")
        assert stream.entered.wait(PATIENCE)
        for number in range(8):
            log.info("record %d", number)
        stream.released.set()
        wait_until(lambda: "record 2" in stream.getvalue())
        log.info("later")

    assert [line.partition(",")[2][4:] for line in stream.getvalue().splitlines()] == [
        "INFO in hand",
        "INFO record 0",
        "INFO record 1",
        "INFO record 2",
        "WARNING 5 log records dropped: the log is not being read",
        "INFO later",
    ]


def test_what_was_dropped_is_told_at_the_end_if_nothing_more_is_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(observe, "LOG_BACKLOG", 1)
    stream = Blocked()

    with logging_to(stream):
        log.info("in hand")
        assert stream.entered.wait(PATIENCE)
        log.info("waits")
        log.info("dropped")
        stream.released.set()

    assert stream.getvalue().endswith("WARNING 1 log records dropped: the log is not being read\n")


@pytest.mark.parametrize("backlog", [1, 100], ids=["full", "not full"])
def test_the_end_does_not_hang_with_a_blocked_stream(
    monkeypatch: pytest.MonkeyPatch, backlog: int
) -> None:
    monkeypatch.setattr(observe, "LOG_BACKLOG", backlog)
    monkeypatch.setattr(observe, "LOG_FLUSH", 0.05)
    stream = Blocked()
    began = time.monotonic()

    with logging_to(stream):
        for _ in range(3):
            log.info("nobody reads this")

    assert time.monotonic() - began < PATIENCE
    stream.released.set()


def test_an_error_passes_though_the_stream_is_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe, "LOG_BACKLOG", 1)
    monkeypatch.setattr(observe, "LOG_FLUSH", 0.05)
    stream = Blocked()

    def crash() -> None:
        log.info("in hand")
        assert stream.entered.wait(PATIENCE)
        log.info("waits")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), logging_to(stream):
        crash()

    stream.released.set()


def test_a_stream_that_breaks_harms_nobody() -> None:
    reader, writer = os.pipe()
    os.close(reader)

    with os.fdopen(writer, "w") as stream, logging_to(stream):
        log.info("into the void")
        log.info("and again")


def test_a_file_of_any_encoding_is_written_as_utf_8() -> None:
    reader, writer = os.pipe()

    with os.fdopen(writer, "w", encoding="ascii") as stream, logging_to(stream):
        log.info("Grüße")

    with os.fdopen(reader, encoding="utf-8") as written:
        assert written.read().endswith("INFO Grüße\n")


# --------------------------------------------------- what it leaves behind


def test_only_records_of_the_level_and_above_are_written() -> None:
    def speak() -> None:
        log.debug("whisper")
        log.warning("shout")

    assert logged_by(speak, level="WARNING") == ["WARNING shout"]
    assert logged_by(speak, level="DEBUG") == ["DEBUG whisper", "WARNING shout"]


def test_the_logger_is_left_as_it_was() -> None:
    logger = logging.getLogger("trioserve")
    before = (logger.level, list(logger.handlers))
    threads = threading.active_count()

    with pytest.raises(ZeroDivisionError), logging_to(io.StringIO(), level="ERROR"):
        raise ZeroDivisionError

    assert (logger.level, logger.handlers) == before
    assert threading.active_count() <= threads


def test_the_default_is_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with logging_to():
        log.info("here")

    assert capfd.readouterr().err.endswith("INFO here\n")


def test_a_process_without_stderr_logs_to_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)

    with logging_to():
        log.info("nobody")


def test_counters_begin_at_nothing_and_share_nothing() -> None:
    first, second = Counters(), Counters()

    first.cut["not reading"] += 1

    assert (second.connections, second.messages, second.crashes) == (0, 0, 0)
    assert not second.cut
    assert not second.refused


def test_turns_are_counted_by_how_long_they_took() -> None:
    counters = Counters()

    for seconds in (0.0, TURN_BOUNDS[0], 0.02, 5.0):
        counters.count_turn(1, seconds)

    assert counters.turns == [2, 0, 0, 0, 0, 1, 0, 0, 0, 1]
    assert counters.turn_seconds == pytest.approx(5.02 + TURN_BOUNDS[0])
    assert counters.turn_peak == 5.0


def test_peaks_are_the_most_since_they_were_set_back() -> None:
    counters = Counters()
    for waited in (3, 7, 2):
        counters.count_turn(waited, 0.001)
    assert counters.inbox_peak == 7

    counters.inbox_peak = 0
    counters.count_turn(2, 0.001)

    assert counters.inbox_peak == 2


def wait_until(happened: Callable[[], bool]) -> None:
    """Wait for another thread."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.001)
