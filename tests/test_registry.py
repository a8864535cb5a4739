"""Words that find commands."""

import pytest

from tests.declared import declared, roll, room, rooms
from trioserve import Context, Group, Permission, command
from trioserve.errors import ChatError
from trioserve.extending.declarations import Command
from trioserve.extending.plugins import built_in
from trioserve.extending.registry import Registry

BUILTIN = (
    "audit away back ban banip banips bans bell cancel deop export forget format giveroom help "
    "history ignore invite join kick kill knock leave load login me mentions missed msg mute "
    "nick op password plain plugins private quiet quit register rehash reload reply resume "
    "retention rich room rooms screenreader search slow stats tasks theme time timezone topic "
    "unban unbanip unignore unload unmute unregister wall who"
)


poll = Group("poll", "Ask the room something.")


@poll.command
def new(ctx: Context, question: str) -> None:
    """Ask the room."""


@poll.command(aliases=("answer",))
def vote(ctx: Context, choice: str) -> None:
    """Answer the room's question."""


@pytest.fixture
def registry() -> Registry:
    return Registry(declared(each) for each in (roll, room, rooms, new, vote))


# ---------------------------------------------------------------- registry


def test_commands_come_sorted_by_name(registry: Registry) -> None:
    assert [each.name for each in registry] == [
        "poll new",
        "poll vote",
        "roll",
        "room",
        "rooms",
    ]


def test_two_commands_of_one_name_are_refused_with_both_places() -> None:
    @command(name="roll")
    def another(ctx: Context) -> None:
        """Roll up the carpet."""

    with pytest.raises(TypeError) as caught:
        Registry([declared(roll), declared(another)])

    assert str(caught.value) == (
        f"{__name__}.{another.__qualname__}: there is a /roll already, {roll.__module__}.roll"
    )


def test_a_group_s_name_that_is_taken_is_refused_with_both_places() -> None:
    @command(name="poll")
    def another(ctx: Context) -> None:
        """Count heads."""

    with pytest.raises(TypeError) as caught:
        Registry([declared(new), declared(another)])

    assert str(caught.value).endswith(f"there is a /poll already, {__name__}.new")


@pytest.mark.parametrize("name", ["poll", "roll"])
def test_a_group_a_command_and_an_alias_may_not_share_a_name(name: str) -> None:
    @command(aliases=(name,))
    def another(ctx: Context) -> None:
        """Do something else."""

    with pytest.raises(TypeError, match=f"there is a /{name} already"):
        Registry([declared(roll), declared(new), declared(another)])


# -------------------------------------------------------------------- find


@pytest.mark.parametrize("word", ["roll", "ROLL", "rol", "Rol"])
def test_a_name_or_the_only_beginning_of_one_finds_it(registry: Registry, word: str) -> None:
    assert registry.find(f"{word} 6")[0].name == "roll"


def test_what_is_behind_the_name_is_left(registry: Registry) -> None:
    assert registry.find("roll  6 times ")[1] == "6 times "


@pytest.mark.parametrize("line", ["poll vote tea", "po v tea", "poll answer tea"])
def test_a_group_s_command_has_two_words(registry: Registry, line: str) -> None:
    found, rest = registry.find(line)

    assert (found.name, rest) == ("poll vote", "tea")


def test_match_finds_the_same_or_nothing(registry: Registry) -> None:
    assert registry.match("rol 6") is declared(roll)
    assert registry.match("poll v") is declared(vote)
    assert registry.match("ro") is None
    assert registry.match("poll") is None


def test_a_group_is_described_by_all_its_commands(registry: Registry) -> None:
    assert registry.describe("poll") == [declared(new), declared(vote)]
    assert registry.describe("poll new") == [declared(new)]


def test_a_whole_name_wins_over_a_longer_one(registry: Registry) -> None:
    assert registry.find("room")[0].name == "room"


@pytest.mark.parametrize(
    ("word", "mistake"),
    [
        ("ro", "/ro could be /roll or /room or /rooms"),
        ("Roo", "/roo could be /room or /rooms"),
        ("orll", "no command /orll: did you mean /roll or /poll?"),
        ("poll", "/poll is followed by one of new, vote, answer"),
        ("poll nwe", "no command /poll nwe: did you mean /poll new or /poll answer?"),
        ("roms", "no command /roms: did you mean /rooms or /room?"),
        ("xyzzy", "no command /xyzzy: /help lists them"),
        ("", "no command /: /help lists them"),
    ],
)
def test_what_finds_no_command_or_several_is_told(
    registry: Registry, word: str, mistake: str
) -> None:
    with pytest.raises(ChatError) as caught:
        registry.find(word)

    assert str(caught.value) == mistake


# ---------------------------------------------------------------- built in


def test_these_commands_are_built_in() -> None:
    assert " ".join(each.name for each in built_in().registry) == BUILTIN


@pytest.mark.parametrize("each", list(built_in().registry), ids=lambda each: each.name)
def test_a_built_in_command_says_what_it_does_within_a_terminals_width(each: Command) -> None:
    assert each.summary.endswith(".")
    assert len(f"-- {each.summary}") <= 80
    assert len(f"-- {each.usage}") <= 80


def test_only_the_ways_out_are_urgent() -> None:
    assert [each.name for each in built_in().registry if each.urgent] == ["cancel", "quit"]


def test_only_operators_load_unload_and_look_inside() -> None:
    operators = [
        each.name for each in built_in().registry if each.permission is Permission.OPERATOR
    ]

    expected = "audit banip banips deop kill load plugins rehash reload tasks unbanip unload wall"
    assert operators == expected.split()
