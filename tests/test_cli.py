"""The command line: what it takes, what it prints, and its exit codes."""

import io
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trio

from tests.running import PATIENCE, running
from trioserve import __version__, cli
from trioserve.accounts.passwords import parse_hash
from trioserve.cli import main
from trioserve.configuration.config import Config
from trioserve.edge.addresses import TcpAddress, UnixAddress


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """The configurations with which a server was to run; none runs."""
    started = []

    async def run(config: Config, *_: object, strict: bool, repair: bool) -> int:
        await trio.lowlevel.checkpoint()
        started.append(config)
        return 0

    monkeypatch.setattr(cli, "run", run)
    return started


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


# --------------------------------------------------------------- arguments


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])

    assert caught.value.code == 0
    assert capsys.readouterr() == (f"trioserve {__version__}\n", "")


def test_the_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])

    assert caught.value.code == 0
    shown = capsys.readouterr().out
    for option in (
        "--config FILE",
        "--listen HOST:PORT",
        "--check",
        "--hash-password",
        "--version",
    ):
        assert option in shown


def test_the_defaults_are_a_configuration_that_changes_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, started: list[Config]
) -> None:
    assert main(["--defaults"]) == 0

    file = write(tmp_path / "chat.toml", capsys.readouterr().out)
    assert main(["--config", file, "--check"]) == 0
    assert started == []


def test_without_arguments_the_default_configuration_runs(started: list[Config]) -> None:
    assert main([]) == 0
    assert started == [Config()]


def test_addresses_given_replace_those_of_the_file(tmp_path: Path, started: list[Config]) -> None:
    file = write(tmp_path / "chat.toml", 'listen = ["127.0.0.1:1"]\nlimits.rate = 3\n')

    assert main(["--config", file, "--listen", "[::1]:2", "--listen", "unix:chat"]) == 0

    [config] = started
    assert config.listen == (TcpAddress("::1", 2), UnixAddress("chat"))
    assert config.limits.rate == 3


def test_the_exit_code_is_the_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(*_: object, strict: bool, repair: bool) -> int:
        await trio.lowlevel.checkpoint()
        return 1

    monkeypatch.setattr(cli, "run", run)

    assert main([]) == 1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--listen", "4000"], "argument --listen: expected HOST:PORT such as 127.0.0.1:4000"),
        (
            ["--listen", "::1:4000"],
            'argument --listen: an IPv6 address needs brackets, [::1]:4000; got "::1:4000"',
        ),
        (["--listen"], "argument --listen: expected one argument"),
        (["--check", "--listen", "host:x"],
         "argument --listen: expected HOST:PORT such as 127.0.0.1:4000, or unix:PATH"),
        (["--config", ""], "argument --config: expected a file"),
        (["--plugin", ""], "argument --plugin: expected FILE.py or package.module"),
        (["--colour"], "unrecognized arguments: --colour"),
        (["--log-level", "loud"], "argument --log-level: invalid choice: 'loud'"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_told_in_the_last_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[-1].startswith(f"trioserve: error: {problem}")


# ------------------------------------------------------------------- check


def test_a_fine_configuration_is_said_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], started: list[Config]
) -> None:
    file = write(tmp_path / "chat.toml", "limits.rate = 3\n")

    assert main(["--check", "--config", file]) == 0

    assert capsys.readouterr() == (f"{file} is fine\n", "")
    assert not started


def test_the_default_configuration_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert capsys.readouterr() == ("the default configuration is fine\n", "")


@pytest.mark.parametrize("options", [["--check"], []], ids=["checked", "run"])
def test_the_faults_of_a_configuration_are_told_one_a_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    started: list[Config],
    options: list[str],
) -> None:
    file = write(tmp_path / "chat.toml", 'limits.rate = "fast"\nlimit.burst = 1\n')

    assert main([*options, "--config", file]) == 2

    assert capsys.readouterr() == (
        "",
        'limits.rate: expected a number, got "fast"\nlimit: unknown key; did you mean limits?\n',
    )
    assert not started


def test_a_configuration_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "missing.toml")

    assert main(["--config", file]) == 2
    assert capsys.readouterr() == ("", f"{file}: No such file or directory\n")


# ------------------------------------------------- addresses that cannot be


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("192.0.2.1:0", "Cannot assign requested address"),
        ("a..b:0", "not the name of a host"),
        ("unix:missing/chat", "No such file or directory"),
        ("unix:" + "x" * 120, "AF_UNIX path too long"),
        ("unix:.", "there is a file that is no socket"),
    ],
)
def test_an_address_that_cannot_be_had_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    address: str,
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["--listen", "127.0.0.1:0", "--listen", address]) == 1
    assert capsys.readouterr() == ("", f"trioserve: cannot listen on {address}: {reason}\n")


