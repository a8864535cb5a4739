import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trioserve.archive.database import IN_MEMORY, Database
from trioserve.errors import ChatError
from trioserve.names import MAX_NICK, MAX_ROOM, check_nick, check_room, fold, free_nick

ALLOWED = string.ascii_letters + string.digits + "_-"


def is_nick(text: str) -> bool:
    try:
        return check_nick(text) == text
    except ChatError:
        return False


nicks = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,23}", fullmatch=True).filter(is_nick)


# ------------------------------------------------------------------- nicks


@pytest.mark.parametrize("nick", ["a", "Ann", "ann_b-c", "x2", "A" * MAX_NICK, "adminx", "you2"])
def test_a_nick_is_a_letter_and_letters_digits_or_dashes(nick: str) -> None:
    assert check_nick(nick) == nick


def test_space_around_a_nick_is_not_part_of_it() -> None:
    assert check_nick("  ann \t") == "ann"


@pytest.mark.parametrize("text", ["", "   ", "\t"])
def test_a_nick_cannot_be_empty(text: str) -> None:
    with pytest.raises(ChatError, match=r"^a name cannot be empty$"):
        check_nick(text)


def test_a_nick_that_is_too_long_is_refused_with_the_limit() -> None:
    with pytest.raises(ChatError, match=r"^a name has at most 24 characters$"):
        check_nick("a" * (MAX_NICK + 1))


@pytest.mark.parametrize(
    "text",
    ["2ann", "_ann", "-ann", "an n", "an.n", "#ann", "<ann>", "änn", "aпn", "ann\n2", "a٣", "ᵃnn"],
)
def test_a_nick_of_other_characters_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(
        ChatError, match=r"^a name begins with a letter \(a-z\), then letters, digits, _ or -$"
    ):
        check_nick(text)


@pytest.mark.parametrize(
    "nick", ["server", "Admin", "YOU", "everyone", "trioserve", "me", "NickServ"]
)
def test_a_nick_that_could_be_mistaken_for_the_server_is_refused(nick: str) -> None:
    with pytest.raises(ChatError, match=f"^the name {nick} is reserved$"):
        check_nick(nick)


@given(st.text())
@settings(deadline=None)
def test_whatever_is_a_nick_can_be_shown_anywhere(text: str) -> None:
    try:
        nick = check_nick(text)
    except ChatError:
        return
    assert 1 <= len(nick) <= MAX_NICK
    assert nick[0] in string.ascii_letters
    assert set(nick) <= set(ALLOWED)


# ------------------------------------------------------------------- rooms


@pytest.mark.parametrize("text", ["lobby", "#lobby", " #lobby ", " lobby"])
def test_a_room_may_be_typed_with_its_sign_or_without(text: str) -> None:
    assert check_room(text) == "#lobby"


@pytest.mark.parametrize("bare", ["2", "Dev-Ops_2", "x" * MAX_ROOM])
def test_a_room_is_letters_digits_or_dashes(bare: str) -> None:
    assert check_room(bare) == f"#{bare}"


@pytest.mark.parametrize("text", ["", " ", "#", " # "])
def test_a_rooms_name_cannot_be_empty(text: str) -> None:
    with pytest.raises(ChatError, match=r"^a room's name cannot be empty$"):
        check_room(text)


@pytest.mark.parametrize("sign", ["", "#"])
def test_a_rooms_name_that_is_too_long_is_refused_with_the_limit(sign: str) -> None:
    with pytest.raises(ChatError, match=r"^a room's name has at most 32 characters$"):
        check_room(sign + "x" * (MAX_ROOM + 1))


@pytest.mark.parametrize("text", ["##dev", "_dev", "-dev", "d v", "dév", "# dev", "d#v", "a\nb"])
def test_a_room_of_other_characters_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(
        ChatError, match=r"^a room's name is # and letters \(a-z\), digits, _ or -$"
    ):
        check_room(text)


# ---------------------------------------------------- sameness, and freedom


@pytest.mark.parametrize(("one", "other"), [("Ann", "aNN"), ("#Dev_2", "#dev_2")])
def test_names_that_differ_only_in_case_are_the_same(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_the_first_free_nick_has_the_lowest_number() -> None:
    assert free_nick("Ann", {"ann", "ann2", "ann3", "ann5"}) == "Ann4"


def test_a_free_nick_of_a_long_one_is_cut_to_make_room_for_its_number() -> None:
    assert free_nick("a" * MAX_NICK, {"a" * MAX_NICK}) == "a" * (MAX_NICK - 1) + "2"


def test_the_number_of_a_free_nick_may_grow_longer() -> None:
    wanted = "a" * MAX_NICK
    taken = {"a" * (MAX_NICK - 1) + str(number) for number in range(2, 10)}

    assert free_nick(wanted, taken) == "a" * (MAX_NICK - 2) + "10"


@given(wanted=nicks, crowd=st.integers(0, 120))
@settings(deadline=None)
def test_a_free_nick_is_a_nick_and_free(wanted: str, crowd: int) -> None:
    taken = {fold(wanted)}
    for _ in range(crowd):
        taken.add(fold(free_nick(wanted, taken)))

    free = free_nick(wanted, taken)

    assert check_nick(free) == free
    assert fold(free) not in taken
    assert len(taken) == crowd + 1


# -------------------------------------------------------------- how they are kept


# Not to be changed without a step in the archive's migrations: what is kept is kept by this.
@pytest.mark.parametrize(
    ("name", "key"),
    [("Ann", "ann"), ("ANN_b-C2", "ann_b-c2"), ("#Dev", "#dev"), ("I", "i"), ("[A]", "[a]")],
)
def test_what_is_kept_by_a_name_is_kept_by_the_same_key_for_ever(name: str, key: str) -> None:
    assert fold(name) == key


@given(nicks)
def test_a_query_compares_names_as_everything_else_does(nick: str) -> None:
    (key,) = Database(IN_MEMORY).read(
        lambda each: each.execute("SELECT fold(?)", (nick,)).fetchone()
    )

    assert key == fold(nick)
