"""What each value of the configuration may be, and what is said of one that may not."""

import json
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from types import MappingProxyType
from typing import Any, Final

import attrs
import cattrs
from cattrs.errors import AttributeValidationNote

from trioserve import names
from trioserve.accounts.passwords import parse_hash
from trioserve.edge.addresses import Address, TcpAddress, UnixAddress, parse_address
from trioserve.edge.proxied import Network
from trioserve.errors import ChatError

Hook = Callable[[Any, Any], Any]  # checks a value, whose type is given too, for cattrs

# Of lists, so that of each that is wrong is told.
converter: Final = cattrs.Converter(detailed_validation=True)


def number(kind: type[int] | type[float], least: float | None, most: float) -> Hook:
    """Check for a number above 0, or of at least `least`, and of at most `most`."""
    noun = "a whole number" if kind is int else "a number"
    above = "above 0" if least is None else f"of at least {least:g}"

    def check(value: Any, _: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | kind):
            raise ValueError(f"expected {noun}, got {shown(value)}")
        if not (value > 0 if least is None else value >= least):  # nan is neither
            raise ValueError(f"expected {noun} {above}, got {shown(value)}")
        if value > most:
            raise ValueError(f"expected {noun} of at most {most}, got {shown(value)}")
        return kind(value)

    return check


def instance(kind: type, noun: str) -> Hook:
    def check(value: Any, _: Any) -> Any:
        if not isinstance(value, kind):
            raise ValueError(f"expected {noun}, got {shown(value)}")
        return value

    return check


def _listen(value: Any, _: Any) -> tuple[Address, ...]:
    if (
        not isinstance(value, list)
        or not value
        or not all(isinstance(each, str | dict) for each in value)
    ):
        raise ValueError(
            f'expected a list of addresses such as ["127.0.0.1:4000"], got {shown(value)}'
        )
    structured: tuple[Address, ...] = converter.structure(value, tuple[Address, ...])
    return structured


def _listener(value: Any, _: Any) -> Address:
    """``"HOST:PORT"``, ``"unix:PATH"``, or ``{ address = "unix:PATH", operator = true }``."""
    if isinstance(value, str):
        return parse_address(value)
    address, operator = value.get("address"), value.get("operator", False)
    unknown = sorted(value.keys() - {"address", "operator"})
    if not isinstance(address, str) or not isinstance(operator, bool) or unknown:
        fault = f"one with {', '.join(map(shown, unknown))}" if unknown else shown(value)
        raise ValueError(f'expected {{ address = "unix:PATH", operator = true }}, got {fault}')
    parsed = parse_address(address)
    if isinstance(parsed, UnixAddress):
        return attrs.evolve(parsed, operator=operator)
    if operator:
        raise ValueError(f"expected a unix socket for operators, got {shown(address)}")
    return parsed


def _telnets(value: Any, _: Any) -> tuple[TcpAddress, ...]:
    found = [each for each in _listen(value, _) if isinstance(each, TcpAddress)] if value else []
    if not isinstance(value, list) or len(found) < len(value):
        raise ValueError(f"expected addresses such as HOST:PORT, got {shown(value)}")
    return tuple(attrs.evolve(each, telnet=True) for each in found)


def _metrics(value: Any, _: Any) -> Address:
    if not isinstance(value, str):
        raise ValueError(f'expected an address such as "127.0.0.1:9400", got {shown(value)}')
    return parse_address(value)


def _data(value: Any, _: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(f"expected a directory or :memory:, got {shown(value)}")
    return value


def _networks(value: Any, _: Any) -> tuple[Network, ...]:
    if not isinstance(value, list):
        raise ValueError(f'expected a list such as ["127.0.0.1"], got {shown(value)}')
    structured: tuple[Network, ...] = converter.structure(value, tuple[Network, ...])
    return structured


def _network(value: Any, _: Any) -> Network:
    """An address, or a network whose own address stands before the slash."""
    try:
        if not isinstance(value, str) or "%" in value:  # a zone would match nothing
            raise ValueError
        network = ip_network(value, strict=False)
    except ValueError:
        raise ValueError(
            f'expected an address or a network such as "192.0.2.0/24", got {shown(value)}'
        ) from None
    address = value.partition("/")[0]
    if ip_address(address) != network.network_address:
        raise ValueError(
            f'{address} is within a network: did you mean "{address}", or "{network}"?'
        )
    return network


def _sources(value: Any, _: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise ValueError(f'expected a list of plug-ins such as ["dice.py"], got {shown(value)}')
    return tuple(value)


def _operators(value: Any, _: Any) -> Mapping[str, str]:
    """A table of names, each with the hash of a password; no fault repeats what was to be one."""
    if not isinstance(value, dict):
        raise ValueError(f"expected a table, got {shown(value)}")
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
        raise cattrs.ClassValidationError("operators", faults, dict)
    return MappingProxyType(value)


def shown(value: Any) -> str:
    """A value as TOML writes it, as far as that matters."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # with escapes: one fault is one line
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, int) and value.bit_length() > 1000:
        return hex(value)  # of any length: Python writes no decimal number of so many digits
    return "a table" if isinstance(value, dict) else str(value)


# What stands for a key by its name; of any other, its type says what it may be.
BY_NAME: Final[Mapping[str, Hook]] = {
    "listen": _listen,
    "telnet": _telnets,
    "metrics": _metrics,
    "data": _data,
    "plugins": _sources,
    "trusted": _networks,
    "operators": _operators,
}

converter.register_structure_hook(Address, _listener)
converter.register_structure_hook(Network, _network)
