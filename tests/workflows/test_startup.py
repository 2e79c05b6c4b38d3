"""Commands import what they need, and when they need it: a test of modules, for time is another machine's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tiles.simulate.product.simulate import SimulatedProduct

ROOT = Path(__file__).resolve().parents[2]

DRAWS_AND_WRITES = ("geopandas", "jinja2", "matplotlib", "pandas", "pyarrow", "pyogrio", "pystac", "urllib3")
RUNS_NETWORKS = ("onnxruntime", "openvino", "torch")
COMPUTES = ("scipy", "skimage")

# Rasterio imports boto3 where that is installed, and it the library of HTTP.
AFTER_INFO = """
import json, sys
sys.modules["boto3"] = None
from workflows.cli import app
app(["info", sys.argv[1], "--json"], standalone_mode=False)
print(json.dumps([*sys.modules]), file=sys.stderr)
"""
AFTER_IMPORT = """
import json, sys
sys.modules["boto3"] = None
import workflows.runs.map
print(json.dumps([*sys.modules]), file=sys.stderr)
"""


def list_modules(code: str, *arguments: Path) -> set[str]:
    """What a process of its own has imported by the end."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    ran = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return set(json.loads(ran.stderr.splitlines()[-1]))


def test_info_runs_no_network_and_draws_nothing(product: SimulatedProduct) -> None:
    assert list_modules(AFTER_INFO, product.path).isdisjoint({*RUNS_NETWORKS, *DRAWS_AND_WRITES, *COMPUTES})


def test_what_draws_and_writes_is_not_imported_before_a_scene_is_planned() -> None:
    assert list_modules(AFTER_IMPORT).isdisjoint({*RUNS_NETWORKS, *DRAWS_AND_WRITES})


def test_the_end_of_a_map_needs_them_and_draws_without_the_library_of_plots() -> None:
    modules = list_modules(AFTER_IMPORT.replace("workflows.runs.map", "pipeline.mapping.write_results"))
    assert modules >= {"geopandas", "pystac"}
    assert "matplotlib" not in modules
