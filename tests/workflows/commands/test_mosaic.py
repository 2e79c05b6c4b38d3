"""``strandline mosaic`` as a user types it: in this process, on workers, in other formats, and with what is wrong."""

from __future__ import annotations

import csv
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest

from tests.pipeline.mapped_folder import Ground, make_grid, write_mapped
from tests.workflows.conftest import Run


def slope(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """A shore along a parallel, wavy, with land in the south."""
    return (lat - 50) * 111_000 - 300 * np.sin(lon * 800)


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("maps")
    for date in range(6):
        name = f"S2A_MSIL2A_202407{date + 1:02d}T112000_N0511_R037_T30UYA_20240731T150000"
        grid = make_grid(epsg=32630, left=699_960, top=5_544_000, width=150, height=200)
        write_mapped(out, name, grid, Ground(distance_m=slope), date=date)
    return out


def test_workers_make_the_same_bytes_as_this_process(run: Run, maps: Path, tmp_path: Path) -> None:
    alone = run("mosaic", maps, "--out", tmp_path / "alone", "--workers", 0)
    assert alone.code == 0, alone.err
    assert "Joined 6 scenes" in alone.err
    together = run("mosaic", maps, "--out", tmp_path / "together", "--workers", 1)
    assert together.code == 0, together.err
    names = {path.relative_to(tmp_path / "alone") for path in (tmp_path / "alone").rglob("*.*") if path.is_file()}
    compared = [name for name in names if name.suffix in {".tif", ".gpkg", ".parquet"}]
    assert len(compared) == 6 + 1 + 4 + 1  # rasters, the GeoPackage, its four layers in parts, the catalogue's index
    for name in compared:
        assert (tmp_path / "alone" / name).read_bytes() == (tmp_path / "together" / name).read_bytes()


def test_formats_for_every_taste(run: Run, maps: Path, tmp_path: Path) -> None:
    out = tmp_path / "coast"
    ran = run("mosaic", maps, "--out", out, "--workers", 0, "--formats", "shp,geojson,fgb", "-q")
    assert ran.code == 0, ran.err
    assert ran.err == ""
    lines = gpd.read_file(out / "coastline.gpkg", layer="coastline")
    for name in ("coastline.shp", "coastline.geojson", "coastline.fgb"):
        other = gpd.read_file(out / name)
        assert len(other) == len(lines) == 1
        assert other.to_crs(lines.crs).geometry.hausdorff_distance(lines.geometry).max() < 0.02
    pieces = gpd.read_file(out / "sources.shp")
    assert pieces["items"].str.len().max() <= 254
    assert pieces["items"].str.endswith("...").all()  # six ids are longer than a shapefile's field
    whole = gpd.read_file(out / "coastline.gpkg", layer="sources")
    assert whole["items"].str.count(",").max() == 5
    with (out / "fields.csv").open() as file:
        assert {"unc_mean_m", "obs_min"} <= {value for row in csv.reader(file) for value in row}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--grid", "EPSG:99999:10"], "Expected --grid mgrs"),
        (["--formats", "dxf"], "Expected formats among"),
        (["--min-area-m2", "-1"], "--min-area-m2"),
        (["--workers", "1", "--scheduler", "tcp://127.0.0.1:1"], "--scheduler"),
    ],
)
def test_what_is_wrong_is_one_line(run: Run, maps: Path, tmp_path: Path, arguments: list[str], words: str) -> None:
    cluster = [] if "--workers" in arguments else ["--workers", "0"]
    ran = run("mosaic", maps, "--out", tmp_path / "coast", *cluster, *arguments)
    assert ran.code in (2, 7)
    assert words in ran.err
    assert len(ran.err.strip().splitlines()) == 1
    assert not (tmp_path / "coast").exists()


def test_a_folder_without_maps(run: Run, tmp_path: Path) -> None:
    ran = run("mosaic", tmp_path, "--out", tmp_path / "coast", "--workers", 0)
    assert ran.code == 2
    assert "found none" in ran.err
