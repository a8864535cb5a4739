"""The configuration: TOML, read as a whole, with every fault named by its path."""

import difflib
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import attrs
import cattrs
from cattrs.errors import AttributeValidationNote
from cattrs.gen import make_dict_structure_fn, override

from trioserve import names
from trioserve.archive.journal import HistorySettings
from trioserve.edge.addresses import Address, TcpAddress, UnixAddress, parse_address
from trioserve.edge.certificates import TlsSettings
from trioserve.edge.proxied import Network, ProxySettings
from trioserve.edge.tcp import TcpOptions
from trioserve.errors import ChatError, ConfigError
from trioserve.limits import DoorLimits
from trioserve.operators import PasswordSettings
from trioserve.outbox import OutboxLimits
from trioserve.passwords import parse_hash
from trioserve.resuming import ResumeLimits
from trioserve.services import SessionLimits
from trioserve.settings import setting
from trioserve.world import RoomLimits

Hook = Callable[[Any, Any], Any]  # checks a value, whose type is given too, for cattrs

MOST: Final = 2**40  # of any number: more would not fit somewhere, and mean nothing
MOST_TOLD: Final = 300  # characters of a fault, which may repeat a key or a value of any length

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
        config = _converter.structure(_tables(text), Config)
    except cattrs.ClassValidationError as error:
        raise ConfigError([_told(fault) for fault in _faults(error)]) from None
    if problems := list(_contradictions(config)):
        raise ConfigError([_told(problem) for problem in problems])
    return config


