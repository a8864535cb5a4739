"""The default configuration as TOML, made from the declarations: every key, and what it means."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from trioserve.configuration.config import DEFAULT_LISTEN, DEFAULT_TELNET, Config

_ADDRESSES: Final = {"listen": DEFAULT_LISTEN, "telnet": DEFAULT_TELNET}  # as far as they go
COLUMN: Final = 25  # where the comments begin, or one blank behind what is longer


def default_toml() -> str:
    """Every key there is with its default: a configuration that changes nothing."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    sections: list[attrs.Attribute[Any]] = []
    for field in attrs.fields(Config):
        if attrs.has(type(field.default)) or isinstance(field.default, Mapping):
            sections.append(field)
        elif field.name in _ADDRESSES:
            yield _line(field, _ADDRESSES[field.name])
        else:
            yield _line(field, field.default)
    for section in sections:
        yield ""
        if isinstance(section.default, Mapping):  # with keys of the operator's own
            yield f"[{section.name}]"
            yield _commented(f"# {section.metadata['example']}", section)
        else:
            yield _commented(f"[{section.name}]", section)
            kind: Any = type(section.default)
            for field in attrs.fields(kind):
                yield _line(field, field.default)


def _line(field: "attrs.Attribute[Any]", default: Any) -> str:
    if default is None:
        return _commented(f"# {field.name} = {field.metadata['example']}", field)
    return _commented(f"{field.name} = {_toml(default)}", field)


def _commented(text: str, field: "attrs.Attribute[Any]") -> str:
    comment = field.metadata["help"]
    return f"{text:{COLUMN - 1}} # {comment}" if comment else text


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(int(value)) if value == int(value) else str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"'  # no default has anything in it that TOML would escape
