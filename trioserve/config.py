"""The configuration: TOML, read as a whole, with every fault named by its path."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import attrs
import cattrs

from trioserve import names
from trioserve.archive.journal import HistorySettings
from trioserve.edge.addresses import Address, TcpAddress
from trioserve.edge.certificates import TlsSettings
from trioserve.edge.proxied import ProxySettings
from trioserve.edge.tcp import TcpOptions
from trioserve.errors import ChatError, ConfigError
from trioserve.limits import DoorLimits
from trioserve.operators import PasswordSettings
from trioserve.outbox import OutboxLimits
from trioserve.resuming import ResumeLimits
from trioserve.services import SessionLimits
from trioserve.settings import setting
from trioserve.tables import faults, read_tables, section, told
from trioserve.values import shown
from trioserve.world import RoomLimits

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


def read_config(path: Path) -> Config:
    """Read a file.

    Raises:
        ConfigError: naming every fault, each with its path.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: not UTF-8"]) from None
    return parse_config(text)


def parse_config(text: str) -> Config:
    """Read the text of a configuration; raises ConfigError as `read_config` does."""
    try:
        config: Config = _structured(read_tables(text), Config)
    except cattrs.ClassValidationError as error:
        raise ConfigError([told(fault) for fault in faults(error)]) from None
    if problems := list(_contradictions(config)):
        raise ConfigError([told(problem) for problem in problems])
    return config


def _contradictions(config: Config) -> Iterator[str]:
    if config.outbox.soft >= config.outbox.hard:
        yield "outbox.soft: expected less than outbox.hard"
    if config.outbox.hard > config.outbox.total:
        yield "outbox.hard: expected at most outbox.total"
    if config.shutdown.drain >= config.shutdown.total:
        yield "shutdown.drain: expected less than shutdown.total"
    try:
        first = names.check_room(config.rooms.first)
    except ChatError as error:
        yield f"rooms.first: {error}"
    else:
        if first != config.rooms.first:
            yield f"rooms.first: expected {shown(first)}, got {shown(config.rooms.first)}"