def _tables(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        fault = str(error)
    except RecursionError:
        fault = "brackets within brackets, hundreds deep"
    except ValueError:  # Python's bound on what it would take for ever to convert
        fault = "a number of thousands of digits"
    raise ConfigError([_told(f"not TOML: {fault}")])


def _told(problem: str) -> str:
    """A fault as one line that a terminal can show, whatever keys and values it repeats."""
    safe = "".join(
        each if each.isprintable() else each.encode("unicode_escape", "backslashreplace").decode()
        for each in problem[:MOST_TOLD]
    )
    return f"{safe[:MOST_TOLD]} ..." if len(problem) > MOST_TOLD else safe


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
            yield f"rooms.first: expected {_shown(first)}, got {_shown(config.rooms.first)}"


# ------------------------------------------------ values, and what is wrong with them


def _number(kind: type[int] | type[float], least: float | None, most: float) -> Hook:
    """Check for a number above 0, or of at least `least`, and of at most `most`."""
    noun = "a whole number" if kind is int else "a number"
    above = "above 0" if least is None else f"of at least {least:g}"

    def check(value: Any, _: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | kind):
            raise ValueError(f"expected {noun}, got {_shown(value)}")
        if not (value > 0 if least is None else value >= least):  # nan is neither
            raise ValueError(f"expected {noun} {above}, got {_shown(value)}")
        if value > most:
            raise ValueError(f"expected {noun} of at most {most}, got {_shown(value)}")
        return kind(value)

    return check


def _instance(kind: type, noun: str) -> Hook:
    def check(value: Any, _: Any) -> Any:
        if not isinstance(value, kind):
            raise ValueError(f"expected {noun}, got {_shown(value)}")
        return value

    return check


def _listen(value: Any, _: Any) -> tuple[Address, ...]:
    if (
        not isinstance(value, list)
        or not value
        or not all(isinstance(each, str | dict) for each in value)
    ):
        raise ValueError(
            f'expected a list of addresses such as ["127.0.0.1:4000"], got {_shown(value)}'
        )
    structured: tuple[Address, ...] = _converter.structure(value, tuple[Address, ...])
    return structured


def _listener(value: Any, _: Any) -> Address:
    """``"HOST:PORT"``, ``"unix:PATH"``, or ``{ address = "unix:PATH", operator = true }``."""
    if isinstance(value, str):
        return parse_address(value)
    address, operator = value.get("address"), value.get("operator", False)
    if not isinstance(address, str) or not isinstance(operator, bool) or len(value) > 2:
        raise ValueError(
            f'expected {{ address = "unix:PATH", operator = true }}, got {_shown(value)}'
        )
    parsed = parse_address(address)
    if isinstance(parsed, UnixAddress):
        return attrs.evolve(parsed, operator=operator)
    if operator:
        raise ValueError(f"expected a unix socket for operators, got {_shown(address)}")
    return parsed


def _telnets(value: Any, _: Any) -> tuple[TcpAddress, ...]:
    found = [each for each in _listen(value, _) if isinstance(each, TcpAddress)] if value else []
    if not isinstance(value, list) or len(found) < len(value):
        raise ValueError(f"expected addresses such as HOST:PORT, got {_shown(value)}")
    return tuple(attrs.evolve(each, telnet=True) for each in found)


def _metrics(value: Any, _: Any) -> Address:
    if not isinstance(value, str):
        raise ValueError(f'expected an address such as "127.0.0.1:9400", got {_shown(value)}')
    return parse_address(value)


def _data(value: Any, _: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(f"expected a directory or :memory:, got {_shown(value)}")
    return value


def _networks(value: Any, _: Any) -> tuple[Network, ...]:
    if not isinstance(value, list):
        raise ValueError(f'expected a list such as ["127.0.0.1"], got {_shown(value)}')
    structured: tuple[Network, ...] = _converter.structure(value, tuple[Network, ...])
    return structured


def _network(value: Any, _: Any) -> Network:
    """An address, or a network whose own address stands before the slash."""
    try:
        if not isinstance(value, str) or "%" in value:  # a zone would match nothing
            raise ValueError
        return ip_network(value)
    except ValueError:
        raise ValueError(
            f'expected an address or a network such as "192.0.2.0/24", got {_shown(value)}'
        ) from None


def _sources(value: Any, _: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(f'expected a list of plug-ins such as ["dice.py"], got {_shown(value)}')
    return tuple(value)


def _operators(value: Any, _: Any) -> Mapping[str, str]:
    """A table of names, each with the hash of a password; no fault repeats what was to be one."""
    if not isinstance(value, dict):
        raise ValueError(f"expected a table, got {_shown(value)}")
    faults: list[Exception] = []
    seen: dict[str, str] = {}
    for name, hashed in value.items():
        try:
            names.check_nick(name)
            if (other := seen.setdefault(names.fold(name), name)) != name:
                raise ValueError(f"the same name as {other}")
            if not isinstance(hashed, str):
                raise ValueError("expected a text in quotes")
            parse_hash(hashed)
        except (ChatError, ValueError) as error:
            fault = ValueError(str(error))
            fault.add_note(AttributeValidationNote("", name, str))
            faults.append(fault)
    if faults:
        raise cattrs.ClassValidationError("operators", faults, Config)
    return MappingProxyType(value)


def _shown(value: Any) -> str:
    """A value as TOML writes it, as far as that matters."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # with escapes: one fault is one line
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, int) and value.bit_length() > 1000:
        return hex(value)  # of any length: Python writes no decimal number of so many digits
    return "a table" if isinstance(value, dict) else str(value)


# ------------------------------------------------------------ tables to classes


def _section(kind: type[Any]) -> Hook:
    """How a table becomes a section, with each value checked by the type of its field."""
    hooks = {field.name: _hook(field) for field in attrs.fields(attrs.resolve_types(kind))}
    overrides: Any = {name: override(struct_hook=hook) for name, hook in hooks.items()}
    structure = make_dict_structure_fn(
        kind, _converter, _cattrs_forbid_extra_keys=True, **overrides
    )

    def table(value: Any, _: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError(f"expected a table, got {_shown(value)}")
        return structure(value, kind)

    return table


def _hook(field: "attrs.Attribute[Any]") -> Hook:
    if field.type in (int, float):
        return _number(field.type, field.metadata["least"], field.metadata["most"] or MOST)
    if field.type is bool:
        return _instance(bool, "true or false")
    if field.type is str:
        return _instance(str, "a text in quotes")
    if field.name == "plugins":
        return _sources
    if field.name == "metrics":
        return _metrics
    if field.name == "data":
        return _data
    if field.name == "trusted":
        return _networks
    if field.name == "telnet":
        return _telnets
    if field.name == "operators":
        return _operators
    if field.type is not None and attrs.has(field.type):
        return _section(field.type)
    return _listen


_converter = cattrs.Converter(detailed_validation=True)
_converter.register_structure_hook(Config, _section(Config))
_converter.register_structure_hook(Address, _listener)
_converter.register_structure_hook(Network, _network)


def _faults(error: cattrs.ClassValidationError, path: str = "") -> Iterator[str]:
    """Every fault below one table, each behind its path."""
    of_fields, others = error.group_exceptions()
    for fault, note in of_fields:
        if isinstance(fault, cattrs.ClassValidationError):
            yield from _faults(fault, f"{path}{note.name}.")
        elif isinstance(fault, cattrs.IterableValidationError):
            yield from (f"{path}{note.name}: {each}" for each, _ in fault.group_exceptions()[0])
        else:
            yield f"{path}{note.name}: {fault}"
    for other in others:
        if not isinstance(other, cattrs.ForbiddenExtraKeysError):
            raise other  # no fault of the file's
        for key in sorted(other.extra_fields):
            known = [field.name for field in attrs.fields(other.cl)]
            similar = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {similar[0]}?" if similar else ""
            yield f"{path}{key}: unknown key{hint}"
