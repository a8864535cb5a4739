"""The configuration as a whole: the file, the command line over it, the certificate beside it."""

from pathlib import Path

import pytest

from tests.peers import Authority
from trioserve.configuration.source import Source
from trioserve.edge.addresses import TcpAddress, UnixAddress, parse_address
from trioserve.errors import ConfigError


def written(folder: Path, text: str) -> Path:
    path = folder / "chat.toml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(source: Source) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        source.read()
    return caught.value.problems


def test_without_a_certificate_nothing_is_made_of_one() -> None:
    _, context = Source().read()

    assert context is None


def test_what_the_command_line_says_stands_over_the_file(tmp_path: Path) -> None:
    text = 'listen = ["127.0.0.1:1"]\ntelnet = []\nplugins = ["a.py"]\nmetrics = "127.0.0.1:2"\n'
    telnet = TcpAddress("127.0.0.1", 3, telnet=True)
    metrics = UnixAddress("m")

    config, _ = Source(
        written(tmp_path, text), (parse_address("[::1]:4"),), (telnet,), ("b.py",), metrics
    ).read()

    assert config.listen == (TcpAddress("::1", 4),)
    assert config.telnet == (telnet,)
    assert config.plugins == ("a.py", "b.py")
    assert config.metrics == metrics


def test_a_certificate_is_loaded_with_the_configuration(tmp_path: Path) -> None:
    chain, key = Authority().write(tmp_path)
    path = written(tmp_path, f'tls = {{ certificate = "{chain}", key = "{key}" }}\n')

    config, context = Source(path, (parse_address("tls:127.0.0.1:4433"),)).read()

    assert context is not None
    assert config.tls_port == 4433


def test_every_address_for_tls_without_a_certificate_is_a_fault() -> None:
    listen = (parse_address("tls:127.0.0.1:4433"), parse_address("127.0.0.1:1"))
    telnet = (TcpAddress("::1", 4434, telnet=True, tls=True),)

    assert faults(Source(None, listen, telnet)) == [
        "tls.certificate: missing; tls:127.0.0.1:4433 needs one, and tls.key",
        "tls.certificate: missing; tls:[::1]:4434 needs one, and tls.key",
    ]


def test_metrics_are_not_served_by_tls() -> None:
    source = Source(metrics=parse_address("tls:127.0.0.1:9400"))

    assert faults(source) == ["metrics: expected an address without TLS, got tls:127.0.0.1:9400"]


def test_no_address_is_taken_twice(tmp_path: Path) -> None:
    text = """
        listen = ["127.0.0.1:4000", "tls:127.0.0.1:4000", "unix:/run/chat", "127.0.0.1:0"]
        telnet = ["127.0.0.1:4000", "127.0.0.1:0"]
        metrics = "unix:/run/chat"
        tls.key = 1
    """

    assert faults(Source(written(tmp_path, text))) == [
        "tls.key: expected a text in quotes, got 1",
        "127.0.0.1:4000: the same address 3 times in listen, telnet and metrics",
        "unix:/run/chat: the same address 2 times in listen, telnet and metrics",
    ]


def test_a_certificate_that_cannot_be_loaded_is_a_fault_with_its_path(tmp_path: Path) -> None:
    path = written(tmp_path, 'tls = { certificate = "nope", key = "nope" }\n')

    assert faults(Source(path)) == [
        "tls.certificate: nope: No such file or directory",
        "tls.key: nope: No such file or directory",
    ]


def test_a_fault_of_the_file_hides_none_of_the_certificate_or_the_addresses(tmp_path: Path) -> None:
    text = """
        metrics = "tls:127.0.0.1:9400"
        colour = "red"
        tls = { certificate = "nope", key = "gone", handshake = 0 }
        limits.rate = "fast"
        outbox.soft = 300_000
    """

    assert sorted(faults(Source(written(tmp_path, text)))) == [
        "colour: unknown key",
        'limits.rate: expected a number, got "fast"',
        "metrics: expected an address without TLS, got tls:127.0.0.1:9400",
        "outbox.soft: expected less than outbox.hard",
        "tls.certificate: nope: No such file or directory",
        "tls.handshake: expected a number above 0, got 0",
        "tls.key: gone: No such file or directory",
    ]


@pytest.mark.parametrize("tls", ["tls.certificate = 1", "tls = 1"])
def test_what_is_wrong_in_the_file_is_no_lack_of_a_certificate(tmp_path: Path, tls: str) -> None:
    path = written(tmp_path, f'listen = ["tls:127.0.0.1:4433"]\n{tls}\n')

    [fault] = faults(Source(path))

    assert fault.endswith(", got 1")
