"""The server's certificate: which files it is in, and what can be wrong with them."""

import ssl
from pathlib import Path

import attrs

from trioserve.settings import setting


@attrs.frozen
class TlsSettings:
    """What TLS needs."""

    certificate: str = setting("", "a PEM file with the whole chain; without one there is no TLS")
    key: str = setting("", "a PEM file")
    handshake: float = setting(10.0, "seconds for a client to begin")


class BadCertificate(ValueError):
    """The certificate or the key cannot be used; the text says which, and why."""


def load(settings: TlsSettings) -> ssl.SSLContext | None:
    """Make what connections are wrapped with, from files as they are now; None without any.

    Each time it is a new context: one into which a key was loaded that does not
    fit stays broken.

    Raises:
        BadCertificate: if a file is missing, or the two do not belong together.
    """
    if not settings.certificate and not settings.key:
        return None
    for name, path in (("certificate", settings.certificate), ("key", settings.key)):
        _check_readable(f"tls.{name}", path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A client that renegotiates costs much and gains nothing; nor do chats resume sessions.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
    context.num_tickets = 0
    try:
        context.load_cert_chain(settings.certificate, settings.key, password=_refuse)
    except OSError as error:  # ssl.SSLError is one
        raise BadCertificate(_fault(settings, error)) from None
    return context


def _check_readable(name: str, path: str) -> None:
    if not path:
        raise BadCertificate(f"{name}: missing; TLS needs both tls.certificate and tls.key")
    try:
        with Path(path).open("rb") as file:
            file.read(1)
    except ValueError:
        raise BadCertificate(f"{name}: {path!r} cannot be a path") from None
    except OSError as error:
        raise BadCertificate(f"{name}: {path}: {error.strerror}") from None


def _refuse() -> bytes:
    """Give no password: OpenSSL would ask for one at the terminal, and wait."""
    raise BadCertificate("tls.key: it is encrypted; a server has nobody to ask for the password")


def _fault(settings: TlsSettings, error: OSError) -> str:
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return "tls.key: it does not belong to tls.certificate"
    scratch = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        # OpenSSL says "PEM lib" of either file; this takes no key.
        scratch.load_verify_locations(settings.certificate)
    except OSError:
        return f"tls.certificate: {settings.certificate}: no certificate in PEM format"
    reason = getattr(error, "reason", None)
    return f"tls.key: {settings.key}: " + (
        reason.lower().replace("_", " ") if reason else "no private key in PEM format"
    )
