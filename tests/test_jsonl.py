"""What programs read: one JSON object a line, as the module's docstring says."""

import inspect
import json
import math
import re
from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

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
from trioserve.wire import jsonl
from trioserve.wire.jsonl import render_json, render_kept
from trioserve.wire.text import clean

ID = 1_795_458_561_154_999  # of a message; microseconds since 1970
AT = "2026-11-23T18:29:21.154Z"

# Deeds that are in the audit alone: what others are shown of them are events of their own.
AUDITED = {
    Deed.WALLED,
    Deed.GIVEN,
    Deed.SLOWED,
    Deed.UNSLOWED,
    Deed.SECLUDED,
    Deed.OPENED,
    Deed.INVITED,
}

SAMPLES: list[tuple[Event, str]] = [
    (
        Said(ID, "#dev", "ann", "hi"),
        f'{{"kind":"said","id":{ID},"room":"#dev","nick":"ann","text":"hi","time":"{AT}"}}',
    ),
    (
        Acted(ID, "#dev", "ann", "waves"),
        f'{{"kind":"acted","id":{ID},"room":"#dev","nick":"ann","text":"waves","time":"{AT}"}}',
    ),
    (
        Announced(ID, "#dev", "ann", "6!"),
        f'{{"kind":"announced","id":{ID},"room":"#dev","nick":"ann","text":"6!","time":"{AT}"}}',
    ),
    (
        Told(ID, "ann", "you", "psst"),
        f'{{"kind":"told","id":{ID},"nick":"ann","to":"you","text":"psst","time":"{AT}"}}',
    ),
    (Dropped("ann"), '{"kind":"dropped","nick":"ann"}'),
    (Returned("ann"), '{"kind":"returned","nick":"ann"}'),
    (
        Flickered("#dev", ["ann"], 9, ["bob"], 1),
        (
            '{"kind":"flickered","room":"#dev","dropped":["ann"],"dropped_total":9,'
            '"returned":["bob"],"returned_total":1}'
        ),
    ),
    (Resumable("a-b-c"), '{"kind":"resumable","words":"a-b-c"}'),
    (Joined("#dev", "ann"), '{"kind":"joined","room":"#dev","nick":"ann"}'),
    (
        Left("#dev", "ann", text="tea"),
        '{"kind":"left","room":"#dev","nick":"ann","text":"tea","reason":""}',
    ),
    (
        Departed("ann", "not reading", "bye"),
        '{"kind":"departed","nick":"ann","text":"bye","reason":"not reading"}',
    ),
    (
        Thronged("#dev", ["ann", "bob"], 9, [], 0),
        (
            '{"kind":"thronged","room":"#dev","joined":["ann","bob"],"joined_total":9,'
            '"left":[],"left_total":0,"lost":[]}'
        ),
    ),
    (
        Thronged("#dev", [], 0, ["cat"], 1, [Lost("not reading", ["ann"], 4)]),
        (
            '{"kind":"thronged","room":"#dev","joined":[],"joined_total":0,"left":["cat"],'
            '"left_total":1,"lost":[{"reason":"not reading","nicks":["ann"],"total":4}]}'
        ),
    ),
    (Renamed("ann", "anna"), '{"kind":"renamed","nick":"ann","to":"anna"}'),
    (
        TopicSet("#dev", "ann", "tea"),
        '{"kind":"topic","room":"#dev","nick":"ann","topic":"tea"}',
    ),
    (
        Entered("#dev", "tea", ["bob", "ann"], 4, [Acted(ID, "#dev", "bob", "waves")]),
        (
            '{"kind":"entered","room":"#dev","topic":"tea","nicks":["bob","ann"],"total":4,'
            f'"messages":[{{"kind":"acted","id":{ID},"room":"#dev","nick":"bob","text":"waves",'
            f'"time":"{AT}"}}],"new":0}}'
        ),
    ),
    (Skipped("#dev", 37, 30), '{"kind":"skipped","room":"#dev","count":37,"kept":30}'),
    (Asked("Sure? "), '{"kind":"asked","text":"Sure? "}'),
    (Noticed("no such room"), '{"kind":"notice","text":"no such room"}'),
    (Owned("#dev", "bob", "ann"), '{"kind":"owner","room":"#dev","nick":"bob","by":"ann"}'),
    (Divided("now"), '{"kind":"divided","text":"now"}'),
    *(
        (
            Moderated(deed, "#dev", "bob", "ann", "tea", ID / 1_000_000, until),
            (
                f'{{"kind":"{deed.value}","room":"#dev","nick":"bob","by":"ann","reason":"tea",'
                f'"until":{shown},"time":"{AT}"}}'
            ),
        )
        for deed in Deed
        if deed not in AUDITED
        for until, shown in ((math.inf, "null"), (0.0, '"1970-01-01T00:00:00.000Z"'))
    ),
    (Walled("op", "tea"), '{"kind":"walled","nick":"op","text":"tea"}'),
    (Slowed("#dev", "ann", 10.0), '{"kind":"slowed","room":"#dev","by":"ann","seconds":10.0}'),
    (Secluded("#dev", "ann", True), '{"kind":"secluded","room":"#dev","by":"ann","private":true}'),
    (
        Invited("#dev", "ann", 0.0, ID / 1_000_000),
        f'{{"kind":"invited","room":"#dev","by":"ann","until":"{AT}"}}',
    ),
    (
        Knocked("#dev", "bob", "me"),
        '{"kind":"knocked","room":"#dev","nick":"bob","text":"me"}',
    ),
]


