"""One configuration after another: what a running server can take of it, and what it cannot."""

from collections.abc import Iterator
from typing import Any

import attrs

from trioserve.configuration.config import Config


@attrs.frozen
class Changes:
    """The keys in which a configuration differs from the one before, such as ``limits.rate``."""

    taken: list[str] = attrs.field(factory=list)
    needs_restart: list[str] = attrs.field(factory=list)


def merged(old: Config, new: Config) -> tuple[Config, Changes]:
    """Of a new configuration what can be taken, the rest as it was; and which keys those are."""
    changes = Changes()
    if old.tls.certificate and not new.tls.certificate:  # addresses for TLS go on to need one
        tls = attrs.evolve(new.tls, certificate=old.tls.certificate, key=old.tls.key)
        new = attrs.evolve(new, tls=tls)
        changes.needs_restart.extend(["tls.certificate", "tls.key"])
    config: Config = _merged(old, new, "", False, changes)
    return config, changes


def keys_that_need_a_restart() -> list[str]:
    """Their names; of a section of which that holds as a whole, the section's."""
    return list(_named(Config, ""))


def _named(kind: type[Any], path: str) -> Iterator[str]:
    for field in attrs.fields(kind):
        if field.metadata["restart"]:
            yield f"{path}{field.name}"
        elif attrs.has(section := type(field.default)):
            yield from _named(section, f"{path}{field.name}.")


def _merged(old: Any, new: Any, path: str, stays: bool, changes: Changes) -> Any:
    kept = {}
    for field in attrs.fields(type(old)):
        name, restart = f"{path}{field.name}", stays or field.metadata["restart"]
        was, wanted = getattr(old, field.name), getattr(new, field.name)
        if attrs.has(type(field.default)):
            kept[field.name] = _merged(was, wanted, f"{name}.", restart, changes)
        elif was != wanted:
            (changes.needs_restart if restart else changes.taken).append(name)
            kept[field.name] = was if restart else wanted
    return attrs.evolve(new, **kept)
