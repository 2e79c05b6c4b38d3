"""``strandline coast``: one command that is the same as the four, by years, killed and gone on with."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from pyproj import Transformer

import strandline
from benchmarks.coast_kills import compare, read_files
from tests.pipeline.mapped_folder import compute_lonlat, make_grid
from tests.pipeline.stac_items import make_item, write_items
from tests.workflows.conftest import Run
from tests.workflows.polling import wait_for
from tiles.bands import L2A_STACK

ROOT = Path(__file__).parents[3]
WATER = np.array([420, 410, 380, 300, 260, 240, 240, 220, 210, 200, 130, 110])
LAND = np.array([600, 700, 900, 1000, 1500, 2300, 2600, 2700, 2800, 2800, 2300, 1600])
LATITUDE, METRE = -17.0, 1 / (111_320 * np.cos(np.radians(17)))
ISLANDS = ((0.0, 250.0), (600.0, 120.0))  # metres east of 180 degrees, radius
SIDES = (("01KAB", 32701, -300), ("60KZG", 32760, -900))  # tile, CRS, first column in metres east of 180 degrees
DATES = ("20240210", "20240805")
YEARS = ["2023", "2024", "2025"]


def write_scene(folder: Path, tile: str, epsg: int, first_m: float, day: str) -> Path:
    """Two islands in the sea, as one side of the antimeridian sees them."""
    x, y = Transformer.from_crs("OGC:CRS84", epsg, always_xy=True).transform(180 + first_m * METRE, LATITUDE)
    grid = make_grid(epsg=epsg, left=x // 10 * 10, top=y // 10 * 10 + 600, width=120, height=120)
    lon, lat = compute_lonlat(grid)
    east_m, north_m = (lon % 360 - 180) / METRE, (lat - LATITUDE) * 110_680
    beach_m = np.max([radius - np.hypot(east_m - place, north_m) for place, radius in ISLANDS], axis=0)
    share = np.clip(0.5 - beach_m / 10, 0, 1)
    dn = 1000 + WATER[:, None, None] * share + LAND[:, None, None] * (1 - share)
    path = folder / f"S2A_MSIL2A_{day}T220521_N0511_R051_T{tile}_{day}T235251.tif"
    folder.mkdir(exist_ok=True)
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 12, "width": grid.width, "height": grid.height}
    with rasterio.open(path, "w", crs=grid.crs, transform=grid.transform, **profile) as dataset:
        dataset.write(dn.round().astype(np.uint16))
        dataset.descriptions = L2A_STACK
    return path


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two dates on both sides of the antimeridian, in the UTM zones 60 and 1."""
    folder = tmp_path_factory.mktemp("coast") / "scenes"
    for day in DATES:
        for side in SIDES:
            write_scene(folder, *side, day)
    return folder