@pytest.mark.parametrize(("event", "line"), SAMPLES, ids=lambda each: type(each).__name__)
def test_an_event_is_an_object_on_a_line(event: Event, line: str) -> None:
    assert render_json(event) == line.encode() + b"\n"


def test_every_event_has_a_sample_here() -> None:
    assert {type(event) for event, _ in SAMPLES} == set(get_args(Event))


def test_every_kind_is_documented_with_its_keys() -> None:
    rendered = [list(json.loads(render_json(event)).items()) for event, _ in SAMPLES]
    of_rendered = {kind: [key for key, _ in rest] for (_, kind), *rest in rendered}

    table = re.findall(r"^    (\w+)  +(\w+(?:, \w+)*)$", inspect.getdoc(jsonl) or "", re.MULTILINE)

    assert {kind: keys.split(", ") for kind, keys in table} == of_rendered


# -------------------------------------------------------------------- time


@pytest.mark.parametrize(
    ("message_id", "time"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_999, "1970-01-01T00:00:00.001Z"),
        (951_827_696_789_012, "2000-02-29T12:34:56.789Z"),
        (1_798_761_599_999_999, "2026-12-31T23:59:59.999Z"),
        (2**53, "2255-06-05T23:47:34.740Z"),
    ],
)
def test_the_time_is_that_of_the_id_in_utc(message_id: int, time: str) -> None:
    line = render_json(Said(message_id, "#dev", "ann", "hi"))

    assert json.loads(line)["time"] == time


# -------------------------------------------------------------------- text


def test_text_is_utf_8_and_not_escaped() -> None:
    line = render_json(Noticed("Grüße 你好 👍"))

    assert line == '{"kind":"notice","text":"Grüße 你好 👍"}\n'.encode()


def test_quotes_and_backslashes_are_escaped() -> None:
    assert render_json(Noticed(r'"\n"')) == rb'{"kind":"notice","text":"\"\\n\""}' + b"\n"


def test_a_notice_keeps_its_lines() -> None:
    line = render_json(Noticed("one\n\n  t\two\x1b[2J\r\n"))

    assert line == rb'{"kind":"notice","text":"one\n\n  t wo[2J\n"}' + b"\n"


