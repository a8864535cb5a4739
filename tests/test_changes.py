"""One configuration after another: what a running server takes, and what it names."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs
import pytest
import trio

from trioserve.configuration.changes import Changes, keys_that_need_a_restart, merged
from trioserve.configuration.config import Config
from trioserve.edge.addresses import parse_address
from trioserve.edge.certificates import TlsSettings
from trioserve.limits import DoorLimits
from trioserve.outbox import OutboxLimits
from trioserve.rooms.roomkeeping import RoomLimits
from trioserve.server import Server
from trioserve.sessions.services import SessionLimits
from trioserve.testing import Chat

# Where a running server keeps each section that it can change. A new section has to be given
# a place here, or to be declared with `restart`.
PLACES: Final[dict[str, Callable[[Server], Any]]] = {
    "passwords": lambda server: server._reception.services.operators,
    "operators": lambda server: server._reception.services.operators.hashes,
    "limits": lambda server: server._reception.services.limits,
    "connections": lambda server: server._door.limits,
    "resume": lambda server: server.broker.resuming.limits,
    "rooms": lambda server: server.world.limits,
    "tls": lambda server: server.config.tls,  # tests/test_rereading.py: to the way in
    "proxy": lambda server: server.config.proxy,  # likewise
    "shutdown": lambda server: server.config.shutdown,  # looked up when it begins
}


def keys(kind: type[Any] = Config, path: str = "") -> Iterator[str]:
    for field in attrs.fields(kind):
        if attrs.has(section := type(field.default)):
            yield from keys(section, f"{path}{field.name}.")
        else:
            yield f"{path}{field.name}"


def needs_restart(key: str) -> bool:
    return any(key == each or key.startswith(f"{each}.") for each in keys_that_need_a_restart())


def valued(config: Any, key: str) -> Any:
    for name in key.split("."):
        config = getattr(config, name)
    return config


def changed(config: Any, key: str) -> Any:
    """The configuration with another value for one key."""
    name, _, rest = key.partition(".")
    was = getattr(config, name)
    return attrs.evolve(config, **{name: changed(was, rest) if rest else other(was)})


def other(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return f"{value}x"
        case Mapping():
            return {"ann": "scrypt"}
        case _:  # addresses, and plug-ins
            return (parse_address("127.0.0.1:1"),)


@pytest.mark.parametrize("key", [each for each in keys() if needs_restart(each)])
async def test_what_needs_a_restart_is_named_and_stays(chat: Chat, key: str) -> None:
    before = chat.server.config
    await trio.lowlevel.checkpoint()

    assert chat.server.apply(changed(before, key)) == Changes(needs_restart=[key])

    assert chat.server.config == before


@pytest.mark.parametrize("key", [each for each in keys() if not needs_restart(each)])
async def test_every_other_key_reaches_the_part_that_keeps_it(chat: Chat, key: str) -> None:
    config = changed(chat.server.config, key)
    section, _, name = key.partition(".")
    await trio.lowlevel.checkpoint()

    assert chat.server.apply(config) == Changes(taken=[key])

    assert chat.server.config == config
    kept = PLACES[section](chat.server)
    assert (getattr(kept, name) if name else kept) == valued(config, key)


def test_what_needs_a_restart_is_named_each_time_for_it_is_not_taken() -> None:
    wanted = Config(outbox=OutboxLimits(soft=1), rooms=RoomLimits(history=5))

    kept, first = merged(Config(), wanted)
    _, second = merged(kept, wanted)

    assert first == Changes(taken=["rooms.history"], needs_restart=["outbox.soft"])
    assert second == Changes(needs_restart=["outbox.soft"])


def test_the_same_again_changes_nothing() -> None:
    assert merged(Config(), Config()) == (Config(), Changes())


def test_a_certificate_is_replaced_and_not_taken_away() -> None:
    address = (parse_address("tls:127.0.0.1:0"),)
    old = Config(listen=address, tls=TlsSettings("chain.pem", "key.pem"))

    kept, changes = merged(old, Config(tls=TlsSettings(handshake=3)))

    assert kept == attrs.evolve(old, tls=TlsSettings("chain.pem", "key.pem", handshake=3))
    assert changes == Changes(
        taken=["tls.handshake"], needs_restart=["tls.certificate", "tls.key", "listen"]
    )


async def test_whoever_is_here_keeps_the_limits_that_they_came_with(chat: Chat) -> None:
    ann = await chat.join("ann")
    chat.server.apply(Config(limits=SessionLimits(max_line=10)))
    bob = await chat.join("bob")

    await ann.types("a line of more than ten bytes")
    await bob.sees("<ann> a line of more than ten bytes")
    await bob.types("a line of more than ten bytes")
    await bob.sees("-- a line of more than 10 bytes is not sent")


async def test_rooms_may_be_more_or_fewer_at_once(chat: Chat) -> None:
    ann = await chat.join("ann")

    chat.server.apply(Config(rooms=RoomLimits(per_member=1)))

    await ann.types("/join #books")
    await ann.sees("-- you are in 1 rooms, the most; /leave one first")


async def test_the_door_counts_on_from_where_it_was(chat: Chat) -> None:
    chat.connect(host="192.0.2.1")
    await chat.join("ann")

    chat.server.apply(Config(connections=DoorLimits(per_address=1)))

    refused = chat.connect(host="192.0.2.1")
    await refused.sees("-- there is 1 connection from your address, the most; try again later")