def test_a_host_that_nobody_knows_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def unknown(*_: object, **__: object) -> None:
        await trio.lowlevel.checkpoint()
        raise trio.socket.gaierror(trio.socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(trio.socket, "getaddrinfo", unknown)

    assert main(["--listen", "nobody.example:0"]) == 1
    assert capsys.readouterr() == (
        "",
        "trioserve: cannot listen on nobody.example:0: Name or service not known\n",
    )


# ------------------------------------------------------------- as a process


@pytest.mark.e2e
@pytest.mark.slow
def test_the_module_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trioserve", "--version"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, f"trioserve {__version__}\n", "")


@pytest.mark.e2e
@pytest.mark.slow
def test_it_says_where_it_listens_and_how_to_let_others_in() -> None:
    with running("--listen", "127.0.0.1:0", "--listen", "[::1]:0") as server:
        first = server.line()
        second = server.line()
        code = server.stop(signal.SIGTERM)

    where, _, also = first.removeprefix("trioserve listens on ").partition(" and ")
    port = where.removeprefix("127.0.0.1:")
    assert port.isdigit()
    assert also.startswith("[::1]:")
    assert second == (
        "Only people on this machine can come. To let others in: "
        f"start it with --listen 0.0.0.0:{port} --listen '[::]:{port}'"
    )
    assert code == 0


@pytest.mark.e2e
@pytest.mark.slow
def test_a_server_on_a_unix_socket_tells_the_usual_port_for_others(tmp_path: Path) -> None:
    with running("--listen", f"unix:{tmp_path}/chat") as server:
        assert server.line() == f"trioserve listens on unix:{tmp_path}/chat"
        assert server.line().endswith("--listen 0.0.0.0:4000 --listen '[::]:4000'")
        assert server.stop(signal.SIGTERM) == 0

    assert not (tmp_path / "chat").exists()


@pytest.mark.e2e
@pytest.mark.slow
def test_a_port_in_use_is_one_line() -> None:
    with running("--listen", "127.0.0.1:0") as first:
        address = f"127.0.0.1:{first.port()}"
        with running("--listen", address) as second:
            code = second.wait()

    assert code == 1
    assert second.log == [f"trioserve: cannot listen on {address}: Address already in use"]


@pytest.mark.e2e
@pytest.mark.slow
def test_a_server_without_stdout_and_stderr_runs(tmp_path: Path) -> None:
    path = tmp_path / "chat"
    program = f'exec {sys.executable} -m trioserve --listen "$1" >&- 2>&-'
    server = subprocess.Popen(["/bin/sh", "-c", program, "sh", f"unix:{path}"])
    try:
        with connected(path) as person:
            assert person.recv(100).startswith(b"trioserve ")
            server.send_signal(signal.SIGTERM)
            assert server.wait(PATIENCE) == 0
    finally:
        server.kill()
        server.wait(PATIENCE)


def connected(path: Path) -> socket.socket:
    """Connect to a server that cannot tell when it is ready."""
    deadline = time.monotonic() + PATIENCE
    while True:
        person = socket.socket(socket.AF_UNIX)
        person.settimeout(PATIENCE)
        try:
            person.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            person.close()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        else:
            return person


# -------------------------------------------------------- hashes of passwords


class _Stdin(io.TextIOWrapper):
    """What comes by a pipe, or from a terminal."""

    terminal = False

    def isatty(self) -> bool:
        return self.terminal


def piped(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", _Stdin(io.BytesIO(data)))


def typed(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Let a person at a terminal answer; return the list of what they are asked."""
    stdin = _Stdin(io.BytesIO())
    stdin.terminal = True
    monkeypatch.setattr(sys, "stdin", stdin)
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        if len(asked) > len(answers):
            raise EOFError
        return answers[len(asked) - 1]

    monkeypatch.setattr(cli, "getpass", answer)
    return asked


@pytest.mark.parametrize("data", [b"pass word\n", b"pass word\r\n", b"pass word", b"pass word\nx"])
def test_a_password_from_a_pipe_is_hashed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: bytes
) -> None:
    piped(monkeypatch, data)

    assert main(["--hash-password"]) == 0

    shown = capsys.readouterr()
    assert shown.err == ""
    assert parse_hash(shown.out.removesuffix("\n")).is_of("pass word")


def test_at_a_terminal_a_password_is_asked_for_twice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = typed(monkeypatch, "a secret", "a secret")

    assert main(["--hash-password"]) == 0

    assert parse_hash(capsys.readouterr().out.strip()).is_of("a secret")
    assert asked == ["Password: ", "The same again: "]


def test_two_passwords_that_differ_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "a secret", "a sceret")

    assert main(["--hash-password"]) == 2

    assert capsys.readouterr() == ("", "trioserve: these were two passwords\n")


@pytest.mark.parametrize("password", ["", "seven77"])
def test_a_password_that_is_too_short_is_refused_before_it_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], password: str
) -> None:
    asked = typed(monkeypatch, password)

    assert main(["--hash-password"]) == 2

    assert capsys.readouterr() == ("", "trioserve: a password has at least 8 characters\n")
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "no password"),
        (b"\n", "a password has at least 8 characters"),
        (b"seven77\n", "a password has at least 8 characters"),
        (b"x" * 513, "a password has at most 512 bytes"),
        ("é".encode() * 100_000, "a password has at most 512 bytes"),
        (b"x" + "é".encode() * 100_000, "a password has at most 512 bytes"),
        (b"caf\xe9\n", "the password is not UTF-8"),
        (b"/unregister\n", "a password does not begin with /, as commands do"),
    ],
)
def test_a_wrong_password_from_a_pipe_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    data: bytes,
    problem: str,
) -> None:
    piped(monkeypatch, data)

    assert main(["--hash-password"]) == 2

    assert capsys.readouterr() == ("", f"trioserve: {problem}\n")


def test_without_stdin_there_is_no_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)

    assert main(["--hash-password"]) == 2

    assert capsys.readouterr() == ("", "trioserve: no password\n")


def test_a_hash_is_taken_by_the_configuration(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    piped(monkeypatch, b"a secret\n")
    main(["--hash-password"])
    line = f'operators.ann = "{capsys.readouterr().out.strip()}"\n'

    assert main(["--check", "--config", write(tmp_path / "chat.toml", line)]) == 0
