"""The public face: what a user writes after ``import strandline``."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import strandline

ROOT = Path(__file__).resolve().parents[1]

CALLS = {
    "map_scene",
    "segment",
    "search_scenes",
    "run_batch",
    "run_coast",
    "build_mosaic",
    "compute_change",
    "compute_timeseries",
    "evaluate",
    "train",
    "simulate_scene",
    "load_model",
}


class Source(NamedTuple):
    """Where a plan's items come from, as far as its line says it."""

    href: str


def run_python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run code as a script that stands in a folder, with the house on the path behind it."""
    script = folder / "script.py"
    script.write_text(code, encoding="utf-8")
    command = [sys.executable, str(script)]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=folder, env={"PYTHONPATH": str(ROOT)}, timeout=300
    )


def test_every_name_of_the_face_is_there_and_documented() -> None:
    assert set(strandline.__all__) >= {*CALLS, "StrandlineError", "OptionError", "__version__"}
    assert dir(strandline) == sorted(strandline.__all__)
    for name in strandline.__all__:
        value = getattr(strandline, name)
        assert name == "__version__" or name.isupper() or value.__doc__, name
        assert getattr(value, "__name__", name) == name


def test_options_are_of_one_kind() -> None:
    from tiles.options import Options

    choices = [name for name in strandline.__all__ if name.endswith("Options")]
    assert len(choices) > 6
    assert [name for name in choices if not issubclass(getattr(strandline, name), Options)] == []


def test_results_use_one_word_for_what_was_there_already() -> None:
    results = [getattr(strandline, name) for name in strandline.__all__ if name.endswith("Result")]
    assert [result.__name__ for result in results if "already_made" not in result.__dataclass_fields__] == []


@pytest.mark.parametrize("name", ["MapResult", "TimeseriesResult", "BatchSummary", "Model"])
def test_a_result_prints_no_arrays_and_no_stages(name: str) -> None:
    heavy = {"scene", "spans", "stages_s", "series", "problems", "network"}
    fields = dataclasses.fields(getattr(strandline, name))
    assert heavy & {field.name for field in fields}
    assert [field.name for field in fields if field.repr and field.name in heavy] == []


def test_a_plan_prints_as_a_line() -> None:
    item = {"type": "Feature", "id": "S2A", "properties": {"datetime": "2024-06-01T10:00:00Z"}, "assets": {}}
    plan = strandline.Plan.model_construct(
        items=(item, {**item, "properties": {"datetime": "2024-05-02T10:00:00Z"}}), source=Source("https://host/v1")
    )
    assert repr(plan) == str(plan) == "Plan(2 items of https://host/v1, 2024-05-02 to 2024-06-01; 0 set aside)"


def test_documents_use_the_public_face_alone() -> None:
    texts = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs").glob("*.ipynb"))]
    inner = re.compile(r"(?:from|import) (?:tiles|models|pipeline|workflows)\b")
    assert [path.name for path in texts if inner.search(path.read_text(encoding="utf-8"))] == []


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="map_seen"):
        _ = strandline.map_seen  # type: ignore[attr-defined]


def test_importing_it_imports_nothing_else(tmp_path: Path) -> None:
    code = (
        "import sys, strandline\n"
        "ours = [name for name in sys.modules if name.split('.')[0] in ('tiles', 'models', 'pipeline', 'workflows')]\n"
        "heavy = [name for name in ('torch', 'numpy', 'pydantic', 'rasterio') if name in sys.modules]\n"
        "sys.exit(str(ours + heavy) if ours + heavy else 0)\n"
    )
    ran = run_python(code, tmp_path)
    assert ran.returncode == 0, ran.stderr


def test_a_foreign_module_of_our_name_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "pipeline.py").write_text("# a user's own")
    code = (
        "import strandline\n"
        "try:\n"
        "    strandline.map_scene\n"
        "except strandline.StrandlineError as error:\n"
        "    print(error)\n"
    )
    ran = run_python(code, tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert f"found {tmp_path / 'pipeline.py'}, which has the same name" in ran.stdout
    assert ran.stdout.count("\n") == 1


def test_a_missing_extra_is_told_in_one_line(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "sys.modules['xarray'] = None\n"
        "sys.modules['lightning'] = None\n"
        "import strandline\n"
        "for name in ('segment', 'train'):\n"
        "    try:\n"
        "        getattr(strandline, name)\n"
        "    except strandline.StrandlineError as error:\n"
        "        print(type(error).__name__, error.exit_code, error)\n"
    )
    ran = run_python(code, tmp_path)
    assert ran.returncode == 0, ran.stderr
    cubes, training = ran.stdout.splitlines()
    assert cubes.startswith("MissingExtraError 2 ")
    assert "strandline[scale]" in cubes
    assert training.startswith("MissingExtraError 2 ")
    assert "strandline[train]" in training
