"""What a person reads of each event: plain, marked, wrapped, spoken, and shown again."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import get_args

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from wcwidth import width

from tests.test_text import hostile, tricky
from trioserve.messages import (
    Acted,
    Announced,
    Asked,
    Departed,
    Divided,
    Dropped,
    Entered,
    Event,
    Flickered,
    Joined,
    Left,
    Lost,
    Message,
    Noticed,
    Renamed,
    Resumable,
    Returned,
    Said,
    Skipped,
    Thronged,
    Told,
    TopicSet,
)
from trioserve.rulings import Deed, Invited, Knocked, Moderated, Owned, Secluded, Slowed, Walled
from trioserve.wire.render import render, render_again
from trioserve.wire.style import PLAIN, Bell, Clock, Look, Screen, Style, Theme, View
from trioserve.wire.text import clean
from trioserve.wire.wrap import LINK

ID = 1_700_000_000_123_456  # of a message; microseconds since 1970
AT = time.strftime("[%H:%M]", time.localtime(ID // 1_000_000))  # where the tests run

HERE, ELSEWHERE = Style(), Style(here=False)
QUIET = Style(quiet=True)

# ---------------------------------------------------------- events to text


@pytest.mark.parametrize(
    ("event", "here", "elsewhere"),
    [
        (Said(ID, "#dev", "ann", "hi"), f"{AT} <ann> hi", f"{AT} #dev <ann> hi"),
        (Acted(ID, "#dev", "ann", "waves"), "** ann waves", "#dev ** ann waves"),
        (Announced(ID, "#dev", "ann", "ann rolled 6"), "* ann rolled 6", "#dev * ann rolled 6"),
        (
            TopicSet("#dev", "ann", "tea"),
            "* ann set the topic: tea",
            "* #dev ann set the topic: tea",
        ),
        (
            TopicSet("#dev", "ann", ""),
            "* ann took the topic away",
            "* #dev ann took the topic away",
        ),
    ],
    ids=repr,
)
def test_what_happens_in_a_room_names_it_only_elsewhere(
    event: Event, here: str, elsewhere: str
) -> None:
    assert render(event, HERE) == f"{here}\r\n".encode()
    assert render(event, ELSEWHERE) == f"{elsewhere}\r\n".encode()


@pytest.mark.parametrize("style", [HERE, ELSEWHERE, QUIET], ids=repr)
@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Told(ID, "ann", "you", "psst"), f"{AT} ann -> you: psst"),
        (Noticed("no such room"), "-- no such room"),
        (Renamed("ann", "anna"), "* ann is now anna"),
        (Resumable("able-baker-cargo"), "-- if the connection breaks: /resume able-baker-cargo"),
        (Skipped("#dev", 1, 1), "-- 1 message skipped in #dev; /missed to read them"),
        (Skipped("#dev", 37, 37), "-- 37 messages skipped in #dev; /missed to read them"),
        (
            Skipped("#dev", 370, 200),
            "-- 370 messages skipped in #dev; /missed to read the last 200",
        ),
    ],
    ids=repr,
)
def test_what_concerns_one_person_looks_the_same_in_every_style(
    event: Event, line: str, style: Style
) -> None:
    assert render(event, style) == f"{line}\r\n".encode()


goings = pytest.mark.parametrize(
    ("event", "line"),
    [
        (Joined("#dev", "ann"), "* ann joined #dev"),
        (Left("#dev", "ann"), "* ann left #dev"),
        (Left("#dev", "ann", text="lunch"), "* ann left #dev, saying: lunch"),
        (Left("#dev", "ann", reason="kicked"), "* ann left #dev (kicked)"),
        (Departed("ann"), "* ann left"),
        (Departed("ann", reason="not reading"), "* ann left (not reading)"),
        (Departed("ann", text="(not reading)"), "* ann left, saying: (not reading)"),
        (Departed("ann", "muted", "bye"), "* ann left (muted), saying: bye"),
        (Dropped("ann"), "* ann lost the connection"),
        (Returned("ann"), "* ann is back"),
        (Flickered("#dev", ["ann"], 1, [], 0), "* ann lost the connection"),
        (
            Flickered("#dev", ["ann", "bob"], 9, ["cat", "dan"], 2),
            "* ann, bob and 7 others lost the connection; cat, dan are back",
        ),
        (Thronged("#dev", ["ann"], 1, [], 0), "* ann joined #dev"),
        (Thronged("#dev", [], 0, ["ann", "bob"], 2), "* ann, bob left #dev"),
        (
            Thronged("#dev", ["ann", "bob"], 9, ["cat"], 2),
            "* cat and 1 other left #dev; ann, bob and 7 others joined #dev",
        ),
    ],
    ids=repr,
)


@goings
def test_who_comes_and_goes_is_shown(event: Event, line: str) -> None:
    assert render(event, HERE) == render(event, ELSEWHERE) == f"{line}\r\n".encode()


@goings
def test_who_comes_and_goes_is_not_shown_to_the_quiet(event: Event, line: str) -> None:
    assert render(event, QUIET) == b""


def test_every_line_of_a_notice_has_the_servers_prefix() -> None:
    assert render(Noticed("one\n\n  two "), HERE) == b"-- one\r\n--\r\n--   two\r\n"


def test_entering_an_empty_room_shows_who_is_there() -> None:
    event = Entered("#dev", "", ["ann"], 1, [])

    assert render(event, HERE) == b"-- #dev: 1 here: ann\r\n"


def test_entering_a_room_shows_its_topic_and_what_was_said_last() -> None:
    messages: list[Message] = [Said(ID, "#dev", "bob", "hi"), Acted(ID, "#dev", "bob", "waves")]
    event = Entered("#dev", "tea", ["bob", "ann"], 4, messages)

    lines = render(event, HERE).decode().split("\r\n")

    assert lines == [
        "-- #dev: 4 here: bob, ann and 2 others",
        "-- topic: tea",
        "-- last 2 messages --",
        f"{AT} <bob> hi",
        "** bob waves",
        "-- now --",
        "",
    ]


def test_the_time_is_that_of_the_message_to_the_minute() -> None:
    minute = ID // 60_000_000 * 60_000_000

    first = render(Said(minute, "#dev", "ann", "hi"), HERE)
    last = render(Said(minute + 59_999_999, "#dev", "ann", "hi"), HERE)
    next_one = render(Said(minute + 60_000_000, "#dev", "ann", "hi"), HERE)

    assert first == last != next_one


# Every place in an event where a person's text can stand: on a line that is theirs, or on
# one of the server's.
PERSONS: list[Callable[[str], Event]] = [
    lambda text: Said(ID, "#dev", "ann", text),
    lambda text: Acted(ID, "#dev", "ann", text),
    lambda text: Told(ID, "ann", "you", text),
]
SERVERS: list[Callable[[str], Event]] = [
    lambda text: Announced(ID, "#dev", "ann", text),
    lambda text: Left("#dev", "ann", text=text),
    lambda text: Departed("ann", text=text),
    lambda text: TopicSet("#dev", "ann", text),
    lambda text: Entered("#dev", text, ["ann"], 1, []),
    lambda text: Entered("#dev", "", ["ann"], 1, [Acted(ID, "#dev", "ann", text)]),
]
styles = st.builds(Style, here=st.booleans())


@given(make=st.sampled_from(PERSONS + SERVERS), style=styles, text=hostile)
@settings(deadline=None, max_examples=200)
def test_a_persons_text_changes_nothing_but_its_own_place(
    make: Callable[[str], Event], style: Style, text: str
) -> None:
    before, after = render(make("☃"), style).split("☃".encode())

    shown = render(make(text or "x"), style)

    assert shown == before + clean(text or "x").encode() + after


@given(make=st.sampled_from(PERSONS), style=styles, text=hostile)
@settings(deadline=None)
def test_what_a_person_says_never_looks_like_the_server(
    make: Callable[[str], Event], style: Style, text: str
) -> None:
    (line,) = render(make(text), style).decode().splitlines()

    assert not line.startswith(("* ", "--"))


@given(st.text(alphabet=tricky))
@settings(deadline=None)
def test_a_notice_never_has_a_line_that_could_be_a_persons(text: str) -> None:
    lines = render(Noticed(text), HERE).decode().removesuffix("\r\n").split("\r\n")

    assert all(line == "--" or line.startswith("-- ") for line in lines)


@given(text=hostile, here=st.booleans())
@settings(deadline=None)
def test_the_short_way_of_a_plain_message_leads_to_the_same(text: str, *, here: bool) -> None:
    said = Said(ID, "#dev", "ann", text)

    assert render(said, Style(here, look=PLAIN.look, screen=PLAIN.screen)) == render(
        said, Style(here)
    )


# ------------------------------------------------------------- with marks


def marked(event: Event, look: Look | None = None, *, nick: str = "", colors: int = 8) -> str:
    """What somebody is shown on a terminal with colours."""
    style = Style(look=look or Look(clock="off"), screen=Screen(colors=colors))
    return render(event, style, View(nick)).decode().removesuffix("\r\n")


def without_marks(data: bytes) -> bytes:
    return re.sub(rb"\x1b\[[0-9;]+m", b"", data)


def test_a_nick_is_marked_and_its_text_is_not() -> None:
    assert marked(Said(ID, "#dev", "ann", "hi")) == "<\x1b[33mann\x1b[0m> hi"


def test_ones_own_nick_looks_otherwise_in_ones_own_lines() -> None:
    own = marked(Said(ID, "#dev", "ann", "hi, ann"), nick="Ann")

    assert own == "<\x1b[1mann\x1b[0m> hi, ann"


def test_who_is_mentioned_has_their_nick_marked() -> None:
    line = marked(Said(ID, "#dev", "bob", "Ann, annie and ann's joann: @ann"), nick="ann")

    assert re.findall(r"\x1b\[30;43m(.*?)\x1b\[0m", line) == ["Ann", "ann", "ann"]


@pytest.mark.parametrize("text", ["ann\u20dd", "ann\u0327", "xann", "ann_", "-ann", "annä", "äann"])
def test_a_part_of_a_word_is_no_mention(text: str) -> None:
    assert "30;43" not in marked(Said(ID, "#dev", "bob", clean(text)), nick="ann")


def test_what_the_server_says_mentions_nobody() -> None:
    for event in (Noticed("ann"), Renamed("bob", "ann"), TopicSet("#dev", "bob", "ann")):
        assert "30;43" not in marked(event, nick="ann")


def test_a_link_is_marked_without_what_stands_behind_it() -> None:
    line = marked(Said(ID, "#dev", "ann", "(see https://example.org/a_(b)?c=d.)"))

    assert "\x1b[4mhttps://example.org/a_(b)?c=d\x1b[0m.)" in line


def test_a_link_is_marked_however_it_is_spelled() -> None:
    line = marked(Said(ID, "#dev", "ann", "HTTP://X.org or Www.y.org, not ftp://z.org"))

    assert "\x1b[4mHTTP://X.org\x1b[0m or \x1b[4mWww.y.org\x1b[0m, not ftp://z.org" in line


def test_a_terminal_that_never_said_it_has_colours_is_sent_none() -> None:
    for event in EVENTS:
        assert b"\x1b" not in render(event, Style(screen=Screen(width=40)), View("ann"))


def test_who_chooses_a_theme_says_that_the_terminal_can() -> None:
    look = Look(theme="default", clock="off")

    assert marked(Said(ID, "#dev", "ann", "hi"), look, colors=0) == "<\x1b[33mann\x1b[0m> hi"


EVENTS: list[Event] = [
    Said(ID, "#dev", "ann", "hi"),
    Acted(ID, "#dev", "ann", "waves"),
    Announced(ID, "#dev", "ann", "ann rolled 6"),
    Told(ID, "ann", "you", "psst"),
    Told(ID, "you", "ann", "psst"),
    Joined("#dev", "ann"),
    Left("#dev", "ann", text="lunch"),
    Departed("ann", "not reading", "bye"),
    Dropped("ann"),
    Returned("ann"),
    Flickered("#dev", ["ann"], 1, ["bob"], 2),
    Resumable("able-baker-cargo"),
    Thronged("#dev", ["ann", "bob"], 9, ["cat"], 2, [Lost("not reading", ["eve"], 5)]),
    Renamed("ann", "anna"),
    TopicSet("#dev", "ann", "tea"),
    Entered("#dev", "tea", ["ann"], 1, [Said(ID, "#dev", "bob", "hi ann")], ID + 10**12),
    Skipped("#dev", 37, 37),
    Asked("Sure? "),
    Noticed("one\n\n  two "),
    Divided("now"),
    Owned("#dev", "bob", "ann"),
    *(Moderated(deed, "#dev", "bob", "ann", "tea", ID / 1_000_000, 2e9) for deed in Deed),
    Walled("op", "tea"),
    Slowed("#dev", "ann", 10.0),
    Secluded("#dev", "ann", True),
    Invited("#dev", "ann", ID / 1_000_000, 2e9),
    Knocked("#dev", "bob", "me"),
]


def test_every_event_is_among_these() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(Event))


themes = st.sampled_from(get_args(Theme))
looks = st.builds(
    Look,
    theme=themes,
    bell=st.sampled_from(get_args(Bell)),
    clock=st.sampled_from(get_args(Clock)),
    zone=st.sampled_from(["", "UTC", "Asia/Kathmandu"]),
)
colors = st.sampled_from([0, 8, 256])
views = st.builds(View, nick=st.sampled_from(["", "ann", "bob"]), live=st.booleans())


@given(look=looks, colors=colors, view=views, here=st.booleans(), data=st.data())
@settings(deadline=None, max_examples=300)
def test_all_but_the_marks_is_what_is_shown_without_them(
    look: Look, colors: int, view: View, data: st.DataObject, *, here: bool
) -> None:
    text = data.draw(hostile)
    event = data.draw(st.sampled_from(EVENTS + [make(text) for make in PERSONS + SERVERS]))
    plain = Style(here, look=attrs.evolve(look, theme="none"))

    shown = render(event, Style(here, look=look, screen=Screen(colors=colors)), view)

    assert without_marks(shown) == render(event, plain, view)
    assert b"\x1b" not in without_marks(shown)


@given(look=looks, colors=colors, columns=st.integers(10, 60), text=hostile)
@settings(deadline=None, max_examples=200)
def test_no_mark_reaches_beyond_its_line(look: Look, colors: int, columns: int, text: str) -> None:
    style = Style(look=look, screen=Screen(width=columns, colors=colors))

    for line in render(Said(ID, "#dev", "bob", f"ann {text} ann"), style, View("ann")).split(b"\n"):
        marks = re.findall(rb"\x1b\[([0-9;]+)m", line)
        assert all(mark == b"0" for mark in marks[1::2])
        assert all(mark != b"0" for mark in marks[::2])
        assert len(marks) % 2 == 0


# ------------------------------------------------------------------ wrapped


def wrapped(event: Event, columns: int) -> list[str]:
    style = Style(look=Look(clock="off"), screen=Screen(width=columns))
    return render(event, style).decode().split("\r\n")[:-1]


def test_a_wrapped_text_hangs_under_its_beginning() -> None:
    said = Said(ID, "#dev", "ann", "one two three four five")

    assert wrapped(said, 20) == ["<ann> one two three", "      four five"]


def test_the_last_column_is_left_free() -> None:
    assert wrapped(Said(ID, "#dev", "ann", "one two three"), 20) == ["<ann> one two three"]
    assert wrapped(Said(ID, "#dev", "ann", "one two three"), 19) == [
        "<ann> one two",
        "      three",
    ]


def test_where_the_head_is_long_the_text_hangs_a_little() -> None:
    said = Said(ID, "#dev", "a-long-nick", "one two three")

    assert wrapped(said, 22) == ["<a-long-nick> one two", "  three"]


def test_the_servers_lines_are_wrapped_too() -> None:
    assert wrapped(Noticed("one two three\nfour five six"), 12) == [
        "-- one two",
        "   three",
        "-- four",
        "   five six",
    ]


@pytest.mark.parametrize("columns", [0, 1, 9])
def test_no_window_is_too_small_to_be_one(columns: int) -> None:
    assert wrapped(Said(ID, "#dev", "ann", "one two three"), columns) == ["<ann> one two three"]


@given(columns=st.integers(10, 60), text=hostile, look=looks)
@example(columns=10, text="\u1161\u0cc2", look=Look())  # marks without a base
@settings(deadline=None, max_examples=200)
def test_padding_makes_no_row_of_a_wrapped_line_look_like_the_servers(
    columns: int, text: str, look: Look
) -> None:
    style = Style(look=look, screen=Screen(width=columns))

    for make in PERSONS:
        data = render(make(f"{text} * bob left -- {text}* you"), style)
        first, *others = without_marks(data).decode().removesuffix("\r\n").split("\r\n")
        assert not first.startswith(("* ", "--"))
        for line in others:
            assert line.startswith("  ")
            assert width(line.rstrip("\a")) < columns or LINK.search(line)


# -------------------------------------------------------------------- times


def test_times_are_short_or_full_or_none_and_in_the_readers_zone() -> None:
    said = Said(ID, "#dev", "ann", "hi")
    zone = "Asia/Kathmandu"  # UTC + 5:45

    shown = [
        render(said, Style(look=Look(clock=clock, zone=zone))).decode().removesuffix("\r\n")
        for clock in get_args(Clock)
    ]

    assert shown == [
        "[03:58] <ann> hi",
        "<ann> hi",
        "[03:58] <ann> hi",
        "[2023-11-15 03:58:20] <ann> hi",
    ]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def shown_again(*times: str, now: str, zone: str = "UTC") -> list[str]:
    messages = [Said(at(each), "#dev", "ann", "hi") for each in times]
    data = render_again(messages, Style(look=Look(zone=zone)), "bob", at(now))
    return data.decode().split("\r\n")[:-1]


def test_what_is_of_today_is_shown_again_without_a_day() -> None:
    assert shown_again("2026-11-24 00:00", "2026-11-24 20:08", now="2026-11-24 23:59") == [
        "[00:00] <ann> hi",
        "[20:08] <ann> hi",
    ]


def test_a_line_says_where_a_day_begins_in_the_readers_zone() -> None:
    times = ("2026-11-23 23:00", "2026-11-24 01:00", "2026-11-24 23:30")

    assert shown_again(*times, now="2026-11-24 23:45") == [
        "-- Monday, 23 November 2026 --",
        "[23:00] <ann> hi",
        "-- Tuesday, 24 November 2026 --",
        "[01:00] <ann> hi",
        "[23:30] <ann> hi",
    ]
    assert shown_again(*times, now="2026-11-24 23:45", zone="Europe/Oslo") == [
        "-- Tuesday, 24 November 2026 --",
        "[00:00] <ann> hi",
        "[02:00] <ann> hi",
        "-- Wednesday, 25 November 2026 --",
        "[00:30] <ann> hi",
    ]


def test_the_days_of_what_one_enters_are_told_too() -> None:
    messages = [Said(at("2026-11-23 20:08"), "#dev", "bob", "hi")]
    event = Entered("#dev", "", ["ann"], 1, messages, at("2026-11-24 20:08"))

    lines = render(event, Style(look=Look(zone="UTC"))).decode().split("\r\n")

    assert lines[2:4] == ["-- Monday, 23 November 2026 --", "[20:08] <bob> hi"]


# ------------------------------------------------------------------- spoken

SPOKEN = Look(spoken=True)


@pytest.mark.parametrize(
    ("event", "here", "elsewhere"),
    [
        (Said(ID, "#dev", "ann", "merged"), "ann: merged", "#dev, ann: merged"),
        (Acted(ID, "#dev", "ann", "waves"), "action: ann waves", "#dev, action: ann waves"),
        (
            Announced(ID, "#dev", "ann", "ann rolled 6"),
            "server: ann rolled 6",
            "#dev, server: ann rolled 6",
        ),
        (
            TopicSet("#dev", "ann", "tea"),
            "server: ann set the topic: tea",
            "#dev, server: ann set the topic: tea",
        ),
        (Told(ID, "ann", "you", "hi"), "ann to you: hi", "ann to you: hi"),
        (Told(ID, "you", "ann", "hi"), "you to ann: hi", "you to ann: hi"),
        (Joined("#lobby", "bob"), "server: bob joined #lobby", "server: bob joined #lobby"),
        (Divided("now"), "server: now", "server: now"),
        (Noticed("one\n\ntwo"), "server: one\r\nserver:\r\nserver: two", None),
        (
            Entered("#dev", "tea", ["ann"], 1, [Said(ID, "#dev", "bob", "hi")]),
            (
                "server: #dev: 1 here: ann\r\nserver: topic: tea\r\nserver: last 1 message\r\n"
                "bob: hi\r\nserver: now"
            ),
            None,
        ),
    ],
    ids=repr,
)
def test_a_screen_reader_is_given_words_and_no_signs(
    event: Event, here: str, elsewhere: str | None
) -> None:
    assert render(event, Style(look=SPOKEN)) == f"{here}\r\n".encode()
    if elsewhere is not None:
        shown = render(event, Style(here=False, look=SPOKEN))
        assert shown == f"{elsewhere}\r\n".encode()


def test_a_screen_reader_speaks_times_that_one_has_asked_for() -> None:
    style = Style(here=False, look=Look(spoken=True, clock="short", zone="UTC"))

    assert render(Said(ID, "#dev", "ann", "hi"), style) == b"22:13, #dev, ann: hi\r\n"


def test_nothing_is_marked_for_a_screen_reader_whatever_the_theme() -> None:
    style = Style(look=Look(theme="default", spoken=True), screen=Screen(colors=256))

    for event in EVENTS:
        assert b"\x1b" not in render(event, style, View("ann"))


def test_a_screen_reader_s_lines_are_wrapped_without_an_indent_to_be_read_out() -> None:
    style = Style(look=SPOKEN, screen=Screen(width=24))

    # One blank is not heard, and what is written does not begin a line as the server's do.
    shown = render(Said(ID, "#dev", "bob", "the build is green server: yes"), style)
    assert shown == b"bob: the build is green\r\n server: yes\r\n"


# ----------------------------------------------------------------- the bell

MENTION, OTHER = Said(ID, "#dev", "bob", "Ann, look"), Acted(ID, "#dev", "bob", "waves")
PRIVATE = Told(ID, "bob", "you", "psst")


@pytest.mark.parametrize(
    ("bell", "rings"),
    [
        ("off", []),
        ("mentions", [MENTION]),
        ("private", [MENTION, PRIVATE]),
        ("all", [MENTION, PRIVATE, OTHER]),
    ],
)
def test_the_bell_rings_once_for_what_was_chosen(bell: Bell, rings: list[Event]) -> None:
    style = Style(look=Look(bell=bell, clock="off"), screen=Screen(width=12))

    for event in (MENTION, PRIVATE, OTHER):
        shown = render(event, style, View("ann"))
        assert shown.count(b"\a") == (event in rings)
        assert shown.endswith(b"\a\r\n") == (event in rings)


@pytest.mark.parametrize(("rich", "holds"), [(True, "private"), (False, "off")])
def test_left_alone_the_bell_rings_only_in_character_mode(holds: Bell, *, rich: bool) -> None:
    assert Style(screen=Screen(rich=rich)).bell == holds


@pytest.mark.parametrize(
    "event",
    [
        Said(ID, "#dev", "ann", "I am ann"),
        Told(ID, "you", "bob", "psst"),
        Told(ID, "ann", "you", "to myself"),
        Joined("#dev", "bob"),
        Noticed("ann"),
        Entered("#dev", "", ["ann"], 1, [MENTION]),
    ],
    ids=repr,
)
def test_the_bell_never_rings_for_ones_own_lines_nor_for_the_servers(event: Event) -> None:
    assert b"\a" not in render(event, Style(look=Look(bell="all")), View("ann"))


def test_the_bell_does_not_ring_for_what_is_shown_again_nor_in_json() -> None:
    style = Style(look=Look(bell="all"))

    assert b"\a" not in render_again([Said(ID, "#dev", "bob", "ann")], style, "ann", ID)
    assert b"\a" not in render(MENTION, attrs.evolve(style, json=True), View("ann"))
