"""What it takes to paint a line, whatever its author has put there."""

import sys
from types import FrameType
from typing import Any

import pytest

from trioserve.messages import Said
from trioserve.wire.render import render
from trioserve.wire.style import Look, Screen, Style, View

ID = 1_700_000_000_123_456  # of a message; microseconds since 1970
NARROW = Style(look=Look(theme="default"), screen=Screen(12, 256, True))


def steps(text: str) -> int:
    """How many lines of code it takes to show a text to b, in colours and a narrow window."""
    count = 0

    def trace(_frame: FrameType, event: str, _: Any) -> Any:  # what a trace function is
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        render(Said(ID, "#lobby", "ann", text), NARROW, View("b"))
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("word", ["b ", "www.a ", "b,"], ids=["mentions", "links", "unbroken"])
def test_a_line_of_many_marks_costs_as_much_as_it_is_long(word: str) -> None:
    assert steps(word * 160) < 6 * steps(word * 40)
