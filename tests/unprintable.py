"""A text that nothing can show."""


class Unprintable(str):
    """A text that a command of somebody's could hand over."""

    __slots__ = ()

    def __format__(self, _: str) -> str:
        raise RuntimeError("unprintable")

    def __radd__(self, _: str) -> str:
        raise RuntimeError("unprintable")
