"""TOML to a configuration, and every fault with its path."""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Any, get_origin

import attrs
import pytest
from trio.testing import MockClock

from trioserve.configuration.config import DEFAULT_LISTEN, Config, parse_config, read_config
from trioserve.edge.addresses import Address, TcpAddress, UnixAddress
from trioserve.errors import ConfigError
from trioserve.testing import open_chat

# Every key there is, with its default: DESIGN's table, and what it leaves out.
DEFAULTS: dict[str, Any] = {
    "limits.max_line": 1024,
    "limits.max_waiting": 8 * 1024,
    "limits.flood_control": True,
    "limits.burst": 10,
    "limits.rate": 5,
    "limits.byte_burst": 16 * 1024,
    "limits.byte_rate": 4 * 1024,
    "limits.renames": 5,
    "limits.renames_within": 20,
    "limits.login_lines": 20,
    "limits.login": 30,
    "limits.grace": 5,
    "limits.drain": 8,
    "limits.linger": 0.5,
    "connections.most": 10_000,
    "connections.per_address": 16,
    "connections.new_per_address": 32,
    "connections.new_within": 600,
    "outbox.soft": 32 * 1024,
    "outbox.hard": 256 * 1024,
    "outbox.total": 256 * 1024 * 1024,
    "outbox.stall": 60,
    "outbox.remembered": 200,
    "rooms.first": "#lobby",
    "rooms.topic": "Welcome!",
    "rooms.per_member": 20,
    "rooms.most": 10_000,
    "rooms.history": 200,
    "rooms.history_bytes": 64 * 1024 * 1024,
    "rooms.shown_on_join": 10,
    "rooms.names_shown": 20,
    "rooms.fold_after": 3,
    "rooms.fold_every": 10,
    "rooms.fold_above": 200,
    "resume.keep": 60,
    "resume.most": 1000,
    "resume.per_address": 16,
    "broker.inbox": 256,
    "tcp.keepalive_idle": 60,
    "tcp.keepalive_interval": 15,
    "tcp.keepalive_count": 4,
    "tcp.user_timeout": 120,
    "tls.certificate": "",
    "tls.key": "",
    "tls.handshake": 10,
    "proxy.trusted": (),
    "proxy.header": 5,
    "passwords.in_the_clear": False,
    "history.most": 0,
    "history.days": 0,
    "history.waiting": 16 * 2**20,
    "shutdown.drain": 8,
    "shutdown.total": 10,
}
NUMBERS = [path for path, value in DEFAULTS.items() if type(value) in (int, float)]

KEYS = [
    (section.name, field)
    for section in attrs.fields(Config)
    if section.type is not None and attrs.has(section.type)
    for field in attrs.fields(attrs.resolve_types(section.type))
]


def value_at(config: Config, path: str) -> Any:
    section, _, key = path.partition(".")
    return getattr(getattr(config, section), key)


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    return caught.value.problems


# ---------------------------------------------------------------- defaults


def test_an_empty_file_is_the_default_configuration() -> None:
    assert parse_config("") == Config()


@pytest.mark.parametrize("path", DEFAULTS)
def test_a_default_is_what_the_design_says(path: str) -> None:
    assert value_at(Config(), path) == DEFAULTS[path]


def test_no_key_is_without_a_default_in_the_design() -> None:
    assert {f"{section}.{field.name}" for section, field in KEYS} == set(DEFAULTS)


@pytest.mark.parametrize(
    ("section", "field"), KEYS, ids=[f"{section}.{field.name}" for section, field in KEYS]
)
def test_every_key_is_declared_as_a_setting(section: str, field: "attrs.Attribute[Any]") -> None:
    assert "help" in field.metadata


def test_without_a_word_it_listens_for_this_machine_alone_on_both_families() -> None:
    assert Config().listen is None
    assert [str(each) for each in DEFAULT_LISTEN] == ["127.0.0.1:4000", "[::1]:4000"]


# ------------------------------------------------------------ what can be set


