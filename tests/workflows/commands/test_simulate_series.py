from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.search.duplicates import resolve_duplicates
from pipeline.search.item_facts import describe_acquisition


def test_a_series_is_named_on_the_way_out_and_its_products_are_told_apart(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    options = ("--seed", 5, "--size", 120, "--shifts", "0,12.5", "--cloud-cover", "0", "--reprocess", 1)
    ran = run("simulate-series", "--out", tmp_path / "series", *options)
    assert ran.code == 0, ran.err
    said, items, catalogue, record, following = ran.out.splitlines()
    assert said.startswith("2 dates of tile ")
    assert said.endswith("0 to 12.5 m")
    assert Path(catalogue).is_file()
    dates = json.loads(Path(record).read_text())["dates"]
    features = json.loads(Path(items.split("   ")[0]).read_text())["features"]
    known = [describe_acquisition(item) for item in features]
    assert all(one.tile and one.platform and one.acquired and one.generated and one.footprint for one in known)
    resolution = resolve_duplicates(known)
    assert {one.id for one in resolution.kept} == {dates[0]["id"], dates[1]["reprocessed"]}
    (gone,) = resolution.set_aside
    assert gone.id == dates[1]["id"]
    assert "04.00 before 05.10" in gone.reason
    assert "--dates 2022-01-05/2022-01-20 --stac" in following
    again = run("simulate-series", "--out", tmp_path / "series", *options)
    assert again.code == 2
    assert "exists already" in again.err


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--size", "50"), "120 to 6000"),
        (("--kind", "moon"), "moon"),
        (("--cloud-cover", "70"), "Divide percent"),
        (("--shifts", "0,five"), "--shifts"),
        (("--seed", "-1"), "seed"),
        (("--dates", "0"), "1 to 200"),
        (("--crs", "EPSG:3857"), "UTM zone"),
    ],
)
def test_bad_wishes_end_in_one_line_and_leave_nothing(
    options: tuple[str, str], word: str, run: Callable[..., Any], tmp_path: Path
) -> None:
    ran = run("simulate-series", "--out", tmp_path / "out", *options)
    assert ran.code == 2
    assert word in ran.err
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