# Every place in an event where text of any origin can stand, and how to find it again.
PLACES: list[tuple[Callable[[str], Event], Callable[[Any], object]]] = [
    (lambda text: Said(ID, "#dev", "ann", text), lambda shown: shown["text"]),
    (lambda text: Said(ID, text, "ann", ""), lambda shown: shown["room"]),
    (lambda text: Said(ID, "#dev", text, ""), lambda shown: shown["nick"]),
    (lambda text: Acted(ID, "#dev", "ann", text), lambda shown: shown["text"]),
    (lambda text: Announced(ID, "#dev", "ann", text), lambda shown: shown["text"]),
    (lambda text: Told(ID, "ann", "you", text), lambda shown: shown["text"]),
    (lambda text: Told(ID, text, "you", ""), lambda shown: shown["nick"]),
    (lambda text: Told(ID, "you", text, ""), lambda shown: shown["to"]),
    (lambda text: Joined(text, "ann"), lambda shown: shown["room"]),
    (lambda text: Joined("#dev", text), lambda shown: shown["nick"]),
    (lambda text: Left(text, "ann"), lambda shown: shown["room"]),
    (lambda text: Left("#dev", text), lambda shown: shown["nick"]),
    (lambda text: Left("#dev", "ann", text=text), lambda shown: shown["text"]),
    (lambda text: Left("#dev", "ann", reason=text), lambda shown: shown["reason"]),
    (lambda text: Departed(text), lambda shown: shown["nick"]),
    (lambda text: Departed("ann", text=text), lambda shown: shown["text"]),
    (lambda text: Departed("ann", reason=text), lambda shown: shown["reason"]),
    (lambda text: Dropped(text), lambda shown: shown["nick"]),
    (lambda text: Returned(text), lambda shown: shown["nick"]),
    (lambda text: Resumable(text), lambda shown: shown["words"]),
    (lambda text: Flickered(text, [], 0, [], 0), lambda shown: shown["room"]),
    (lambda text: Flickered("#dev", [text], 1, [], 0), lambda shown: shown["dropped"][0]),
    (lambda text: Flickered("#dev", [], 0, [text], 1), lambda shown: shown["returned"][0]),
    (lambda text: Thronged(text, [], 0, [], 0), lambda shown: shown["room"]),
    (lambda text: Thronged("#dev", [text], 1, [], 0), lambda shown: shown["joined"][0]),
    (lambda text: Thronged("#dev", [], 0, [text], 1), lambda shown: shown["left"][0]),
    (
        lambda text: Thronged("#dev", [], 0, [], 0, [Lost(text, [], 1)]),
        lambda shown: shown["lost"][0]["reason"],
    ),
    (
        lambda text: Thronged("#dev", [], 0, [], 0, [Lost("", [text], 1)]),
        lambda shown: shown["lost"][0]["nicks"][0],
    ),
    (lambda text: Renamed(text, "anna"), lambda shown: shown["nick"]),
    (lambda text: Renamed("ann", text), lambda shown: shown["to"]),
    (lambda text: TopicSet(text, "ann", ""), lambda shown: shown["room"]),
    (lambda text: TopicSet("#dev", text, ""), lambda shown: shown["nick"]),
    (lambda text: TopicSet("#dev", "ann", text), lambda shown: shown["topic"]),
    (lambda text: Entered(text, "", [], 0, []), lambda shown: shown["room"]),
    (lambda text: Entered("#dev", text, [], 0, []), lambda shown: shown["topic"]),
    (lambda text: Entered("#dev", "", [text], 1, []), lambda shown: shown["nicks"][0]),
    (
        lambda text: Entered("#dev", "", [], 0, [Said(ID, "#dev", "ann", text)]),
        lambda shown: shown["messages"][0]["text"],
    ),
    (lambda text: Skipped(text, 1, 1), lambda shown: shown["room"]),
    (lambda text: Asked(text), lambda shown: shown["text"]),
]
# What could go wrong, more often than chance would have it: what JSON escapes, what ends a
# line somewhere, what combines, lone surrogates.
tricky = st.sampled_from('"\\/{}:, \0\a\b\t\n\v\f\r\x1b\x7f\x85\x9b\u2028\u2029e\u0301\u202e\ufeff')
surrogates = st.sampled_from("\ud800\udbff\udc00\udfff")
hostile = st.lists(tricky | surrogates | st.characters(), max_size=25).map("".join)


def is_one_safe_line(line: bytes) -> bool:
    return line.endswith(b"\n") and min(line[:-1]) >= 0x20 and len(line.decode().splitlines()) == 1


@pytest.mark.parametrize(("make", "find"), PLACES)
def test_a_lone_surrogate_harms_nothing_anywhere(
    make: Callable[[str], Event], find: Callable[[Any], object]
) -> None:
    line = render_json(make("a\ud800b"))

    assert find(json.loads(line)) == "ab"


@given(place=st.sampled_from(PLACES), text=hostile)
@example(place=PLACES[0], text="\ud83d\ude00")
@settings(deadline=None)
def test_any_text_is_on_one_line_and_comes_back_clean(
    place: tuple[Callable[[str], Event], Callable[[Any], object]], text: str
) -> None:
    make, find = place

    line = render_json(make(text))

    assert is_one_safe_line(line)
    assert find(json.loads(line)) == clean(text)


@given(hostile)
@settings(deadline=None)
def test_the_lines_of_a_notice_are_on_one_line_and_come_back_clean(text: str) -> None:
    line = render_json(Noticed(text))

    assert is_one_safe_line(line)
    assert json.loads(line)["text"].split("\n") == [clean(each) for each in text.split("\n")]


def test_what_is_kept_about_somebody_is_a_line_of_its_own_kind() -> None:
    row = {"what": "preference", "name": "ignored", "value": ["e\x1bve", {"a": None, "b": True}]}

    line = (
        '{"kind":"kept","what":"preference","name":"ignored","value":["eve",{"a":null,"b":true}]}'
    )
    assert render_kept(row, json=True) == f"{line}\n".encode()
    assert render_kept(row, json=False) == f"{line}\r\n".encode()
