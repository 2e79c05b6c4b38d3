from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_a_coast_is_named_on_the_way_out(run: Callable[..., Any], tmp_path: Path) -> None:
    options = ("--seed", 5, "--extent", 120, "--dates", 1, "--swath-edges", 0, "--hidden", 0, 1)
    ran = run("simulate-coast", "--out", tmp_path / "coast", *options)
    assert ran.code == 0, ran.err
    scenes, items, catalogue, truth, following = ran.out.splitlines()
    assert scenes.startswith("4 scenes of tiles ")
    assert len(json.loads(Path(items.split("   ")[0]).read_text())["features"]) == 4
    assert Path(catalogue).is_file()
    assert (Path(truth) / "shoreline.gpkg").is_file()
    assert following.startswith("Next: strandline search --aoi ")
    plan = run(*shlex.split(following.removeprefix("Next: strandline ")))
    assert plan.code == 0, plan.err
    assert "4 scenes" in plan.err
    assert (tmp_path / "coast" / "plan.json").is_file()
    again = run("simulate-coast", "--out", tmp_path / "coast", *options)
    assert again.code == 2
    assert "exists already" in again.err


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--extent", "50"), "120 to 10980"),
        (("--kind", "moon"), "moon"),
        (("--cloud-cover", "70"), "Divide percent"),
        (("--seed", "-1"), "seed"),
        (("--dates", "0"), "1 to 24"),
    ],
)
def test_bad_wishes_end_in_one_line_and_leave_nothing(
    options: tuple[str, str], word: str, run: Callable[..., Any], tmp_path: Path
) -> None:
    ran = run("simulate-coast", "--out", tmp_path / "out", *options)
    assert ran.code == 2
    assert word in ran.err
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
