"""The one Python call: the same as the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import strandline
from tiles.errors import SceneError


def test_one_call_and_its_errors(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match=r"nowhere\.SAFE"):
        strandline.map_scene(tmp_path / "nowhere.SAFE", tmp_path / "out", options=strandline.MapOptions(threshold=0.4))
    assert not (tmp_path / "out").exists()


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="map_seen"):
        _ = strandline.map_seen  # type: ignore[attr-defined]


def test_the_package_alone_does_not_import_torch() -> None:
    code = "import sys, strandline; sys.exit('torch' in sys.modules)"
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=root).returncode == 0
