"""The certificate and the key: what can be wrong with the files, and how it is told."""

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from tests.peers import Authority
from trioserve.edge.certificates import BadCertificate, TlsSettings, load


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    authority = Authority()
    authority.write(folder, "server")
    authority.write(folder, "other")
    (folder / "junk").write_text("hello\n")
    return folder


def loaded(folder: Path, certificate: str, key: str) -> ssl.SSLContext | None:
    return load(
        TlsSettings(
            str(folder / certificate) if certificate else "", str(folder / key) if key else ""
        )
    )


def test_without_a_certificate_there_is_no_tls() -> None:
    assert load(TlsSettings()) is None


def test_a_certificate_and_its_key_are_loaded(folder: Path) -> None:
    context = loaded(folder, "server.pem", "server.key")

    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("certificate", "key", "fault"),
    [
        ("server.pem", "", "tls.key: missing; TLS needs both tls.certificate and tls.key"),
        ("", "server.key", "tls.certificate: missing; TLS needs both tls.certificate and tls.key"),
        ("nope", "server.key", "tls.certificate: {}/nope: No such file or directory"),
        ("server.pem", "nope", "tls.key: {}/nope: No such file or directory"),
        (".", "server.key", "tls.certificate: {}: Is a directory"),
        ("junk", "server.key", "tls.certificate: {}/junk: no certificate in PEM format"),
        (
            "server.key",
            "server.key",
            "tls.certificate: {}/server.key: no certificate in PEM format",
        ),
        ("server.pem", "junk", "tls.key: {}/junk: no private key in PEM format"),
        ("server.pem", "server.pem", "tls.key: {}/server.pem: no private key in PEM format"),
        ("server.pem", "other.key", "tls.key: it does not belong to tls.certificate"),
        (
            "nope",
            "junk",
            (
                "tls.certificate: {}/nope: No such file or directory; "
                "tls.key: {}/junk: no private key in PEM format"
            ),
        ),
        (
            "junk",
            "",
            (
                "tls.certificate: {}/junk: no certificate in PEM format; "
                "tls.key: missing; TLS needs both tls.certificate and tls.key"
            ),
        ),
    ],
)
def test_what_is_wrong_is_told_with_the_setting(
    folder: Path, certificate: str, key: str, fault: str
) -> None:
    with pytest.raises(BadCertificate) as caught:
        loaded(folder, certificate, key)

    assert str(caught.value) == fault.replace("{}", str(folder))


def test_a_key_with_a_password_is_refused_and_nobody_asked_for_it(folder: Path) -> None:
    key = load_pem_private_key((folder / "server.key").read_bytes(), None)
    (folder / "encrypted").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    )

    for certificate in ("server.pem", "junk"):
        with pytest.raises(BadCertificate, match=r"tls\.key: it is encrypted; ") as caught:
            loaded(folder, certificate, "encrypted")
        assert len(caught.value.faults) == 1 + (certificate == "junk")