@pytest.fixture(scope="module")
def area(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A square around each island, that on the antimeridian cut there, as RFC 7946 asks."""
    path = tmp_path_factory.mktemp("area") / "islands.geojson"
    boxes = [
        shapely.box(180 - 400 * METRE, LATITUDE - 400 * METRE, 180, LATITUDE + 400 * METRE),
        shapely.box(-180, LATITUDE - 400 * METRE, -180 + 350 * METRE, LATITUDE + 400 * METRE),
        shapely.box(-180 + 400 * METRE, LATITUDE - 200 * METRE, -180 + 800 * METRE, LATITUDE + 200 * METRE),
    ]
    gpd.GeoDataFrame(geometry=[shapely.MultiPolygon(boxes)], crs=4326).to_file(path)
    return path


def list_words(scenes: Path, area: Path, out: Path, *more: object) -> list[str]:
    words = ["coast", "--aoi", area, "--dates", "2023-06/2025-03", "--scenes", scenes, "--out", out]
    return [str(word) for word in (*words, "--every", "year", "--workers", 1, "--threads", 1, *more)]


@pytest.fixture(scope="module")
def undisturbed(scenes: Path, area: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    assert start(list_words(scenes, area, out)).wait() == 0
    return out


def start(words: list[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "workflows.cli", *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_each_year_has_its_line_and_one_without_a_scene_is_told(undisturbed: Path) -> None:
    record = json.loads((undisturbed / "coast.json").read_text())
    parts = {part["name"]: part for part in record["parts"]}
    assert list(parts) == YEARS
    assert [(part["state"], part["planned"]) for part in parts.values()] == [
        ("no scene", 0),
        ("made", 4),
        ("no scene", 0),
    ]
    assert sorted(path.name for path in undisturbed.iterdir()) == [
        "2024",
        "catalog.json",
        "coast.json",
        "items.parquet",
        "maps",
        "scenes.txt",
        "view.html",
    ]
    properties = json.loads((undisturbed / "2024" / "item.json").read_text())["properties"]
    assert properties["strandline:composite"] == record["composite"]
    assert record["composite"].startswith("At each pixel the median")
    catalogue = json.loads((undisturbed / "catalog.json").read_text())
    assert [link["href"] for link in catalogue["links"] if link["rel"] == "item"] == ["./2024/item.json"]


def test_islands_on_both_sides_of_the_antimeridian_are_whole(undisturbed: Path) -> None:
    lines = gpd.read_file(undisturbed / "2024" / "coastline.gpkg", layer="coastline")
    assert lines["line"].nunique() == len(ISLANDS)
    assert (lines["shape"] == "island").all()
    areas = lines.groupby("line")["area_m2"].max().sort_values()
    assert areas.tolist() == pytest.approx([np.pi * radius**2 for _, radius in ISLANDS[::-1]], rel=0.05)
    # Every line says between which dates it was seen, and how often.
    assert set(lines["first"].dt.strftime("%Y%m%d")) == {DATES[0]}
    assert set(lines["last"].dt.strftime("%Y%m%d")) == {DATES[1]}
    assert (lines["observations_min"] == 2).all()
    assert (undisturbed / "2024" / "view.html").is_file()


def test_the_steps_that_it_shows_do_the_same_one_by_one(run: Run, undisturbed: Path) -> None:
    before = read_files(undisturbed)
    batch, mosaic = json.loads((undisturbed / "coast.json").read_text())["steps"]
    ran = run(*shlex.split(batch)[1:])
    assert (ran.code, "4  already mapped" in ran.err) == (0, True), ran.err
    ran = run(*shlex.split(mosaic.replace("--workers 1", "--workers 0"))[1:])
    assert (ran.code, ran.err.splitlines()[-1]) == (0, f"Already made: {undisturbed / '2024'}")
    assert compare(before, read_files(undisturbed)) == []


def test_python_makes_the_same_and_each_goes_on_with_the_other(
    scenes: Path, area: Path, undisturbed: Path, tmp_path: Path
) -> None:
    from distributed import LocalCluster

    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    search = strandline.SearchOptions(aoi=str(area), dates="2023-06/2025-03")
    job = strandline.CoastJob(search=search, scenes=scenes, every="year")
    planned = strandline.run_coast(job, out, plan_only=True)
    assert ([part.state for part in planned.parts], planned.already_made) == (["no scene", "made", "no scene"], False)
    assert compare(read_files(undisturbed), read_files(out)) == []
    shutil.rmtree(next((out / "maps").glob("S2A_*")))
    shutil.rmtree(out / "2024")
    with LocalCluster(n_workers=1, processes=False, dashboard_address=None) as one:
        events: list[Any] = []
        cluster = strandline.ClusterOptions(scheduler=one.scheduler_address)
        result = strandline.run_coast(job, out, cluster=cluster, report=events.append)
        assert result.maps is not None
        assert result.maps.counts == {"already mapped": 3, "mapped": 1}
        assert [part.name for part in result.made] == ["2024"]
        told = [(event["name"], event["state"]) for event in events if event["event"] == "joined"]
        assert told == [("2023", "no scene"), ("2024", "made"), ("2025", "no scene")]
        assert compare(read_files(undisturbed), read_files(out)) == []
        assert not result.already_made
        again = strandline.run_coast(job, str(out), cluster=cluster)
    assert (again.already_made, again.where, again.parts) == (True, str(out), result.parts)
    assert compare(read_files(undisturbed), read_files(out)) == []


def test_its_state_is_told(run: Run, undisturbed: Path, tmp_path: Path) -> None:
    ran = run("status", undisturbed)
    assert ran.code == 0, ran.err
    assert "0 of 4 scenes are left" in ran.out
    told = [line.split() for line in ran.out.splitlines() if line.startswith("202")]
    assert told == [
        ["2023", "no", "scene", "scenes:", "0"],
        ["2024", "made", "scenes:", "4", "of", "4", "lines:", "3"],
        ["2025", "no", "scene", "scenes:", "0"],
    ]
    assert f"To look at it: {undisturbed / 'view.html'}" in ran.out
    shutil.copy(undisturbed / "coast.json", tmp_path)
    state = json.loads(run("status", tmp_path, "--json").out)
    assert (state["maps"], [part["state"] for part in state["parts"]]) == (None, ["no scene", "planned", "no scene"])


def list_moments(out: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What is seen of a run in the folder, and is waited for before it is killed."""
    yield "a map", lambda: list(out.glob("maps/*/item.json"))
    yield "a mosaic that is begun", lambda: list(out.glob(".2024.begun-*/.scratch/*/chains_*"))


def has_come(is_there: Callable[[], Any], process: subprocess.Popen[bytes]) -> bool:
    return bool(is_there()) or process.poll() is not None


def test_killed_again_and_again_it_ends_with_the_same_bytes(
    scenes: Path, area: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for what, is_there in list_moments(out):
        process = start(list_words(scenes, area, out))
        wait_for(partial(has_come, is_there, process), seconds=600)
        assert process.poll() is None, f"it ended before {what}"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert start(list_words(scenes, area, out)).wait() == 0
    assert compare(read_files(undisturbed), read_files(out)) == []


def test_what_fails_is_lacking_and_comes_when_it_can_be_had(run: Run, scenes: Path, area: Path, tmp_path: Path) -> None:
    here, out = tmp_path / "scenes", tmp_path / "out"
    here.mkdir()
    for path in scenes.glob(f"*_{DATES[0]}T*"):
        shutil.copy(path, here)
    broken = sorted(here.iterdir())[0]
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    words = ["coast", "--aoi", area, "--dates", "2024-01/2025-03", "--scenes", here, "--out", out, "--every", "year"]
    words += ["--workers", 1, "--retries", 0, "--no-view"]
    ran = run(*words)
    assert ran.code == 6, ran.err
    assert f"It lacks 1 of its scenes, which could not be mapped: {broken.stem}." in ran.err
    assert "No mosaic of 2025 (2025-01-01/2025-03-31): no scene of these days." in ran.err
    properties = json.loads((out / "2024" / "item.json").read_text())["properties"]
    assert properties["strandline:lacking"] == [broken.stem]
    assert len(properties["strandline:scenes"]) == 1
    broken.write_bytes(whole)
    ran = run(*words)
    assert ran.code == 0, ran.err
    properties = json.loads((out / "2024" / "item.json").read_text())["properties"]
    assert (properties["strandline:lacking"], len(properties["strandline:scenes"])) == ([], 2)


def test_a_plan_is_shown_and_kept_and_nothing_is_mapped(run: Run, tmp_path: Path) -> None:
    items = [make_item(f"S2A_32UPF_{day}", when=f"{day}T10:20:30Z") for day in ("2024-02-10", "2024-08-01")]
    source, out = write_items(tmp_path / "items.json", items), tmp_path / "out"
    words = ["coast", "--aoi", "10.2,54.2,10.4,54.4", "--dates", "2024-01/2024-09", "--stac", source, "--out", out]
    words += ["--every", "quarter"]
    ran = run(*words, "--dry-run", "--statistic", "latest")
    assert ran.code == 0, ran.err
    assert f"Plan: 2 scenes, 2024-02-10 to 2024-08-01: {out / 'plan.json'}" in ran.err
    assert "  2024-Q2  2024-04-01/2024-06-30  no scenes" in ran.err
    assert (
        f"  strandline mosaic {out}/maps --dates 2024-07-01/2024-09-30 --statistic latest --out {out}/2024-Q3"
        in ran.err
    )
    assert sorted(path.name for path in out.iterdir()) == ["coast.json", "plan.json"]
    assert run(*words, "--dry-run", "--statistic", "latest").err.startswith("Plan as kept: 2 scenes")
    ran = run(*words)
    assert (ran.code, ran.err.count("\n")) == (5, 1)
    assert "statistic of mosaics (latest, now median)" in ran.err


def test_credentials_are_not_kept(run: Run, tmp_path: Path) -> None:
    source = write_items(tmp_path / "items.json", [make_item("S2A_32UPF_0001", when="2024-02-10T10:20:30Z")])
    words = ["--aoi", "10.2,54.2,10.4,54.4", "--dates", "2024", "--out", tmp_path / "out", "--dry-run"]
    ran = run("coast", *words, "--stac", source, "--mask", "https://me:hush@host.test/m.tif", "--mask-classes", "1")
    assert ran.code == 0, ran.err
    assert "--mask https://host.test/m.tif" in ran.err
    assert "hush" not in ran.err + (tmp_path / "out" / "coast.json").read_text()