def another(value: Any) -> Any:
    """A value of the same type, not the same, and no contradiction to any other default."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return "#elsewhere"
    if isinstance(value, tuple):
        return (ip_network("192.0.2.0/24"),)
    return value - 1 if value > 1 else value + 1


@pytest.mark.parametrize(
    ("section", "field"), KEYS, ids=[f"{section}.{field.name}" for section, field in KEYS]
)
def test_every_key_of_every_section_can_be_set(section: str, field: "attrs.Attribute[Any]") -> None:
    value = another(field.default)

    written = f'"{value}"' if isinstance(value, str) else str(value).lower()
    if isinstance(value, tuple):
        written = f'["{value[0]}"]'
    config = parse_config(f"[{section}]\n{field.name} = {written}")

    found = value_at(config, f"{section}.{field.name}")
    assert (found, type(found)) == (value, get_origin(field.type) or field.type)
    untouched = attrs.evolve(getattr(config, section), **{field.name: field.default})
    assert attrs.evolve(config, **{section: untouched}) == Config()


def test_a_whole_number_stands_for_a_number() -> None:
    rate = parse_config("limits.rate = 3").limits.rate

    assert (rate, type(rate)) == (3.0, float)


def test_nothing_shown_on_join_is_a_setting() -> None:
    assert parse_config("rooms.shown_on_join = 0").rooms.shown_on_join == 0


def test_keeping_no_history_is_a_setting() -> None:
    assert parse_config("rooms.history = 0").rooms.history == 0


def test_addresses_are_listed_in_any_form() -> None:
    config = parse_config('listen = ["127.0.0.1:4000", "[::1]:0", "host:23", "unix:/run/chat"]')

    assert config.listen == (
        TcpAddress("127.0.0.1", 4000),
        TcpAddress("::1", 0),
        TcpAddress("host", 23),
        UnixAddress("/run/chat"),
    )


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", None),
        ('metrics = "127.0.0.1:9400"', TcpAddress("127.0.0.1", 9400)),
        ('metrics = "unix:/run/metrics"', UnixAddress("/run/metrics")),
    ],
)
def test_metrics_have_one_address_or_none(text: str, address: Address | None) -> None:
    assert parse_config(text).metrics == address


async def test_lines_longer_than_the_byte_burst_still_come_through(
    autojump_clock: MockClock,
) -> None:
    config = parse_config("limits.byte_burst = 10")

    async with open_chat(config) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        await ann.types("x" * 1000)

        await bob.sees("<ann> " + "x" * 1000)


# ------------------------------------------------------------------ faults


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        # the wrong type
        ('limits.rate = "fast"', 'limits.rate: expected a number, got "fast"'),
        ("limits.rate = true", "limits.rate: expected a number, got true"),
        ("limits.rate = {}", "limits.rate: expected a number, got a table"),
        ("limits.rate.x = 1", "limits.rate: expected a number, got a table"),
        ('limits.rate = [1, "a"]', 'limits.rate: expected a number, got [1, "a"]'),
        ("limits.rate = 2026-01-02", "limits.rate: expected a number, got 2026-01-02"),
        ("rooms.history = 2.5", "rooms.history: expected a whole number, got 2.5"),
        ("rooms.history = 2.0", "rooms.history: expected a whole number, got 2.0"),
        ("rooms.history = false", "rooms.history: expected a whole number, got false"),
        ("limits.flood_control = 1", "limits.flood_control: expected true or false, got 1"),
        ('limits.flood_control = "no"', 'limits.flood_control: expected true or false, got "no"'),
        ("rooms.topic = 7", "rooms.topic: expected a text in quotes, got 7"),
        ("limits = 3", "limits: expected a table, got 3"),
        ("limits = []", "limits: expected a table, got []"),
        ("[[limits]]\nrate = 1", "limits: expected a table, got [a table]"),
        # the wrong value
        ("limits.rate = 0", "limits.rate: expected a number above 0, got 0"),
        ("limits.rate = -0.5", "limits.rate: expected a number above 0, got -0.5"),
        ("limits.rate = nan", "limits.rate: expected a number above 0, got nan"),
        ("limits.rate = -inf", "limits.rate: expected a number above 0, got -inf"),
        (
            "limits.rate = inf",
            "limits.rate: expected a number of at most 1099511627776, got inf",
        ),
        (
            f"rooms.history = {10**30}",
            f"rooms.history: expected a whole number of at most 1099511627776, got {10**30}",
        ),
        (
            "rooms.shown_on_join = -1",
            "rooms.shown_on_join: expected a whole number of at least 0, got -1",
        ),
        (
            "tcp.keepalive_count = 128",
            "tcp.keepalive_count: expected a whole number of at most 127, got 128",
        ),
        (
            "tcp.user_timeout = 0.0001",
            "tcp.user_timeout: expected a number of at least 0.001, got 0.0001",
        ),
        (
            "shutdown.total = 1e9",
            "shutdown.total: expected a number of at most 1000000, got 1000000000.0",
        ),
        # unknown keys
        ("limit.rate = 1", "limit: unknown key; did you mean limits?"),
        ("colour = 1", "colour: unknown key"),
        ("limits.rat = 1", "limits.rat: unknown key; did you mean rate?"),
        ("tcp.colour = 1", "tcp.colour: unknown key"),
        ('tcp."a b" = 1', 'tcp."a b": unknown key'),
        # addresses
        (
            "metrics = 9400",
            'metrics: expected an address such as "127.0.0.1:9400", got 9400',
        ),
        (
            'metrics = "9400"',
            'metrics: expected HOST:PORT such as 127.0.0.1:4000, or unix:PATH; got "9400"',
        ),
        (
            'listen = "127.0.0.1:4000"',
            'listen: expected a list of addresses such as ["127.0.0.1:4000"], got "127.0.0.1:4000"',
        ),
        (
            "listen = []",
            'listen: expected a list of addresses such as ["127.0.0.1:4000"], got []',
        ),
        (
            "listen = [4000]",
            'listen: expected a list of addresses such as ["127.0.0.1:4000"], got [4000]',
        ),
        (
            "listen.host = 1",
            'listen: expected a list of addresses such as ["127.0.0.1:4000"], got a table',
        ),
        (
            'listen = ["chat"]',
            'listen: expected HOST:PORT such as 127.0.0.1:4000, or unix:PATH; got "chat"',
        ),
        (
            'proxy.trusted = "127.0.0.1"',
            'proxy.trusted: expected a list such as ["127.0.0.1"], got "127.0.0.1"',
        ),
        (
            "proxy.trusted = [1]",
            'proxy.trusted: expected an address or a network such as "192.0.2.0/24", got 1',
        ),
        (
            'proxy.trusted = ["192.0.2.7/24"]',
            (
                "proxy.trusted: 192.0.2.7 is within a network: "
                'did you mean "192.0.2.7", or "192.0.2.0/24"?'
            ),
        ),
        (
            'listen = [{ address = "unix:/x", opertor = true }]',
            'listen: expected { address = "unix:PATH", operator = true }, got one with "opertor"',
        ),
        ('"" = 1', '"": unknown key'),
        (
            'plugins = [""]',
            'plugins: expected a list of plug-ins such as ["dice.py"], got [""]',
        ),
        (
            'proxy.trusted = ["::1", "fe80::1%eth0"]',
            (
                "proxy.trusted: expected an address or a network "
                'such as "192.0.2.0/24", got "fe80::1%eth0"'
            ),
        ),
        # the name of the first room
        ('rooms.first = ""', "rooms.first: a room's name cannot be empty"),
        ('rooms.first = "lobby"', 'rooms.first: expected "#lobby", got "lobby"'),
        ('rooms.first = " #lobby"', 'rooms.first: expected "#lobby", got " #lobby"'),
        (
            'rooms.first = "#a b"',
            "rooms.first: a room's name is # and letters (a-z), digits, _ or -",
        ),
        # contradictions
        ("outbox.soft = 262144", "outbox.soft: expected less than outbox.hard"),
        ("outbox.total = 262143", "outbox.hard: expected at most outbox.total"),
        ("shutdown.drain = 10", "shutdown.drain: expected less than shutdown.total"),
    ],
)
def test_a_fault_is_told_with_its_path(text: str, problem: str) -> None:
    assert problems(text) == [problem]


def test_every_proxy_that_is_none_is_told() -> None:
    assert len(problems('proxy.trusted = ["haproxy", "10.0.0.0/8", "10.0.0.1/40"]')) == 2


@pytest.mark.parametrize("path", NUMBERS)
@pytest.mark.parametrize("value", ["nan", "-1", "true", '"1"', f"{10**400}"])
def test_no_number_may_be(path: str, value: str) -> None:
    [problem] = problems(f"{path} = {value}")

    assert problem.startswith(f"{path}: expected a")


def test_all_faults_are_told_at_once() -> None:
    text = """
        listen = ["here", "127.0.0.1:4000", "[::1]:99999"]
        colour = "red"
        [limits]
        burst = "much"
        rate = 0
        rat = 1
        [tcp]
        keep = 1
    """

    assert sorted(problems(text)) == [
        "colour: unknown key",
        'limits.burst: expected a number, got "much"',
        "limits.rat: unknown key; did you mean rate?",
        "limits.rate: expected a number above 0, got 0",
        'listen: a port is at most 65535, got "[::1]:99999"',
        'listen: expected HOST:PORT such as 127.0.0.1:4000, or unix:PATH; got "here"',
        "tcp.keep: unknown key",
    ]


def test_all_contradictions_are_told_at_once() -> None:
    assert problems('outbox.soft = 300_000\nshutdown.drain = 11\nrooms.first = "?"') == [
        "outbox.soft: expected less than outbox.hard",
        "shutdown.drain: expected less than shutdown.total",
        "rooms.first: a room's name is # and letters (a-z), digits, _ or -",
    ]


def test_a_fault_hides_no_contradiction_but_one_of_the_same_keys() -> None:
    text = """
        colour = "red"
        "a.b" = 1
        outbox = { soft = 300_000, hard = "much", total = 1 }
        shutdown.drain = 11
        rooms = { first = "?", most = 0 }
    """

    assert problems(text) == [
        'outbox.hard: expected a whole number, got "much"',
        "rooms.most: expected a whole number above 0, got 0",
        '"a.b": unknown key',
        "colour: unknown key",
        "shutdown.drain: expected less than shutdown.total",
        "rooms.first: a room's name is # and letters (a-z), digits, _ or -",
    ]


def test_a_fault_is_one_line_whatever_the_value() -> None:
    assert problems(r'limits.rate = "a\nb\u001b[2J"') == [
        r'limits.rate: expected a number, got "a\nb\u001b[2J"'
    ]


def test_the_error_holds_all_problems_in_one_text() -> None:
    with pytest.raises(ConfigError, match=r"^a: unknown key; b: unknown key$"):
        parse_config("a = 1\nb = 2")


def test_what_is_not_toml_is_told_with_its_place() -> None:
    [problem] = problems("[limits]\nrate = = 5")

    assert re.fullmatch(r"not TOML: .*\(at line 2, column 8\)", problem)


# ------------------------------------------------------------------- files


def test_a_mark_that_an_editor_puts_before_the_text_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "chat.toml"
    path.write_text("rooms.per_member = 3", encoding="utf-8-sig")

    assert read_config(path).rooms.per_member == 3


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "chat.toml"
    path.write_text('[rooms]\ntopic = "Grüße"\n', encoding="utf-8")

    assert read_config(path).rooms.topic == "Grüße"


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("missing", None, "No such file or directory"),
        (".", None, "Is a directory"),
        ("latin", b'rooms.topic = "Gr\xfc\xdfe"', "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, name: str, content: bytes | None, problem: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        read_config(path)

    assert caught.value.problems == [f"{path}: {problem}"]


# ---------------------------------------------------------------- operators

HASH = f"scrypt$16384$8$1${'A' * 22}==${'A' * 43}="


def test_operators_are_names_with_hashes() -> None:
    config = parse_config(f'[operators]\nann = "{HASH}"\nBob = "{HASH}"\n')

    assert dict(config.operators) == {"ann": HASH, "Bob": HASH}


def test_every_fault_of_the_operators_is_named_and_no_password_is_shown() -> None:
    text = f"""
        limits.rate = 0
        [operators]
        ann = "{HASH}"
        ANN = "{HASH}"
        bob = "hunter2"
        carol = 7
        "x y" = "{HASH}"
        root = "{HASH}"
    """

    with pytest.raises(ConfigError) as caught:
        parse_config(text)

    assert sorted(each.partition(";")[0] for each in caught.value.problems) == [
        "limits.rate: expected a number above 0, got 0",
        'operators."x y": a name begins with a letter (a-z), then letters, digits, _ or -',
        "operators.ANN: the same name as ann",
        "operators.bob: expected scrypt$n$r$p$salt$hash, as trioserve --hash-password prints it",
        "operators.carol: expected a text in quotes",
        "operators.root: the name root is reserved",
    ]


def test_operators_that_are_no_table_are_a_fault() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config("operators = 7")

    assert caught.value.problems == ["operators: expected a table, got 7"]
