"""Passwords as they are kept: hashed by scrypt (RFC 7914), each with its salt and parameters.

A hash is a text, ``scrypt$n$r$p$salt$hash``, the last two in base64. Hashing takes
some 50 ms and 16 MiB by design, so it is done in threads, of which there are few.
"""

import base64
import ctypes
import hashlib
import hmac
import secrets
from typing import Final, Protocol

import attrs
import trio

from trioserve.wire.text import clean

MIN_PASSWORD: Final = 8  # characters
MAX_PASSWORD: Final = 512  # bytes; the default `limits.max_line` takes twice as many
SALT: Final = 16  # bytes
MAX_MEMORY: Final = 64 * 1024 * 1024  # bytes that one hash may take
MAX_PARALLEL: Final = 4  # p: how many times as long as its memory lets expect
AT_ONCE: Final = 1  # thread, that takes 16 MiB: a flood of tries costs no more

_M_MMAP_THRESHOLD: Final = -3  # of glibc's mallopt(3)
_LARGE: Final = 1024 * 1024  # bytes

_FORM: Final = "scrypt$n$r$p$salt$hash"


class Passwords(Protocol):
    """A way to hash passwords. All methods checkpoint."""

    async def hash(self, password: str) -> str:
        """Hash a password, under a salt of its own."""

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Whether a hash is this password's; of None it takes as long to say that it is not."""

    async def digest(self, text: str, salt: bytes) -> str:
        """Hash what is made by chance, and found by its hash: under one salt always the same."""


class Scrypt:
    """Passwords that are hashed by scrypt, in threads."""

    def __init__(self) -> None:
        """Make one, within a Trio run."""
        self._limiter = trio.CapacityLimiter(AT_ONCE)

    async def hash(self, password: str) -> str:
        """Hash a password, under a salt of its own."""
        return await trio.to_thread.run_sync(hash_password, password, limiter=self._limiter)

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Whether a hash is this password's; raises ValueError of what is no hash."""
        kept = parse_hash(hashed or _NOBODY)
        same = await trio.to_thread.run_sync(kept.is_of, password, limiter=self._limiter)
        return same and hashed is not None

    async def digest(self, text: str, salt: bytes) -> str:
        """Hash a text under a salt that is given."""
        return await trio.to_thread.run_sync(_hashed, text, salt, limiter=self._limiter)


@attrs.frozen
class Hash:
    """A hash with all that it takes to make it again."""

    n: int
    r: int
    p: int
    salt: bytes
    key: bytes = attrs.field(repr=False)

    def is_of(self, password: str) -> bool:
        """Whether this is the password's; takes its time."""
        return hmac.compare_digest(self.key, _derived(password, self))

    def __str__(self) -> str:
        salt, key = (base64.b64encode(each).decode() for each in (self.salt, self.key))
        return f"scrypt${self.n}${self.r}${self.p}${salt}${key}"


def return_large_blocks() -> None:
    """Let the C library give large blocks back to the system as soon as they are free.

    glibc else keeps the 16 MiB of a hash in each thread that has made one, for ever.
    Others give them back anyway.
    """
    if (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)


def hash_password(password: str) -> str:
    """Hash a password under a new salt; takes its time."""
    return _hashed(password, secrets.token_bytes(SALT))


def _hashed(text: str, salt: bytes) -> str:
    # As strong as RFC 7914 has it for what a person waits for.
    blank = Hash(2**14, 8, 1, salt, b"\0" * 32)
    return str(attrs.evolve(blank, key=_derived(text, blank)))


def parse_hash(text: str) -> Hash:
    """Read a hash; raises ValueError, whose text does not repeat it, if it cannot be used."""
    scheme, *parts = text.split("$")
    if scheme != "scrypt" or len(parts) != 5 or not all(map(_is_number, parts[:3])):
        raise ValueError(f"expected {_FORM}, as trioserve --hash-password prints it")
    n, r, p = map(int, parts[:3])
    try:
        salt, key = (base64.b64decode(each, validate=True) for each in parts[3:])
    except ValueError:  # binascii.Error is one, and what is not ASCII another
        raise ValueError(f"the salt and the hash of {_FORM} are not base64") from None
    if n < 2**14 or n & (n - 1) or r < 8 or p < 1:
        raise ValueError(f"in {_FORM}, n is a power of 2 of at least 16384, r at least 8")
    if 128 * n * r > MAX_MEMORY or p > MAX_PARALLEL:
        raise ValueError(f"{_FORM} takes more than {MAX_MEMORY} bytes, or p is above 4")
    if not (SALT <= len(salt) <= 64 and 32 <= len(key) <= 64):
        raise ValueError(f"in {_FORM}, the salt has 16 to 64 bytes, the hash 32 to 64")
    return Hash(n, r, p, salt, key)


def check_password(password: str) -> str:
    """Return a password that may protect something, and can be typed in chat.

    Raises:
        ValueError: for any other.
    """
    if len(clean(password)) < MIN_PASSWORD:
        raise ValueError(f"a password has at least {MIN_PASSWORD} characters")
    if len(password.encode("utf-8", "replace")) > MAX_PASSWORD:
        raise ValueError(f"a password has at most {MAX_PASSWORD} bytes")
    if password.startswith("/"):
        raise ValueError("a password does not begin with /, as commands do")
    return password


def _derived(password: str, kept: Hash) -> bytes:
    # Cleaned as everything that is typed in chat: it may have been hashed elsewhere.
    return hashlib.scrypt(
        clean(password).encode(),
        salt=kept.salt,
        n=kept.n,
        r=kept.r,
        p=kept.p,
        maxmem=128 * kept.r * (kept.n + kept.p + 2) + 1024,
        dklen=len(kept.key),
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9


# What nobody's password has, for the time it takes to find that out.
_NOBODY: Final = str(Hash(2**14, 8, 1, b"\0" * SALT, b"\0" * 32))
