"""Passwords: hashed, known again, and bounded in what they may cost."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trioserve.accounts.passwords import (
    MAX_PASSWORD,
    Passwords,
    Scrypt,
    check_password,
    hash_password,
    parse_hash,
)
from trioserve.testing import PlainPasswords

SALT, KEY = base64.b64encode(b"s" * 16).decode(), base64.b64encode(b"k" * 32).decode()
# openssl kdf -keylen 32 -kdfopt pass:pleaseletmein -kdfopt salt:SodiumChlorideSalt
#   -kdfopt n:16384 -kdfopt r:8 -kdfopt p:1 SCRYPT
OF_OPENSSL = bytes.fromhex("f2675cd8e4f9cff7d1bae0ec33fb8780c0917f10d16d9a0d5afa89489a05e473")


@pytest.mark.parametrize("kind", [Scrypt, PlainPasswords])
async def test_a_hash_is_its_password_s_alone(kind: type[Passwords]) -> None:
    passwords = kind()

    hashed = await passwords.hash("pass wörd")

    assert await passwords.verify("pass wörd", hashed)
    assert not await passwords.verify("pass word", hashed)
    assert not await passwords.verify("", hashed)
    assert not await passwords.verify("pass wörd", None)


def test_a_hash_tells_its_parameters_and_each_has_a_salt_of_its_own() -> None:
    one, other = hash_password("secret"), hash_password("secret")

    assert one.startswith("scrypt$16384$8$1$")
    assert one != other
    assert str(parse_hash(one)) == one
    assert len(parse_hash(one).salt) == 16


def test_a_hash_is_what_scrypt_makes_of_it() -> None:
    # The password of RFC 7914, 12, with a longer salt, as OpenSSL's own command has it.
    known = "scrypt$16384$8$1$U29kaXVtQ2hsb3JpZGVTYWx0$"
    hashed = known + base64.b64encode(OF_OPENSSL).decode()

    assert parse_hash(hashed).is_of("pleaseletmein")


def test_what_differs_only_in_how_it_is_encoded_is_one_password() -> None:
    assert parse_hash(hash_password("cafe\u0301")).is_of("caf\u00e9")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hunter2", "expected scrypt"),
        ("", "expected scrypt"),
        ("bcrypt$16384$8$1$x$y", "expected scrypt"),
        (f"scrypt$16384$8$1${SALT}", "expected scrypt"),
        (f"scrypt$16384$8$1${SALT}${KEY}$", "expected scrypt"),
        (f"scrypt$-16384$8$1${SALT}${KEY}", "expected scrypt"),
        (f"scrypt$1_6384$8$1${SALT}${KEY}", "expected scrypt"),
        (f"scrypt${'9' * 5000}$8$1${SALT}${KEY}", "expected scrypt"),
        (f"scrypt$16384$8$1$@${KEY}", "are not base64"),
        (f"scrypt$16384$8$1${SALT}$é", "are not base64"),
        (f"scrypt$8192$8$1${SALT}${KEY}", "n is a power of 2"),
        (f"scrypt$16385$8$1${SALT}${KEY}", "n is a power of 2"),
        (f"scrypt$16384$0$1${SALT}${KEY}", "r at least 8"),
        (f"scrypt$16384$8$0${SALT}${KEY}", "r at least 8"),
        (f"scrypt$131072$8$1${SALT}${KEY}", "takes more than 67108864 bytes"),
        (f"scrypt$16384$8$5${SALT}${KEY}", "p is above 4"),
        (f"scrypt$16384$8$1$AAAA${KEY}", "the salt has 16 to 64 bytes"),
        (f"scrypt$16384$8$1${SALT}$AAAA", "the hash 32 to 64"),
    ],
)
def test_what_is_no_hash_or_costs_too_much_is_refused_and_not_repeated(
    text: str, problem: str
) -> None:
    with pytest.raises(ValueError, match="scrypt") as caught:
        parse_hash(text)

    assert problem in str(caught.value)
    assert len(text) < 8 or text not in str(caught.value)


@given(st.text() | st.text(alphabet="scrypt$16384$8$1$AZ=").map("scrypt$".__add__))
@settings(max_examples=200)
def test_any_text_is_a_hash_or_refused(text: str) -> None:
    try:
        parse_hash(text)
    except ValueError:
        return
    assert text.startswith("scrypt$")


def test_the_strongest_hash_that_is_taken_can_be_made() -> None:
    strong = parse_hash(f"scrypt$65536$8$1${SALT}${KEY}")

    assert not strong.is_of("secret")


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("", "at least 8 characters"),
        ("seven77", "at least 8 characters"),
        ("\r\x00" * 8, "at least 8 characters"),
        ("x" * (MAX_PASSWORD + 1), f"at most {MAX_PASSWORD} bytes"),
        ("é" * (MAX_PASSWORD // 2 + 1), f"at most {MAX_PASSWORD} bytes"),
        ("/unregister", "does not begin with /"),
    ],
)
def test_what_cannot_be_typed_in_chat_is_no_password(password: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        check_password(password)


def test_any_other_text_is_a_password() -> None:
    assert check_password("é" * (MAX_PASSWORD // 2)) == "é" * (MAX_PASSWORD // 2)
