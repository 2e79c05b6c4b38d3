"""The zip of the plugin is one that QGIS installs and that plugins.qgis.org takes."""

from __future__ import annotations

import configparser
import re
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from strandline import __version__
from workflows.build_plugin import FOLDER, build_plugin, main

ADDRESS = "https://example.org/strandline"
REQUIRED = {"name", "description", "version", "qgisMinimumVersion", "author", "email", "about", "tracker", "repository"}
"""Source: qgis/QGIS-Django, qgis-app/plugins/validator.py."""


def read_metadata(path: Path) -> dict[str, str]:
    metadata = configparser.ConfigParser()
    metadata.optionxform = str  # type: ignore[assignment,method-assign]
    with zipfile.ZipFile(path) as archive:
        metadata.read_string(archive.read(f"{FOLDER}/metadata.txt").decode("utf-8"))
    return dict(metadata["general"])


def test_a_zip_to_publish_keeps_the_rules_of_the_repository(tmp_path: Path) -> None:
    path = build_plugin(tmp_path / "dist", address=ADDRESS, email="us@example.org")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
    assert path.stat().st_size < 20_000_000
    assert {name.split("/")[0] for name in names} == {FOLDER}
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9-_]+", FOLDER)
    assert {f"{FOLDER}/{name}" for name in ("__init__.py", "metadata.txt", "LICENSE", "icon.svg")} <= set(names)
    assert {Path(name).suffix for name in names} == {".py", ".svg", ".txt", ""}
    told = read_metadata(path)
    assert [key for key in sorted(REQUIRED) if not told.get(key, "").strip()] == []
    for key in ("tracker", "repository", "homepage"):
        assert urlsplit(told[key]).netloc == "example.org"
    assert told["version"] == __version__
    assert "plugin" not in told["name"].lower()
    assert "/" not in told["author"]
    assert "\n" not in told["description"]
    assert f"{FOLDER}/{told['icon']}" in names
    assert told["hasProcessingProvider"] == "yes"


def test_the_same_sources_give_the_same_zip_and_a_user_is_told_where_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = build_plugin(tmp_path / "first").read_bytes()
    main(["--out", str(tmp_path / "second")])
    out = capsys.readouterr().out
    path = Path(out.splitlines()[0])
    assert path.read_bytes() == first
    assert "To publish it, plugins.qgis.org asks for ADDRESS" in out
    main(["--out", str(tmp_path / "third"), "--address", ADDRESS, "--email", "us@example.org"])
    assert "To publish it" not in capsys.readouterr().out
