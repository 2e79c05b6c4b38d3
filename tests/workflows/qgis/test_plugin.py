"""The plugin in QGIS without a window, as a user of the toolbox has it: ``processing.run("strandline:map", …)``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.mapped_folder import Ground, make_grid, write_mapped
from workflows.build_plugin import build_plugin

ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("qgis_run.py")
CROP = "scenes/parana/20240520.tif"


class Qgis:
    """QGIS of a user, with the plugin installed from its zip."""

    def __init__(self, python: str, home: Path) -> None:
        self._python, self._home = python, home
        self._plugins = home / "plug ins"
        shutil.unpack_archive(build_plugin(home), self._plugins)

    def run(self, *runs: dict[str, Any]) -> dict[str, Any]:
        """Run algorithms one after another, in one QGIS."""
        request = self._home / "request.json"
        request.write_text(json.dumps({"plugins": str(self._plugins), "runs": runs}))
        environment = {"HOME": str(self._home), "PATH": "/usr/bin:/bin", "QT_QPA_PLATFORM": "offscreen"}
        cache = {"XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"]}  # which runtime is fastest is measured once
        done = subprocess.run(
            [self._python, SCRIPT, request], capture_output=True, text=True, env={**environment, **cache}, check=False
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        assert answer["algorithms"] == ["strandline:change", "strandline:map", "strandline:mosaic"]
        assert answer["unloaded"]
        return answer


@pytest.fixture
def qgis(qgis_python: str, tmp_path: Path) -> Qgis:
    home = tmp_path / "home of an analyst"
    home.mkdir()
    return Qgis(qgis_python, home)


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An environment with a command that runs this checkout."""
    program = tmp_path / "an environment" / "bin" / "strandline"
    program.parent.mkdir(parents=True)
    begin = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom workflows.cli import main\nmain()\n"
    program.write_text(f"#!{sys.executable}\n{begin}")
    program.chmod(0o755)
    return program.parents[1]


def list_shown(answer: dict[str, Any]) -> dict[str, list[str]]:
    return {
        group["group"]: [layer["name"] for layer in group["layers"] if layer["shown"]] for group in answer["project"]
    }


def test_a_real_scene_is_mapped_loaded_and_stopped(qgis: Qgis, environment: Path, shared: Path, tmp_path: Path) -> None:
    scene = tmp_path / "my scenes" / "río.tif"
    scene.parent.mkdir()
    shutil.copy(shared / CROP, scene)
    out = tmp_path / "my maps"
    asked = {"SCENE": str(scene), "OUTPUT": str(out), "DATE": "2024-05-20"}
    area = "-58.870,-58.860,-27.472,-27.462 [EPSG:4326]"
    first, again, stopped = qgis.run(
        {
            "algorithm": "strandline:map",
            "parameters": {**asked, "AREA": area, "FORMATS": [0], "COMMAND": str(environment)},
            "picture": str(tmp_path / "drawn.png"),
        },
        {"algorithm": "strandline:map", "parameters": {**asked, "AREA": area, "FORMATS": [0]}},
        {
            "algorithm": "strandline:map",
            "parameters": {**asked, "OUTPUT": str(tmp_path / "stopped")},
            "cancel_at": "Mapping",
        },
    )["runs"]
    folder = out / first["results"]["FOLDER"].rpartition("/")[2]
    assert first["error"] == ""
    assert {"item.json", "coastline.gpkg", "coastline.shp", "coastline.qml"} <= {path.name for path in folder.iterdir()}
    assert first["results"]["LINES"] == f"{folder}/coastline.gpkg|layername=coastline"
    assert first["stages"][:2] == ["Mapping", "Writing"]
    assert max(first["percents"]) == 100
    assert any(f": {environment}/bin/strandline" in line for line in first["said"])
    assert list_shown(first) == {folder.name: ["Coastline", "True colour"]}
    renderers = {layer["name"]: layer["renderer"] for layer in first["project"][0]["layers"]}
    assert renderers["Coastline"] == "RuleRenderer"
    assert renderers["Land and water"] == "paletted"
    assert {layer["crs"] for layer in first["project"][0]["layers"]} == {"EPSG:32721"}
    assert "#ff77b7" in first["colours"]  # the river, which the edge cuts off
    # The second time, the command is known and the map is there; nothing is loaded twice.
    assert (again["error"], again["asks_for_command"]) == ("", False)
    assert any(line.startswith("Already mapped") for line in again["said"])
    assert again["project"] == first["project"]
    # A map of another area, stopped, leaves nothing but its lock.
    assert (stopped["error"], stopped["results"]) == ("", {})
    assert "Stopped. Nothing half-made was left." in stopped["said"]
    assert [path for path in (tmp_path / "stopped").glob("*") if not path.name.endswith(".lock")] == []


def test_without_strandline_a_user_is_told_and_asked(qgis: Qgis, tmp_path: Path) -> None:
    asked = {"SCENE": str(tmp_path / "scene.zip"), "OUTPUT": str(tmp_path / "maps")}
    missing, wrong = qgis.run(
        {"algorithm": "strandline:map", "parameters": asked},
        {"algorithm": "strandline:map", "parameters": {**asked, "COMMAND": "/usr/bin/true"}},
    )["runs"]
    assert "The command of Strandline was not found on this computer" in missing["error"]
    assert missing["asks_for_command"]
    assert "/usr/bin/true does not answer as Strandline does" in wrong["error"]
    assert wrong["asks_for_command"]
    assert not (tmp_path / "maps").exists()


def test_dates_are_compared_and_joined(qgis: Qgis, environment: Path, tmp_path: Path) -> None:
    grid = make_grid(epsg=32630, left=600000, top=5600040, width=120, height=120)
    maps = tmp_path / "my maps"
    for date, shift in enumerate((0.0, 40.0)):
        shore = Ground(distance_m=lambda lon, _lat, shift=shift: (lon - lon.mean()) * 70_000 - shift)
        write_mapped(maps, f"date {date}", grid, shore, date=date)
    change, mosaic = qgis.run(
        {
            "algorithm": "strandline:change",
            "parameters": {
                "OLD": str(maps / "date 0"),
                "NEW": str(maps / "date 1"),
                "ALERT": 5,
                "COREGISTER": False,
                "OUTPUT": str(tmp_path),
                "COMMAND": str(environment),
            },
        },
        {"algorithm": "strandline:mosaic", "parameters": {"MAPS": str(maps), "OUTPUT": str(tmp_path), "LOAD": False}},
    )["runs"]
    assert change["error"] == ""
    assert change["results"]["FOLDER"] == str(tmp_path / "date 0_to_date 1")
    assert any(line.startswith("Alert: gained") for line in change["said"])
    assert list_shown(change) == {"date 0_to_date 1": ["Shift of the shore", "Land gained", "Land lost"]}
    assert mosaic["error"] == ""
    assert (Path(mosaic["results"]["FOLDER"]) / "item.json").is_file()
    assert mosaic["project"] == change["project"]
