"""The configuration: TOML, read as a whole, with every fault named by its path."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import attrs
import cattrs

from trioserve import names
from trioserve.accounts.operators import PasswordSettings
from trioserve.archive.journal import HistorySettings
from trioserve.broker.resuming import ResumeLimits
from trioserve.configuration.tables import (
    Fault,
    faults,
    key_as_written,
    read_tables,
    section,
    told,
    without,
)
from trioserve.configuration.values import shown
from trioserve.edge.addresses import Address, TcpAddress
from trioserve.edge.certificates import TlsSettings
from trioserve.edge.proxied import ProxySettings
from trioserve.edge.tcp import TcpOptions
from trioserve.errors import ChatError, ConfigError
from trioserve.limits import DoorLimits
from trioserve.outbox import OutboxLimits
from trioserve.rooms.roomkeeping import RoomLimits
from trioserve.sessions.services import SessionLimits
from trioserve.settings import setting

# Both, because `nc localhost` tries ::1 first.
DEFAULT_LISTEN = (TcpAddress("127.0.0.1", 4000), TcpAddress("::1", 4000))
# Telnets start no negotiation by themselves, but on port 23.
DEFAULT_TELNET = (TcpAddress("127.0.0.1", 4023, telnet=True), TcpAddress("::1", 4023, telnet=True))


@attrs.frozen
class BrokerLimits:
    """How much may wait for the broker."""

    inbox: int = setting(256, "requests that wait, before who sends more has to")


@attrs.frozen
class ShutdownLimits:
    """How long the end of the server may take."""

    drain: float = setting(8.0, "seconds to deliver what waits")
    # At most, because a thread cannot wait for ever.
    total: float = setting(
        10.0, "seconds, then the process ends whatever still runs", most=1_000_000
    )


@attrs.frozen
class Config:
    """Everything an operator can set. Each section belongs to the part that keeps it."""

    # None: DEFAULT_LISTEN, as far as the machine can.
    listen: tuple[Address, ...] | None = setting(None, restart=True)
    # None: DEFAULT_TELNET, unless `listen` is set.
    telnet: tuple[TcpAddress, ...] | None = setting(
        None, "none, if listen is set and this is not", restart=True
    )
    plugins: tuple[str, ...] = setting((), "FILE.py or package.module", restart=True)
    metrics: Address | None = setting(
        None,
        "or unix:PATH: /metrics, /healthz, /snapshot",
        example='"127.0.0.1:9400"',
        restart=True,
    )
    data: str | None = setting(
        None,
        "a directory, or :memory: to keep nothing; without it, the platform's",
        example='"/var/lib/trioserve"',
        restart=True,
    )
    history: HistorySettings = setting(HistorySettings(), "of what is said", restart=True)
    limits: SessionLimits = setting(SessionLimits(), "of one connection")
    connections: DoorLimits = setting(DoorLimits())
    operators: Mapping[str, str] = setting(
        MappingProxyType({}),
        "a name, and the hash that `trioserve --hash-password` prints",
        example='ann = "scrypt$..."',
    )
    passwords: PasswordSettings = setting(PasswordSettings())
    outbox: OutboxLimits = setting(OutboxLimits(), "what waits for one reader", restart=True)
    rooms: RoomLimits = setting(RoomLimits())
    resume: ResumeLimits = setting(ResumeLimits(), "who comes back when a connection broke")
    broker: BrokerLimits = setting(BrokerLimits(), restart=True)
    tcp: TcpOptions = setting(TcpOptions(), restart=True)
    tls: TlsSettings = setting(TlsSettings(), 'for listen = ["tls:HOST:PORT"]')
    proxy: ProxySettings = setting(ProxySettings(), "who says for whom it comes (PROXY protocol)")
    shutdown: ShutdownLimits = setting(ShutdownLimits())

    @property
    def addresses(self) -> list[Address]:
        """Where to listen: what is set, or the defaults."""
        telnet = () if self.listen is not None else DEFAULT_TELNET
        return [*(self.listen or DEFAULT_LISTEN), *(telnet if self.telnet is None else self.telnet)]

    @property
    def tls_port(self) -> int | None:
        """The first port on which TLS is spoken, if one is."""
        tcp = [each for each in self.listen or () if isinstance(each, TcpAddress)]
        return next((each.port for each in tcp if each.tls and each.port), None)


_structured = section(Config)


@attrs.frozen
class Reading:
    """What a text comes to: a configuration, with the default for whatever is wrong in it."""

    config: Config = Config()
    faults: tuple[Fault, ...] = ()

    def has(self, *keys: str) -> bool:
        """Whether all these keys, as ``outbox.soft``, are what the text says, or its defaults."""
        wrong = {".".join(path) for path, _ in self.faults}
        return not any(key in wrong or key.partition(".")[0] in wrong for key in keys)

    @property
    def problems(self) -> list[str]:
        """Each fault behind its path, as one line."""
        return [
            told(f"{'.'.join(map(key_as_written, path))}: {fault}") for path, fault in self.faults
        ]


def read_config(path: Path) -> Config:
    """Read a file; raises ConfigError, naming every fault, each with its path."""
    return _sound(examine_file(path))


def parse_config(text: str) -> Config:
    """Read the text of a configuration; raises ConfigError as `read_config` does."""
    return _sound(examine(text))


def examine_file(path: Path) -> Reading:
    """Read a file, as far as that is possible; raises ConfigError if it is not at all."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors put a mark before it
    except OSError as error:
        raise ConfigError([told(f"{path}: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise ConfigError([told(f"{path}: not UTF-8")]) from None
    return examine(text)


def examine(text: str) -> Reading:
    """Read the text of a configuration, with all its faults; raises ConfigError if it is no TOML.

    With defaults in the place of what is wrong, one can look for what else is.
    """
    tables = read_tables(text)
    found: tuple[Fault, ...] = ()
    try:
        config: Config = _structured(tables, Config)
    except cattrs.ClassValidationError as error:
        found = tuple(faults(error))
        config = _structured(without(tables, [path for path, _ in found]), Config)
    reading = Reading(config, found)
    return Reading(config, (*found, *_contradictions(reading)))


def _sound(reading: Reading) -> Config:
    if reading.faults:
        raise ConfigError(reading.problems)
    return reading.config


def _contradictions(reading: Reading) -> Iterator[Fault]:
    """What does not go together, as far as both are known."""
    outbox, shutdown, rooms = reading.config.outbox, reading.config.shutdown, reading.config.rooms
    if outbox.soft >= outbox.hard and reading.has("outbox.soft", "outbox.hard"):
        yield ("outbox", "soft"), "expected less than outbox.hard"
    if outbox.hard > outbox.total and reading.has("outbox.hard", "outbox.total"):
        yield ("outbox", "hard"), "expected at most outbox.total"
    if shutdown.drain >= shutdown.total and reading.has("shutdown.drain", "shutdown.total"):
        yield ("shutdown", "drain"), "expected less than shutdown.total"
    try:
        first = names.check_room(rooms.first)
    except ChatError as error:
        yield ("rooms", "first"), str(error)
    else:
        if first != rooms.first:
            yield ("rooms", "first"), f"expected {shown(first)}, got {shown(rooms.first)}"
