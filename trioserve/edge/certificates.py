"""The server's certificate: which files it is in, and what can be wrong with them."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

from trioserve.settings import setting

MOST: Final = 1024 * 1024  # bytes of a file that are looked at


@attrs.frozen
class TlsSettings:
    """What TLS needs."""

    certificate: str = setting("", "a PEM file with the whole chain; without one there is no TLS")
    key: str = setting("", "a PEM file")
    handshake: float = setting(10.0, "seconds for a client to begin")


class BadCertificate(ValueError):
    """The certificate or the key cannot be used; `faults` say which, and why."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def load(settings: TlsSettings) -> ssl.SSLContext | None:
    """Make what connections are wrapped with, from files as they are now; None without any.

    Each time it is a new context: one into which a key was loaded that does not
    fit stays broken.

    Raises:
        BadCertificate: if a file is missing, or the two do not belong together.
    """
    if not settings.certificate and not settings.key:
        return None
    if not settings.certificate or not settings.key:
        raise BadCertificate(_faults(settings))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A client that renegotiates costs much and gains nothing; nor do chats resume sessions.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
    context.num_tickets = 0
    try:
        context.load_cert_chain(settings.certificate, settings.key, password=_refuse)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise BadCertificate(_faults(settings) or [_fault(settings, error)]) from None
    return context


def _refuse() -> bytes:
    """Give no password: OpenSSL would ask for one at the terminal, and wait."""
    raise ValueError("no password")


def _faults(settings: TlsSettings) -> list[str]:
    """What is wrong with the files, each for itself."""
    return [*_certificate_faults(settings), *_key_faults(settings)]


def _certificate_faults(settings: TlsSettings) -> Iterator[str]:
    name, path = "tls.certificate", settings.certificate
    try:
        _read(path)
        # OpenSSL says "PEM lib" of either file; this takes no key.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except _Unreadable as fault:
        yield f"{name}: {fault}"
    except OSError:
        yield f"{name}: {path}: no certificate in PEM format"


def _key_faults(settings: TlsSettings) -> Iterator[str]:
    """What is wrong with the key, as far as that shows without the certificate."""
    name, path = "tls.key", settings.key
    try:
        key = _read(path)
    except _Unreadable as fault:
        yield f"{name}: {fault}"
        return
    if b"PRIVATE KEY-----" not in key:  # RFC 7468, 10
        yield f"{name}: {path}: no private key in PEM format"
    elif b"BEGIN ENCRYPTED" in key or b"4,ENCRYPTED" in key:  # RFC 7468, 11; RFC 1421, 4.6.1.1
        yield f"{name}: it is encrypted; a server has nobody to ask for the password"


class _Unreadable(Exception):
    """There is no such file, or not for us; the text says why."""


def _read(path: str) -> bytes:
    """The beginning of a file; raises _Unreadable."""
    if not path:
        raise _Unreadable("missing; TLS needs both tls.certificate and tls.key")
    try:
        with Path(path).open("rb") as file:
            return file.read(MOST)
    except ValueError:
        raise _Unreadable(f"{path!r} cannot be a path") from None
    except OSError as error:
        raise _Unreadable(f"{path}: {error.strerror}") from None


def _fault(settings: TlsSettings, error: Exception) -> str:
    reason = getattr(error, "reason", None) or ""
    if reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"):
        return "tls.key: it does not belong to tls.certificate"
    return f"tls.key: {settings.key}: " + (
        reason.lower().replace("_", " ") or "no private key in PEM format"
    )
