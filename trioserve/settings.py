"""How each part of the server declares what an operator can set of it.

One declaration serves the check of a configuration, its faults, and the table
that ``trioserve --defaults`` prints and docs/configuration.md shows.
"""

from typing import Any, TypeVar

import attrs

T = TypeVar("T")


def setting(
    default: T,
    help: str = "",  # noqa: A002  (the word that argparse has for it)
    *,
    least: float | None = None,
    most: float | None = None,
    example: str | None = None,
    restart: bool = False,
) -> T:
    """An attrs field that an operator can set.

    Args:
        help: what stands next to it in the table: the unit first, without a full stop.
        least: of a number; if this is not given, it is above 0.
        most: of a number.
        example: where the default is None, what it might be, as TOML writes it.
        restart: whether the server keeps what it began with; of a section, all of it.
    """
    metadata = {
        "help": help,
        "least": least,
        "most": most,
        "example": example,
        "restart": restart,
    }
    field: Any = attrs.field(default=default, metadata=metadata)
    return field  # type: ignore[no-any-return]  # to a type checker, a field is its default
