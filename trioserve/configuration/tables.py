"""Tables of TOML made into values, with every fault that is in them."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator
from typing import Any, Final

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, override

from trioserve.configuration.values import BY_NAME, Hook, converter, instance, number, shown
from trioserve.errors import ConfigError

MOST: Final = 2**40  # of any number: more would not fit somewhere, and mean nothing
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
MOST_TOLD: Final = 300  # characters of a fault, which may repeat a key or a value of any length


def read_tables(text: str) -> dict[str, Any]:
    """Read TOML; raises ConfigError."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        fault = str(error)
    except RecursionError:
        fault = "brackets within brackets, hundreds deep"
    except ValueError:  # Python's bound on what it would take for ever to convert
        fault = "a number of thousands of digits"
    raise ConfigError([told(f"not TOML: {fault}")])


def told(problem: str) -> str:
    """A fault as one line that a terminal can show, whatever keys and values it repeats."""
    safe = "".join(
        each if each.isprintable() else each.encode("unicode_escape", "backslashreplace").decode()
        for each in problem[:MOST_TOLD]
    )
    return f"{safe[:MOST_TOLD]} ..." if len(problem) > MOST_TOLD else safe


def key_as_written(key: str) -> str:
    """A key as TOML writes it: in quotes, if it needs any."""
    return key if _BARE.fullmatch(key) else shown(key)


def section(kind: type[Any]) -> Hook:
    """How a table becomes a section, with each value checked by the type of its field."""
    hooks = {field.name: _hook(field) for field in attrs.fields(attrs.resolve_types(kind))}
    overrides: Any = {name: override(struct_hook=hook) for name, hook in hooks.items()}
    structure = make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True, **overrides)

    def table(value: Any, _: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError(f"expected a table, got {shown(value)}")
        return structure(value, kind)

    return table


def _hook(field: "attrs.Attribute[Any]") -> Hook:
    if field.name in BY_NAME:
        return BY_NAME[field.name]
    if field.type in (int, float):
        return number(field.type, field.metadata["least"], field.metadata["most"] or MOST)
    if field.type is bool:
        return instance(bool, "true or false")
    if field.type is str:
        return instance(str, "a text in quotes")
    assert field.type is not None, field.name
    return section(field.type)


Fault = tuple[tuple[str, ...], str]  # the path of a key, and what is wrong with its value


def faults(error: cattrs.ClassValidationError, path: tuple[str, ...] = ()) -> Iterator[Fault]:
    """Every fault below one table."""
    of_fields, others = error.group_exceptions()
    for fault, note in of_fields:
        key = (*path, note.name)
        if isinstance(fault, cattrs.ClassValidationError):
            yield from faults(fault, key)
        elif isinstance(fault, cattrs.IterableValidationError):
            yield from ((key, str(each)) for each, _ in fault.group_exceptions()[0])
        else:
            yield key, str(fault)
    for other in others:
        if not isinstance(other, cattrs.ForbiddenExtraKeysError):
            raise other  # no fault of the file's
        for name in sorted(other.extra_fields):
            known = [field.name for field in attrs.fields(other.cl)]
            similar = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {similar[0]}?" if similar else ""
            yield (*path, name), f"unknown key{hint}"


def without(table: dict[str, Any], paths: Iterable[tuple[str, ...]]) -> dict[str, Any]:
    """A table that has none of these keys."""
    rest = dict(table)
    for first, *further in paths:
        if not further:
            rest.pop(first, None)
        elif first in rest:
            rest[first] = without(rest[first], [tuple(further)])
    return rest
