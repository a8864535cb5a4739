"""Make .venv and install what a lock file pins: ``venv.py serve|test``.

Does nothing if that is installed already. Uses uv if it is on the PATH, else
venv and pip. Two at a time take turns.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"


def main() -> int:
    kind = sys.argv[1]
    with (ROOT / "scripts" / "venv.py").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another start to install", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)  # given back when a process ends, however it does
        # What is installed for the tests holds what the server needs.
        if any(is_installed(each) for each in {kind, "test"}):
            return 0
        if (VENV / "test.installed").exists():
            kind = "test"  # who has run the tests here goes on to be able to
        print(f"installing into {VENV}", file=sys.stderr)
        try:
            install(kind)
        except subprocess.CalledProcessError as error:
            print(f"cannot install: {error.cmd[0]} ended with {error.returncode}", file=sys.stderr)
            return 1
        (VENV / f"{kind}.installed").write_text(wanted(kind))
    return 0


def is_installed(kind: str) -> bool:
    stamp = VENV / f"{kind}.installed"
    return PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted(kind)


def wanted(kind: str) -> str:
    """Everything that decides what is in the environment, and where it stands."""
    digest = hashlib.sha256(f"{ROOT} {sys.version}".encode())
    digest.update((ROOT / "scripts" / f"{kind}.lock").read_bytes())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    digest.update(json.dumps(project).encode())
    return digest.hexdigest()


def install(kind: str) -> None:
    lock = str(ROOT / "scripts" / f"{kind}.lock")
    uv = shutil.which("uv")
    # On top of what is there, which somebody may be using, unless it is another Python's.
    fresh = not PYTHON.exists() or PYTHON.resolve() != Path(sys.executable).resolve()
    if uv is not None:
        if fresh:
            run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(VENV))
        pip = [uv, "pip", "install", "--quiet", "--python", str(PYTHON), "--compile-bytecode"]
    else:
        if subprocess.run(
            [sys.executable, "-c", "import ensurepip"], capture_output=True
        ).returncode:
            print("Python's venv is missing (Debian: apt install python3-venv)", file=sys.stderr)
            sys.exit(1)
        if fresh:
            run(sys.executable, "-m", "venv", "--clear", str(VENV))
        pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "--require-hashes", "-r", lock)
    run(*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT))
    # Now, for who runs it may not be allowed to write here, or have Python told not to: each
    # start would compile everything then, which takes half a second.
    run(str(PYTHON), "-m", "compileall", "-q", str(ROOT / "trioserve"))


def run(*command: str) -> None:
    subprocess.run(
        command, check=True, stdout=sys.stderr, env={**os.environ, "VIRTUAL_ENV": str(VENV)}
    )


sys.exit(main())
