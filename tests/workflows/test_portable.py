"""Scenes are mapped where POSIX ends, and PyTorch: without their modules, in paths that are long and in any script."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tiles.simulate.product.simulate import SimulatedProduct

ROOT = Path(__file__).resolve().parents[2]

ELSEWHERE = """
import json, os, sys, warnings
from pathlib import Path

for name in ("fcntl", "resource", "pwd", "grp", "termios", "torch"):
    sys.modules[name] = None
for name in ("umask", "fork", "getuid", "geteuid", "killpg", "getpgid", "fchmod", "chown", "mkfifo", "sysconf",
             "sched_getaffinity"):
    delattr(os, name)
warnings.filterwarnings("ignore", "only soft file lock")  # Windows has one of its own

from pipeline import atomic
publish = atomic.Workspace.publish

def look_and_publish(workspace):
    links = [Path("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    paths = [os.readlink(link) for link in links if link.is_symlink()]
    Path("open.json").write_text(json.dumps([path for path in paths if path.startswith(str(workspace.folder))]))
    publish(workspace)

atomic.Workspace.publish = look_and_publish
from workflows.cli import main
main()
"""
"""The command line without POSIX and without PyTorch; says which files of a result are open when it is to be moved."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A folder whose path is long and in several scripts, with a product in it."""

    folder: Path
    product: Path

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run ``strandline`` in that folder, without what only POSIX has."""
        return subprocess.run(
            [sys.executable, "-c", ELSEWHERE, *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
            capture_output=True,
            text=True,
        )


@pytest.fixture(scope="module")
def elsewhere(product: SimulatedProduct, tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    folder = tmp_path_factory.mktemp("elsewhere") / "Küste & берег 海岸 (copy)" / ("long " * 40).strip() / "x"
    folder.mkdir(parents=True)
    zipped = shutil.make_archive(str(folder / product.path.stem), "zip", product.path.parent, product.path.name)
    assert len(zipped) > 320  # Windows takes 259
    return Elsewhere(folder, Path(zipped))


def test_a_scene_is_mapped_without_posix_and_torch(elsewhere: Elsewhere) -> None:
    choices = ("--formats", "gpkg,shp.zip,geojson")
    ran = elsewhere.run("map", elsewhere.product.name, "--out", "Karten ä 地図", *choices)
    assert ran.returncode == 0, ran.stderr
    (result,) = (elsewhere.folder / "Karten ä 地図").iterdir()
    assert {path.name for path in result.iterdir()} >= {"coastline.gpkg", "vectors.shp.zip", "item.json", "preview.png"}
    assert json.loads((elsewhere.folder / "open.json").read_text()) == []  # Windows moves no folder with open files


def test_a_scene_is_described_without_posix_and_torch(elsewhere: Elsewhere) -> None:
    ran = elsewhere.run("info", elsewhere.product.name, "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["id"] in elsewhere.product.name


def test_what_needs_posix_says_so_in_one_line(elsewhere: Elsewhere) -> None:
    ran = elsewhere.run("watch", ROOT / "workflows" / "examples" / "areas.yaml", "--once")
    assert ran.returncode == 2
    assert ran.stderr.startswith("strandline: This runs on Linux and macOS alone (fcntl is missing here): ")
    assert len(ran.stderr.splitlines()) == 1
