"""The built pages stay small, and the build knows when there is nothing to do."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from nomaflow import frontend


@pytest.fixture(scope="module")
def assets() -> Path:
    frontend.build()
    return frontend.OUTPUT


@pytest.mark.parametrize(
    ("name", "kilobytes"), [("app.js", 60), ("style.css", 12), ("icons.svg", 8), ("favicon.svg", 1)]
)
def test_an_asset_keeps_its_budget(assets: Path, name: str, kilobytes: int) -> None:
    packed = len(gzip.compress((assets / name).read_bytes(), 9))
    assert packed <= kilobytes * 1024, f"{name} has grown to {packed / 1024:.1f} KB gz"


def test_no_asset_names_another_host(assets: Path) -> None:
    for name in ("app.js", "style.css"):
        text = (assets / name).read_text()
        hosts = {host for host in re.findall(r"https?://([\w.-]+)", text) if host != "www.w3.org"}
        assert not hosts, f"{name} names {hosts}"


def test_nothing_is_built_twice(assets: Path) -> None:
    assert frontend.is_built(frontend.fingerprint())
    assert frontend.build() is False


def test_versions_are_exact_and_the_lock_names_no_registry() -> None:
    manifest = json.loads((frontend.SOURCES / "package.json").read_text())
    wanted = {**manifest["dependencies"], **manifest["devDependencies"]}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    lock = json.loads((frontend.SOURCES / "package-lock.json").read_text())
    packages = {path: package for path, package in lock["packages"].items() if path}
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not [path for path, package in packages.items() if "resolved" in package]


def test_a_broken_source_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def node(self, args: list[str]) -> tuple[int, str]:
            return 1, "src/app.ts:3:1: ERROR: unexpected end of file"

        def npm(self, args: list[str]) -> tuple[int, str]:
            return 1, "npm error network"

    monkeypatch.setattr(frontend, "OUTPUT", tmp_path / "ui")
    with pytest.raises(frontend.BuildError, match=r"app\.ts:3:1"):
        frontend._bundle(Broken(), "inputs")
    assert list(tmp_path.iterdir()) == []


def test_scripts_pass_their_type_check_and_unit_tests(assets: Path) -> None:
    frontend.check()
