"""The servers: how each is configured so that nothing but its fan-out is measured."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs
from protocols import IRC, PLAIN, TRIOSERVE, TRIOSERVE_RICH, Protocol

HERE: Final = Path(__file__).resolve().parent
SYSTEM_PATH: Final = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"  # where Debian puts daemons
INSTALL: Final = 300  # seconds for apt-get
# Debian's packages ask this file whether they may start their daemon (invoke-rc.d(8)).
START_POLICY: Final = Path("/usr/sbin/policy-rc.d")


@attrs.frozen
class Kind:
    """A server to measure."""

    name: str
    protocol: Protocol
    command: Callable[[Path, int], list[str]]  # folder for its files, port: what to run
    package: str | None = None  # Debian's, and the program's name too
    is_yardstick: bool = False  # the better of these is 1 in the ratios
    at_once: int = 500  # logins under way at a time
    most: int | None = None  # members
    rich: "Kind | None" = None  # the same with members in character mode, if it has such


def _trioserve(folder: Path, port: int, data: str = "") -> list[str]:
    config = folder / "trioserve.toml"
    config.write_text(
        f"data = {json.dumps(data or str(folder))}\n[limits]\nflood_control = false\n"
    )
    address = f"127.0.0.1:{port}"
    return [sys.executable, "-m", "trioserve", "--config", str(config), "--listen", address]


def _trioserve_unkept(folder: Path, port: int) -> list[str]:
    return _trioserve(folder, port, ":memory:")


def _trioserve_rich(folder: Path, port: int) -> list[str]:
    return [*_trioserve(folder, 0), "--telnet", f"127.0.0.1:{port}"]


def _ngircd(folder: Path, port: int) -> list[str]:
    config = folder / "ngircd.conf"
    config.write_text(
        f"""[Global]
Name = irc.bench.invalid
Info = benchmark
AdminEMail = bench@bench.invalid
Listen = 127.0.0.1
Ports = {port}
MotdPhrase = hello
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxPenaltyTime = 0
PingTimeout = 3600
PongTimeout = 3600
[Options]
DNS = no
Ident = no
PAM = no
"""
    )
    return [_program("ngircd"), "--nodaemon", "--config", str(config)]


def _inspircd(folder: Path, port: int) -> list[str]:
    config = folder / "inspircd.conf"
    config.write_text(
        f"""<server name="irc.bench.invalid" description="benchmark" network="bench">
<admin name="bench" nick="bench" email="bench@bench.invalid">
<bind address="127.0.0.1" port="{port}" type="clients">
<connect allow="*" timeout="300" pingfreq="3600" threshold="1000000" commandrate="1000000000"
         fakelag="no" resolvehostnames="no" useident="no" maxconnwarn="no" limit="100000"
         localmax="100000" globalmax="100000" recvq="65536" softsendq="1048576"
         hardsendq="1048576">
<performance softlimit="100000" somaxconn="4096" quietbursts="yes">
<log method="file" type="* -USERINPUT -USEROUTPUT" level="default" target="{folder}/inspircd.log">
"""
    )
    root = ["--runasroot"] if os.geteuid() == 0 else []
    return [_program("inspircd"), "--nofork", "--nopid", *root, "--config", str(config)]


def _script(name: str) -> Callable[[Path, int], list[str]]:
    return lambda _, port: [sys.executable, str(HERE / name), str(port)]


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind(
            "trioserve",
            TRIOSERVE,
            _trioserve,
            rich=Kind("trioserve", TRIOSERVE_RICH, _trioserve_rich),
        ),
        Kind("trioserve-unkept", TRIOSERVE, _trioserve_unkept),  # what keeping costs, beside it
        # Its backlog is 10, and it takes minutes to let thousands in.
        Kind("ngircd", IRC, _ngircd, "ngircd", is_yardstick=True, at_once=10, most=1000),
        # It delays each login by a second, so all of them are under way together.
        Kind("inspircd", IRC, _inspircd, "inspircd", is_yardstick=True, at_once=10_000),
        Kind("asyncio", PLAIN, _script("asyncio_chat.py")),
        Kind("naive", PLAIN, _script("naive_chat.py")),
    )
}


def why_not(kind: Kind) -> str | None:
    """Say why a server cannot be measured here, after trying to install it; None if it can."""
    if kind.package is None or shutil.which(kind.package, path=SYSTEM_PATH):
        return None
    apt_get = shutil.which("apt-get")
    if os.geteuid() != 0 or apt_get is None:
        return f"{kind.package} is not installed (Debian: apt install {kind.package})"
    print(f"installing {kind.package}", file=sys.stderr)
    try:
        return _install(apt_get, kind.package)
    except subprocess.TimeoutExpired:
        return f"{kind.package} is not installed: apt-get took more than {INSTALL} seconds"


def _install(apt_get: str, package: str) -> str | None:
    """Install a Debian package without starting its daemon; say why if that fails."""
    ours = not START_POLICY.exists()
    if ours:
        START_POLICY.write_text("#!/bin/sh\nexit 101\n")
        START_POLICY.chmod(0o755)
    try:
        done = subprocess.run(
            [apt_get, "install", "--yes", "--no-install-recommends", package],
            capture_output=True,
            text=True,
            timeout=INSTALL,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
    finally:
        if ours:
            START_POLICY.unlink()
    if done.returncode == 0:
        return None
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    return f"{package} cannot be installed: {last}"


def _program(name: str) -> str:
    return shutil.which(name, path=SYSTEM_PATH) or name
