"""What is kept about the owner of an account, and how it is forgotten."""

from trioserve.archive.belongings import PAGE, PORTION, Belongings, Removal
from trioserve.archive.database import IN_MEMORY, Database
from trioserve.archive.personal import PERSONAL
from trioserve.archive.private import PRIVATE, Left, Private, Read, copies
from trioserve.archive.records import AccountKept, Talk
from trioserve.archive.said import ANONYMOUS, SAID
from trioserve.archive.search import Search, find
from trioserve.archive.sight import Sight
from trioserve.messages import Acted, Said, Told, TopicSet


def database_of(*talk: Said | Acted | TopicSet) -> Database:
    database = Database(IN_MEMORY)
    assert database.write([Talk(each) for each in talk]) == []
    return database


def shown(database: Database, kind: Belongings, account: str = "ann") -> list[dict[str, object]]:
    """All that there is of a kind, page by page."""
    rows: list[dict[str, object]] = []
    after = 0
    while True:
        page = database.read(kind.page(account, after))
        rows += map(dict, page.rows)
        if not (after := page.more):
            return rows


def forget(database: Database, kind: Belongings, account: str = "ann") -> int:
    """Take all of a kind out; return how many portions that took."""
    assert kind.removal is not None
    return forget_by(database, kind.removal, account)


def forget_by(database: Database, removal: Removal, account: str) -> int:
    portions = 0
    while (record := database.read(removal(account))) is not None:
        assert database.write([record]) == []
        portions += 1
    return portions


def found(database: Database, words: str, nick: str = "") -> list[int]:
    search = Search(words, nick=nick)
    return [each.event.id for each in database.read(lambda each: find(each, search, Sight()))]


def test_an_account_is_shown_without_the_hash_of_its_password() -> None:
    database = Database(IN_MEMORY)
    database.write([AccountKept("Ann", "plain:secret")])

    assert shown(database, PERSONAL[0]) == [{"what": "account", "name": "Ann"}]
    assert shown(database, PERSONAL[0], "bob") == []


def test_what_was_said_under_an_account_is_shown_to_its_owner() -> None:
    database = database_of(
        Said(1, "#Dev", "ann", "as a guest"),
        Said(2, "#Dev", "Ann", "hello", "ann"),
        Acted(3, "#dev", "ann2", "waves", "ann"),
        Said(4, "#dev", "bob", "hi", "bob"),
    )

    (first, second) = shown(database, SAID)

    assert first == {
        "what": "said",
        "room": "#dev",
        "nick": "Ann",
        "text": "hello",
        "id": 2,
        "time": "1970-01-01T00:00:00.000Z",
    }
    assert (second["what"], second["nick"], second["text"]) == ("acted", "ann2", "waves")


def test_much_of_it_is_shown_page_by_page() -> None:
    database = database_of(
        *(Said(number, "#dev", "ann", "hi", "ann") for number in range(1, 2 * PAGE + 1))
    )

    assert len(database.read(SAID.page("ann", 0)).rows) == PAGE
    assert [row["id"] for row in shown(database, SAID)] == list(range(1, 2 * PAGE + 1))


def test_what_is_forgotten_is_gone_portion_by_portion_and_found_no_more() -> None:
    most = 2 * PORTION + 1
    database = database_of(
        *(Said(number, "#dev", "ann", "tea", "ann") for number in range(1, most + 1)),
        Said(most + 1, "#dev", "bob", "tea", "bob"),
    )

    assert forget(database, SAID) == 3

    assert shown(database, SAID) == []
    assert found(database, "tea") == [most + 1]
    database.read(lambda each: each.execute("INSERT INTO found (found) VALUES ('integrity-check')"))


def test_a_topic_stays_but_nobody_knows_who_has_set_it() -> None:
    database = database_of(TopicSet("#dev", "ann", "tea", 1, "ann"), Said(2, "#dev", "ann", "tea"))

    forget(database, SAID)

    assert found(database, "tea", ANONYMOUS) == [1]
    assert found(database, "tea", "ann") == [2]
    assert shown(database, SAID) == []


def test_what_is_disowned_stays_and_is_nobody_s() -> None:
    database = database_of(Said(1, "#dev", "ann", "tea", "ann"), Said(2, "#dev", "bob", "tea"))

    assert SAID.release is not None
    assert forget_by(database, SAID.release, "ann") == 1

    assert shown(database, SAID) == []
    assert found(database, "tea", "ann") == [1]


# ------------------------------------------------------------- private messages


def test_of_two_who_are_one_there_is_one_copy() -> None:
    told = Told(1, "ann", "ann", "note to self")

    assert copies(told, "ann", "ann") == [Private("ann", told, True, "ann")]
    assert copies(told, "", "") == []


def test_what_one_said_to_others_is_forgotten_there_and_what_they_said_stays() -> None:
    database = Database(IN_MEMORY)
    database.write([AccountKept("ann", "x"), AccountKept("bob", "x")])
    for number in range(1, PORTION + 2):
        database.write(copies(Told(number, "ann", "bob", "tea"), "ann", "bob"))
    database.write(copies(Told(PORTION + 2, "bob", "ann", "tea?"), "bob", "ann"))

    assert forget(database, PRIVATE) == 4

    assert shown(database, PRIVATE) == []
    (row,) = shown(database, PRIVATE, "bob")
    assert (row["nick"], row["to"], row["text"], row["read"]) == ("bob", "ann", "tea?", True)


def test_nothing_is_kept_privately_for_who_has_no_account_any_more() -> None:
    database = Database(IN_MEMORY)

    database.write(copies(Told(1, "ann", "bob", "tea"), "ann", "bob"))

    assert shown(database, PRIVATE) == []


def test_what_is_written_again_after_a_failure_is_there_once() -> None:
    database = Database(IN_MEMORY)
    database.write([AccountKept("ann", "x")])
    left = Left("ann", Told(1, "bob", "ann", "tea"), "", "192.0.2.1")

    database.write([left, left])
    database.write([Read("ann", 1), left])

    (row,) = shown(database, PRIVATE)
    assert row["read"] is True
