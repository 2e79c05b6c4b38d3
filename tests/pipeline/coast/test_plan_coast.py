"""A coast is planned once, the plan is kept, and a folder is of one coast alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely

from pipeline.coast.job import CoastJob
from pipeline.coast.plan_coast import CoastPlan, plan_coast
from pipeline.coast.record import hold_coast, write_record
from pipeline.errors import BusyError, OptionError, OutputError, StaleResultError
from pipeline.mapping.options import MapOptions
from pipeline.mosaic.build_mosaic import MosaicOptions
from pipeline.search.errors import EmptySearchError
from pipeline.search.search_scenes import SearchOptions
from tests.pipeline.stac_items import make_item, write_items
from tests.tiles.products.small_products import dark_water, write_raster

DAYS = ("2023-11-30", "2024-02-10", "2024-02-20", "2024-08-01")
BANDS = ("B02", "B03", "B04", "B08")


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    items = [make_item(f"S2A_32UPF_{day}", when=f"{day}T10:20:30Z") for day in DAYS]
    return write_items(tmp_path / "items.json", items)


def make_job(source: Path, **changes: Any) -> CoastJob:  # noqa: ANN401
    asked = {"aoi": "10.2,54.2,10.4,54.4", "dates": "2024", "source": str(source)}
    search = SearchOptions(**{**asked, **{name: changes.pop(name) for name in list(changes) if name in asked}})
    return CoastJob(search=search, **changes)


def plan(job: CoastJob, out: Path) -> CoastPlan:
    with hold_coast(out):
        return plan_coast(job, out)


def test_a_plan_is_made_once(catalogue: Path, tmp_path: Path) -> None:
    job = make_job(catalogue)
    made = plan(job, tmp_path / "out")
    assert (made.scenes, made.is_new, made.file) == (3, True, tmp_path / "out" / "plan.json")
    assert [part.name for part in made.parts] == ["mosaic"]
    assert made.parts[0].scenes == tuple(f"S2A_32UPF_{day}" for day in DAYS[1:])
    text = made.file.read_bytes()
    write_items(catalogue, [make_item("S2A_32UPF_new", when="2024-03-01T10:20:30Z")])
    kept = plan(job, tmp_path / "out")
    assert (kept.is_new, kept.parts, kept.file.read_bytes()) == (False, made.parts, text)
    # A line that a person takes out stays out.
    lines = made.file.read_text().splitlines(keepends=True)
    made.file.write_text("".join(line for line in lines if DAYS[1] not in line))
    assert plan(job, tmp_path / "out").scenes == 2
    # Asked to, it searches again.
    assert plan(make_job(catalogue, overwrite=True), tmp_path / "out").parts[0].scenes == ("S2A_32UPF_new",)


def test_each_scene_is_in_one_quarter_and_a_quarter_without_one_is_there_too(catalogue: Path, tmp_path: Path) -> None:
    parts = plan(make_job(catalogue, dates="2023-11/2024-08-15", every="quarter"), tmp_path / "out").parts
    assert [(part.name, part.dates, len(part.scenes)) for part in parts] == [
        ("2023-Q4", "2023-11-01/2023-12-31", 1),
        ("2024-Q1", "2024-01-01/2024-03-31", 2),
        ("2024-Q2", "2024-04-01/2024-06-30", 0),
        ("2024-Q3", "2024-07-01/2024-08-15", 1),
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dates": "2023"}, r"dates \(2024, now 2023\)"),
        ({"every": "year"}, r"every \(none, now year\)"),
        ({"mapping": MapOptions(threshold=0.6)}, r"threshold \(0.5, now 0.6\)"),
        ({"mosaic": MosaicOptions(statistic="latest")}, r"statistic of mosaics \(median, now latest\)"),
    ],
)
def test_another_coast_does_not_replace_it_unless_it_is_asked_to(
    changes: dict[str, Any], words: str, catalogue: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    plan(make_job(catalogue), out)
    before = (out / "plan.json").read_bytes()
    with pytest.raises(StaleResultError, match=f"differs in {words}: choose another --out, or pass --overwrite"):
        plan(make_job(catalogue, **changes), out)
    assert (out / "plan.json").read_bytes() == before
    assert plan(make_job(catalogue, **changes, overwrite=True), out).is_new
    assert not plan(make_job(catalogue, **changes), out).is_new


def test_a_search_that_fails_leaves_nothing_behind(catalogue: Path, tmp_path: Path) -> None:
    with pytest.raises(EmptySearchError):
        plan(make_job(catalogue, dates="2022"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_left_alone(catalogue: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "letter.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds files that are no coast"):
        plan(make_job(catalogue, overwrite=True), out)
    (out / "letter.txt").rename(out / "coast.json")
    for text in ("mine", "{}", '{"asked": {"choices": {}}, "parts": [{"name": "../.."}]}'):
        (out / "coast.json").write_text(text)
        with pytest.raises(OutputError, match="Expected the record of a coast"):
            plan(make_job(catalogue, overwrite=True), out)
    assert [path.name for path in out.iterdir()] == ["coast.json"]


def test_mosaics_of_a_coast_that_was_replaced_go_with_it(catalogue: Path, tmp_path: Path) -> None:
    from pipeline.coast.record import PartOutcome

    out = tmp_path / "out"
    job = make_job(catalogue)
    plan(job, tmp_path / "out")
    (out / "mosaic").mkdir()
    (out / "mosaic" / "item.json").write_text("{}")
    (out / "2024").mkdir()
    (out / "2024" / "letter.txt").write_text("mine")  # it has a part's name, and is no mosaic
    part = PartOutcome(name="mosaic", dates=None, state="made", planned=3)
    empty = PartOutcome(name="2024", dates=None, state="no scene", planned=0)
    write_record(out, job.compute_basis(), [part, empty])
    assert json.loads((out / "coast.json").read_text())["parts"][0]["planned"] == 3
    plan(make_job(catalogue, every="year", overwrite=True), out)
    assert sorted(path.name for path in out.iterdir()) == ["2024", "coast.json", "plan.json"]
    assert (out / "2024" / "letter.txt").read_text() == "mine"


def test_two_runs_do_not_share_a_folder(catalogue: Path, tmp_path: Path) -> None:
    with hold_coast(tmp_path / "out"), pytest.raises(BusyError, match="Another run"):
        plan(make_job(catalogue), tmp_path / "out")


def test_scenes_that_are_here_already(tmp_path: Path) -> None:
    scenes = tmp_path / "scenes"
    for day in ("20240210", "20250101"):
        name = f"S2A_MSIL2A_{day}T105021_N0511_R051_T33TVM_{day}T142251.tif"
        write_raster(scenes / name, dark_water((4, 40, 48)), descriptions=BANDS)
    write_raster(scenes / "undated.tif", dark_water((4, 40, 48)), descriptions=BANDS)
    broken = scenes / "S2A_MSIL2A_20240801T105021_N0511_R051_T33TVM_20240801T142251.SAFE"
    broken.mkdir()
    job = make_job(tmp_path / "none", scenes=scenes, every="quarter")
    made = plan(job, tmp_path / "out")
    # One that does not open is planned by its name, so that mapping it says what is wrong with it.
    assert [len(part.scenes) for part in made.parts] == [1, 0, 1, 0]
    assert made.file.name == "scenes.txt"
    text = made.file.read_text()
    assert [line for line in text.splitlines() if not line.startswith("#")] == sorted(
        str(path) for path in scenes.iterdir() if "2024" in path.name
    )
    assert "undated.tif: states no time of sensing" in text
    assert "of 2025-01-01" in text
    assert made.notes == (f"2 entries of {scenes} were left out, see {made.file}.",)
    assert plan(job, tmp_path / "out").parts == made.parts
    with pytest.raises(EmptySearchError, match="Found no scene of 2020-01-01/2020-12-31"):
        plan(make_job(tmp_path / "none", scenes=scenes, dates="2020"), tmp_path / "other")


def test_an_area_that_no_map_can_be_cut_to(catalogue: Path, tmp_path: Path) -> None:
    area = tmp_path / "line.gpkg"
    gpd.GeoDataFrame(geometry=[shapely.LineString([(10.2, 54.2), (10.3, 54.3)])], crs=4326).to_file(area)
    with pytest.raises(OptionError, match="polygons"):
        make_job(catalogue, aoi=str(area))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mapping": MapOptions(smooth_m=50, formats=("geojson",))}, "choose formats, smooth_m in mosaic, not in mapp"),
        ({"mosaic": MosaicOptions(dates="2024")}, "choose dates in search, not in mosaic"),
    ],
)
def test_a_choice_that_would_mean_nothing_is_refused(changes: dict[str, Any], words: str, catalogue: Path) -> None:
    with pytest.raises(OptionError, match=words):
        make_job(catalogue, **changes)
