"""Search among what is kept."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trioserve.archive.database import IN_MEMORY, Database
from trioserve.archive.index import INDEXES
from trioserve.archive.migrations import STEPS
from trioserve.archive.records import Talk
from trioserve.archive.search import MAX_FOUND, MAX_WORDS, Found, Search, find, phrases
from trioserve.archive.sight import Sight
from trioserve.errors import ChatError
from trioserve.messages import Said, TopicSet

EVERYTHING = Sight()


def kept(*texts: str, room: str = "#dev", nick: str = "ann", private: int = 0) -> Database:
    database = Database(IN_MEMORY)
    keep(database, 1, *texts, room=room, nick=nick, private=private)
    return database


def keep(
    database: Database,
    first: int,
    *texts: str,
    room: str = "#dev",
    nick: str = "ann",
    private: int = 0,
) -> None:
    """Keep texts under ids from `first` on."""
    talk = [
        Talk(Said(number, room, nick, text), private) for number, text in enumerate(texts, first)
    ]
    assert database.write(talk) == []


def look(database: Database, search: Search, sight: Sight = EVERYTHING) -> list[Found]:
    return database.read(lambda connection: find(connection, search, sight))


def ids(database: Database, search: Search | str, sight: Sight = EVERYTHING) -> list[int]:
    search = search if isinstance(search, Search) else Search(search)
    return [found.event.id for found in look(database, search, sight)]


# --------------------------------------------------------------- what is found


def test_the_newest_come_first() -> None:
    database = kept("the build is green", "lunch?", "The Build again")

    assert ids(database, "build") == [3, 1]


def test_all_words_have_to_be_there_in_any_order() -> None:
    database = kept("the build is green", "the build is red", "green")

    assert ids(database, "green build") == [1]


def test_what_stands_in_quotes_is_found_as_it_stands() -> None:
    database = kept("is the build green", "the green build", "green: the build")

    assert ids(database, '"green build"') == [2]
    assert ids(database, '"green build') == [2]


def test_case_and_accents_make_no_difference() -> None:
    database = kept("Über die Straße")

    assert ids(database, "uber") == [1]
    assert ids(database, "ÜBER") == [1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("今天天气很好", "天气"),
        ("今天天气很好", "天"),
        ("東京タワーに行きました", "タワー"),
        ("東京タワーに行きました", "行き"),
        ("use pip安装trioserve吧", "安装"),
        ("use pip安装trioserve吧", "trioserve"),
        ("안녕하세요", "하세"),
        ("𠮷野家", "野家"),
        ("done🎉🎉", "🎉"),
        ("done🎉🎉", "done"),
    ],
)
def test_words_are_found_where_no_blanks_part_them(text: str, words: str) -> None:
    assert ids(kept(text), words) == [1]


def test_characters_that_do_not_stand_together_are_no_word() -> None:
    assert ids(kept("天空的气球"), "天气") == []


def test_at_most_so_many_are_found() -> None:
    database = kept(*["yes"] * (MAX_FOUND + 5))

    assert len(ids(database, "yes")) == MAX_FOUND
    assert ids(database, "yes")[0] == MAX_FOUND + 5


def test_topics_are_found_too() -> None:
    database = Database(IN_MEMORY)
    database.write([Talk(TopicSet("#dev", "ann", "release on friday", 7))])

    assert ids(database, "friday") == [7]


def test_each_comes_with_the_one_before_it_and_the_one_behind() -> None:
    database = kept("where?", "at the harbour", "when?")
    keep(database, 10, "elsewhere", room="#lobby")

    (found,) = look(database, Search("harbour"))

    assert found.before is not None
    assert found.before.id == 1
    assert found.behind is not None
    assert found.behind.id == 3


def test_a_message_alone_in_its_room_comes_alone() -> None:
    (found,) = look(kept("at the harbour"), Search("harbour"))

    assert (found.before, found.behind) == (None, None)


# --------------------------------------------------------------- narrower


def test_a_room_a_nick_and_a_time_make_it_narrower() -> None:
    database = kept("tea", "tea", nick="Bob-B")
    keep(database, 10, "tea", room="#lobby", nick="bob-b")
    keep(database, 20, "tea", nick="bob")

    assert ids(database, Search("tea", nick="BOB-b")) == [10, 2, 1]
    assert ids(database, Search("tea", room="#dev")) == [20, 2, 1]
    assert ids(database, Search("tea", room="#dev", nick="bob-b", since=2)) == [2]


def test_a_room_whose_name_holds_another_one_is_another() -> None:
    database = kept("tea", room="#dev-ops")

    assert ids(database, Search("tea", room="#dev")) == []
    assert ids(database, Search("tea", room="#ops")) == []


# --------------------------------------------------------------- what may be seen


def test_a_private_room_is_searched_by_those_alone_who_were_there() -> None:
    database = kept("our secret", "our other secret", room="#den", private=5)

    assert ids(database, "secret") == []
    assert ids(database, "secret", Sight({6: 0})) == []
    assert ids(database, "secret", Sight({5: 1, 6: 0})) == [2]


def test_nothing_private_comes_with_what_is_found() -> None:
    database = kept("hello", room="#den")
    keep(database, 2, "our secret", room="#den", private=5)
    keep(database, 3, "harbour", room="#den")

    (found,) = look(database, Search("harbour"))

    assert found.before is not None
    assert found.before.id == 1


def test_a_room_that_is_hidden_now_is_not_searched() -> None:
    database = kept("harbour", room="#den")
    keep(database, 2, "harbour", room="#dev")

    assert ids(database, "harbour", Sight(hidden=["#den"])) == [2]


# --------------------------------------------------------------- bad questions


@pytest.mark.parametrize(
    "text",
    "foo*|a AND|NOT x|x OR y|^x|a:b|{x}|NEAR(a b)|-x|text:x|x + y|col : x|\0x|x;--".split("|"),
)
def test_what_means_something_to_fts5_is_only_text(text: str) -> None:
    assert ids(kept("nothing of the kind", text), text) == [2]


@pytest.mark.parametrize("text", ['"', '""', "*", "(", "';--", "\0", "...", ""])
def test_signs_alone_are_refused(text: str) -> None:
    with pytest.raises(ChatError, match="there is no word in that, and signs alone are not found"):
        ids(kept(text), text)


@settings(deadline=None)
@given(st.text(max_size=30))
@example('a"b')
@example("ⓐ")
@example("١")
def test_no_text_is_an_error_but_one_for_the_person(text: str) -> None:
    database = kept("nothing of the kind")

    try:
        ids(database, text)
    except ChatError:
        pass
    except sqlite3.Error as error:
        raise AssertionError(text) from error


@settings(deadline=None)
@given(st.lists(st.text("aZ9éЖλ天気タワ하🎉", min_size=1, max_size=6), min_size=1, max_size=5))
def test_what_was_said_is_found_by_any_part_of_it_that_is_whole_words(said: list[str]) -> None:
    database = kept(", ".join(said))

    for words in said:
        assert ids(database, words) == [1]
    assert ids(database, f'"{" ".join(said)}"') == [1]


def test_too_many_words_are_refused() -> None:
    with pytest.raises(ChatError, match="at most 20 words"):
        phrases("x " * (MAX_WORDS + 1))


def test_what_takes_too_long_is_ended() -> None:
    database = kept(*["yes"] * 5000)
    nothing = Sight(hidden=["#dev"])
    clock = iter([0.0, *[10.0] * 1000]).__next__

    with pytest.raises(ChatError, match="that takes too long: name a room"):
        database.read(lambda each: find(each, Search("yes"), nothing, clock=clock))
    assert ids(database, "yes")


# --------------------------------------------------------------- the index


def test_what_was_kept_before_there_was_search_is_found(tmp_path: Path) -> None:
    database = Database(tmp_path / "kept.db", steps=STEPS[:1])
    database.read(lambda each: each.execute("DROP TRIGGER found_added").fetchone())
    rows = [(1, "天气"), (2, "again 天气")]
    sql = "INSERT INTO messages VALUES (?, '#dev', 'said', 'ann', ?, 0)"
    database.read(lambda each: each.executemany(sql, rows))

    database.close()

    assert ids(Database(tmp_path / "kept.db"), "天气") == [2, 1]


def test_what_is_taken_out_is_found_no_more() -> None:
    database = kept("the build", "the build")

    database.read(lambda connection: connection.execute("DELETE FROM messages WHERE id = 1"))

    assert ids(database, "build") == [2]
    check = INDEXES[0].command("integrity-check", 1)
    database.read(lambda each: each.execute(check).fetchone())


def test_what_is_written_twice_is_found_once() -> None:
    database = kept("the build")

    keep(database, 1, "the build")

    assert ids(database, "build") == [1]
