from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_a_product_and_its_truth_are_named_on_the_way_out(run: Callable[..., Any], tmp_path: Path) -> None:
    options = ("--seed", 3, "--size", 60, "--baseline", "02.14", "--crs", "EPSG:32733", "--bands-only")
    ran = run("simulate", "--out", tmp_path, *options)
    assert ran.code == 0, ran.err
    product, truth = (Path(line.split("   ")[0]) for line in ran.out.splitlines())
    assert product.name.startswith("S2")
    assert "_N0214_" in product.name
    assert "_T33" in product.name
    assert (product / "MTD_MSIL2A.xml").is_file()
    assert {file.name for file in truth.iterdir()} == {"water_fraction.tif", "shoreline.gpkg", "truth.json"}
    again = run("simulate", "--out", tmp_path, *options)
    assert again.code == 2
    assert "exists already" in again.err
    assert run("simulate", "--out", tmp_path, *options, "--overwrite", "--quiet").out == ""


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--size", "50"), "60 to 10980"),
        (("--crs", "EPSG:3857"), "UTM"),
        (("--baseline", "9"), "baseline"),
        (("--kind", "moon"), "moon"),
        (("--cloud-cover", "70"), "cloud cover"),
        (("--seed", "-1"), "seed"),
    ],
)
def test_bad_wishes_end_in_one_line_and_leave_nothing(
    options: tuple[str, str], word: str, run: Callable[..., Any], tmp_path: Path
) -> None:
    ran = run("simulate", "--out", tmp_path / "out", *options)
    assert ran.code == 2
    assert word in ran.err
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
