"""The result of a comparison on disk: whole, told in a record, the same each time, readable by others."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pystac
import pytest
import shapely
from PIL import Image

import pipeline.change.pictures
from pipeline.change.compute_change import ChangeOptions, ChangeResult, compute_change
from pipeline.change.fields import CHANGE_LAYERS
from pipeline.change.options import ChangeError
from pipeline.errors import OptionError, OutputError, StaleResultError
from pipeline.output.vectors import write_vectors
from pipeline.tides import TideError
from pipeline.trace.coastline import CoastlineOptions, SceneContext, build_coastline
from pipeline.trace.contour import ContourTracer
from tests.pipeline.change.change_scenes import LEFT, TOP, write_date
from tests.pipeline.mapped_folder import make_grid
from tests.stac_schemas import require_all_valid
from tiles import masks

SHIFT = 22.0


def shore(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.asarray(x - 403.7 + 30 * np.sin(y / 120))


def moved_shore(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Advance in the north, retreat in the south, and a pond that is new."""
    sea = shore(x, y) - SHIFT * np.where(y < 400, 1, -1)
    return np.maximum(sea, 50 - np.hypot(x - 150, y - 400))


@pytest.fixture(autouse=True, scope="module")
def _coarse_pictures() -> object:
    """Pictures of fewer pixels, which take less time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline.change.pictures, "_DPI", 50)
        yield


@pytest.fixture(scope="module")
def dates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    out = tmp_path_factory.mktemp("maps")
    return write_date(out, "first", shore), write_date(out, "second", moved_shore, date=20)


@pytest.fixture(scope="module")
def made(dates: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> ChangeResult:
    out = tmp_path_factory.mktemp("results") / "change"
    return compute_change(*dates, out, options=ChangeOptions(alert_m=15, alert_area_m2=1e6))


def test_layers_come_in_another_crs(dates: tuple[Path, Path], made: ChangeResult, tmp_path: Path) -> None:
    options = ChangeOptions(alert_m=15, alert_area_m2=1e6, crs="EPSG:3035")
    elsewhere = compute_change(*dates, tmp_path / "change", options=options)
    assert elsewhere.summary == made.summary
    for layer in ("gained", "lost", "shift"):
        there, here = (gpd.read_file(result.folder / "change.gpkg", layer=layer) for result in (elsewhere, made))
        assert there.crs.to_epsg() == 3035
        far = there.to_crs(here.crs).geometry.hausdorff_distance(here.geometry)
        assert far.max() < 0.15
        assert there.drop(columns="geometry").equals(here.drop(columns="geometry"))


def test_the_package_holds_three_layers_that_explain_themselves(made: ChangeResult) -> None:
    for layer in CHANGE_LAYERS:
        frame = gpd.read_file(made.folder / "change.gpkg", layer=layer.name)
        assert [name for name in frame.columns if name != "geometry"] == [field.name for field in layer.fields]
        assert len(frame) > 0
        assert frame.crs.to_epsg() == 32630
        assert shapely.is_valid(np.asarray(frame.geometry)).all()
    assert set(gpd.read_file(made.folder / "change.gpkg", layer="lost")["kind"]) == {"shore", "appeared"}


def test_tables_say_what_the_layers_say(made: ChangeResult) -> None:
    samples = gpd.read_file(made.folder / "change.gpkg", layer="shift")
    for table in (pd.read_csv(made.folder / "shift.csv"), pd.read_parquet(made.folder / "shift.parquet")):
        assert np.allclose(table["shift_m"], samples["shift_m"], atol=1e-4, equal_nan=True)
        assert table[["lon", "lat"]].to_numpy() == pytest.approx(samples[["lon", "lat"]].to_numpy(), abs=1e-4)
    polygons = pd.read_csv(made.folder / "change.csv")
    assert set(polygons["change"]) == {"gained", "lost"}
    assert polygons.loc[polygons["kind"] == "shore", "area_m2"].sum() == pytest.approx(
        made.summary.gained_m2 + made.summary.lost_m2, abs=0.5 * len(polygons)
    )
    assert polygons["area_m2"].mod(1).eq(0).all()
    assert {len(text.partition(".")[2]) for text in polygons["mean_shift_m"].dropna().map(str)} <= {1, 2}
    assert len(pd.read_parquet(made.folder / "change.parquet")) == len(polygons)


def test_the_record_is_whole_and_says_that_the_lines_are_instantaneous(made: ChangeResult) -> None:
    item = pystac.Item.from_file(str(made.folder / "item.json"))
    names = {path.name for path in made.folder.iterdir()} - {"item.json"}
    assert {Path(asset.href).name for asset in item.assets.values()} == names
    assert not [name for name in names if name.startswith(".")]
    document = json.loads((made.folder / "change.json").read_text())
    assert document["tide"]["given"] is False
    assert "instantaneous" in document["tide"]["meaning"]
    assert document["old"]["datetime"] == "2024-07-01T11:20:00Z"
    assert document["days"] == 20
    assert require_all_valid(made.folder) == ["item.json"]
    assert all(entry["href"].startswith("file:///") for entry in item.properties["strandline:inputs"])
    assert document["summary"]["moved_km"] == made.summary.moved_km


def test_alerts_are_shores_that_moved_far_and_no_ponds(made: ChangeResult) -> None:
    assert {alert.layer for alert in made.alerts} == {"gained", "lost"}
    assert {alert.kind for alert in made.alerts} == {"shore"}
    for alert in made.alerts:
        assert alert.max_shift_m is not None
        assert abs(alert.max_shift_m) == pytest.approx(SHIFT, abs=4)
        assert "limit 15 m" in alert.why
        assert "area" not in alert.why
        assert (alert.lon, alert.lat) == pytest.approx((-3.0, 50.5), abs=0.1)


def test_bodies_are_alerts_on_demand(dates: tuple[Path, Path], tmp_path: Path) -> None:
    options = ChangeOptions(alert_area_m2=7000, alert_bodies=True)
    alerts = compute_change(*dates, tmp_path / "change", options=options).alerts
    assert "appeared" in {alert.kind for alert in alerts}
    assert all(alert.area_m2 >= 7000 for alert in alerts)


def test_a_second_run_is_done_already_and_other_choices_are_not(
    dates: tuple[Path, Path], made: ChangeResult, tmp_path: Path
) -> None:
    out = tmp_path / "change"
    shutil.copytree(made.folder, out)
    options = ChangeOptions(alert_m=15, alert_area_m2=1e6)
    again = compute_change(*dates, out, options=options)
    assert again.already_made
    assert (again.summary, again.alerts, again.notes) == (made.summary, made.alerts, made.notes)
    with pytest.raises(StaleResultError, match="--overwrite"):
        compute_change(*dates, out)
    with pytest.raises(StaleResultError):
        compute_change(dates[1], dates[0], out, options=options)
    (out / "shift.csv").unlink()  # no longer whole: the same work is due
    with pytest.raises(StaleResultError):
        compute_change(*dates, out, options=options)
    assert not compute_change(*dates, out, options=ChangeOptions(overwrite=True)).already_made


def test_the_same_dates_give_the_same_bytes(dates: tuple[Path, Path], made: ChangeResult, tmp_path: Path) -> None:
    again = compute_change(*dates, tmp_path / "change", options=ChangeOptions(alert_m=15, alert_area_m2=1e6))
    assert not again.already_made
    for path in made.folder.iterdir():
        assert (again.folder / path.name).read_bytes() == path.read_bytes(), path.name


def test_pictures_show_gain_and_loss(made: ChangeResult) -> None:
    for name in ("change.png", "shift.png"):
        with Image.open(made.folder / name) as image:
            pixels = np.asarray(image.convert("RGB")).reshape(-1, 3).astype(int)
        for colour in ((27, 120, 55), (178, 24, 43)):
            assert (np.abs(pixels - colour).max(axis=1) <= 3).sum() > 50


def test_failure_leaves_nothing(dates: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OutputError("the disk is full")

    monkeypatch.setattr("pipeline.change.compute_change.write_change_item", refuse)
    with pytest.raises(OutputError):
        compute_change(*dates, tmp_path / "results" / "change")
    assert list(tmp_path.iterdir()) == []


def test_tides_are_attached(dates: tuple[Path, Path], tmp_path: Path) -> None:
    table = tmp_path / "tides.csv"
    table.write_text("time,height\n2024-07-01T11:00:00Z,1.0\n2024-07-01T12:00:00Z,2.5\n2024-07-21T11:20:00,-0.5\n")
    out = tmp_path / "change"
    compute_change(*dates, out, options=ChangeOptions(tides=table))
    document = json.loads((out / "change.json").read_text())
    assert document["old"]["tide_height_m"] == 1.5
    assert document["new"]["tide_height_m"] == -0.5
    assert document["tide"]["given"] is True
    table.write_text("time,height\n2024-07-01T11:00:00Z,1.0\n2024-07-01T12:00:00Z,2.5\n")
    with pytest.raises(ChangeError, match="says nothing of 2024-07-21T11:20:00Z"):
        compute_change(*dates, tmp_path / "other", options=ChangeOptions(tides=table))
    table.write_text("when,height\n1,2\n")
    with pytest.raises(TideError, match="columns time and height_m"):
        compute_change(*dates, tmp_path / "other", options=ChangeOptions(tides=table))


def record_tide(folder: Path, out: Path, **properties: object) -> Path:
    """A copy of a map that says how high the tide stood."""
    shutil.copytree(folder, out)
    document = json.loads((out / "item.json").read_text())
    document["properties"] |= {f"strandline:{name}": value for name, value in properties.items()}
    (out / "item.json").write_text(json.dumps(document))
    return out


@pytest.mark.parametrize("table", ["tides.csv", "others.csv"])
def test_tides_that_the_maps_record_are_taken_where_they_are_of_one_source(
    dates: tuple[Path, Path], tmp_path: Path, table: str
) -> None:
    said = {"datum": "instantaneous", "parameters": {"threshold": 0.5, "tides": "tides.csv"}}
    old = record_tide(dates[0], tmp_path / "old", **said, tide_m=0.25)
    new = record_tide(dates[1], tmp_path / "new", **(said | {"parameters": {"tides": table}}), tide_m=1.5)
    out = tmp_path / "change"
    compute_change(old, new, out)
    document = json.loads((out / "change.json").read_text())
    assert document["tide"]["given"] == (table == "tides.csv")
    assert document["new"]["tide_height_m"] == (1.5 if table == "tides.csv" else None)
    samples = gpd.read_file(out / "change.gpkg", layer="shift")
    assert set(samples["datum"]) == {"instantaneous"}
    assert (set(samples["old_tide_m"]), set(samples["new_tide_m"])) == ({0.25}, {1.5})


def write_coastline(folder: Path, distance: object) -> Path:
    """The vectors that a map of this shore would have."""
    folder.mkdir()
    grid = make_grid(epsg=32630, left=LEFT, top=TOP, width=80, height=80)
    rows, cols = (np.mgrid[:80, :80] + 0.5) * 10
    tracer = ContourTracer(width=80, height=80)
    chance = (0.5 + distance(cols, rows) / 40).clip(0, 1).astype(np.float32)  # type: ignore[operator]
    tracer.add_strip(chance, np.full(chance.shape, masks.VALID, np.uint8))
    context = SceneContext(scene=folder.name, acquired=None, model="a-model", probability_rmse=0.02)
    layers = build_coastline(tracer.finish(), grid=grid, context=context, options=CoastlineOptions())
    frames = {"coastline": layers.coastline, "water": layers.water, "land": layers.land}
    write_vectors(frames, folder, formats=("gpkg", "geojson"))
    return folder


@pytest.mark.parametrize("name", ["coastline.gpkg", "coastline.geojson"])
def test_vectors_compare_as_rasters_do(made: ChangeResult, tmp_path: Path, name: str) -> None:
    expected = made.summary
    assert expected.mean_shift_m is not None
    old, new = write_coastline(tmp_path / "old", shore), write_coastline(tmp_path / "new", moved_shore)
    found = compute_change(old / name, new / name, tmp_path / "vectors")
    lines_alone = name == "coastline.geojson"  # these tell of no cloud, and of no ground where a line ends
    assert (sum("lines alone" in note for note in found.notes) == 2) == lines_alone
    assert "When the old and new date was sensed is not known: no days between the two are stated" in found.notes[-1]
    for area, whole in (
        (found.summary.gained_m2, expected.gained_m2),
        (found.summary.lost_m2, expected.lost_m2),
    ):
        assert (0.6 if lines_alone else 0.94) * whole <= area <= 1.06 * whole
    assert found.summary.mean_shift_m == pytest.approx(expected.mean_shift_m, abs=0.5 if not lines_alone else 4)
    assert found.summary.bodies == 1


def test_a_raster_and_a_line_compare(dates: tuple[Path, Path], tmp_path: Path) -> None:
    new = write_coastline(tmp_path / "new", moved_shore)
    found = compute_change(dates[0] / "probability.tif", new / "coastline.gpkg", tmp_path / "change")
    assert found.summary.gained_m2 > 5000


def test_a_folder_of_tiles_is_one_date(dates: tuple[Path, Path], made: ChangeResult, tmp_path: Path) -> None:
    """Two overlapping tiles of a mosaic say what is said once."""
    for name in ("west", "east"):
        shutil.copytree(dates[1], tmp_path / "mosaic" / name)
    alone = made.summary
    both = compute_change(dates[0], tmp_path / "mosaic", tmp_path / "two", options=ChangeOptions(line_sigma_m=0.8))
    assert both.summary.gained_m2 == pytest.approx(alone.gained_m2, rel=1e-3)
    assert both.summary.lost_m2 == pytest.approx(alone.lost_m2, rel=1e-3)
    assert any("states no uncertainty" in note for note in both.notes)


def test_what_cannot_be_compared_is_said_in_a_line(dates: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.gpkg").write_text("no geopackage")
    (tmp_path / "text.tif").write_text("no raster")
    for wrong in ("absent", "empty", "text.gpkg", "text.tif"):
        with pytest.raises(ChangeError) as told:
            compute_change(dates[0], tmp_path / wrong, tmp_path / "change")
        assert wrong in str(told.value)
        assert "\n" not in str(told.value)
    with pytest.raises(OptionError, match="factor"):
        ChangeOptions(factor=-1)
    assert not (tmp_path / "change").exists()


def test_qgis_opens_the_package(made: ChangeResult, qgis_python: str, tmp_path: Path) -> None:
    script = tmp_path / "open.py"
    script.write_text(
        "import json, os, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1] / 'output')!r})\n"
        "from pathlib import Path\n"
        "from qgis.core import QgsApplication, QgsVectorLayer\n"
        "from qgis_open import describe_vector, draw\n"
        "application = QgsApplication([], False)\n"
        "application.initQgis()\n"
        "names = ('gained', 'lost', 'shift')\n"
        "layers = {name: QgsVectorLayer(f'{sys.argv[1]}|layername={name}', name, 'ogr') for name in names}\n"
        "seen = {name: describe_vector(layer) for name, layer in layers.items()}\n"
        "seen['colours'] = draw([layers['shift'], layers['gained'], layers['lost']], Path(sys.argv[2]))\n"
        "print(json.dumps(seen))\n"
        "sys.stdout.flush()\n"
        "os._exit(0)\n"
    )
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": ""}
    done = subprocess.run(
        [qgis_python, script, made.folder / "change.gpkg", tmp_path / "drawn.png"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    for layer in CHANGE_LAYERS:
        told = seen[layer.name]
        assert told["valid"]
        assert told["crs"] == "EPSG:32630"
        assert told["style_found"], told["style_error"]
        assert told["indexed"]
        assert told["count"] == pyogrio.read_info(made.folder / "change.gpkg", layer=layer.name)["features"]
    assert seen["gained"]["categories"] == ["shore", "appeared", "vanished"]
    assert seen["shift"]["renderer"] == "RuleRenderer"
    assert "#1b7837" in seen["colours"]
    assert "#b2182b" in seen["colours"]


def pond(radius: float) -> object:
    """A pond of 80 m or less in the west, alone."""
    return lambda x, y: radius - np.hypot(x - 180, y - 400)


def with_pond(radius: float) -> object:
    """The shore, and the pond behind it."""
    return lambda x, y: np.maximum(shore(x, y), pond(radius)(x, y))  # type: ignore[operator]


def write_whole_date(folder: Path, name: str, distance: object, *, date: int = 0) -> Path:
    """Rasters and vectors, as a map has them."""
    made = write_date(folder, name, distance, date=date)  # type: ignore[arg-type]
    vectors = write_coastline(folder / f"{name}-vectors", distance)
    shutil.copyfile(vectors / "coastline.gpkg", made / "coastline.gpkg")
    return made


def test_a_pond_that_shrank_does_not_speak_for_the_coast(tmp_path: Path) -> None:
    old = write_whole_date(tmp_path, "old", with_pond(80))
    new = write_whole_date(tmp_path, "new", with_pond(55), date=20)
    coast = compute_change(old, new, tmp_path / "coast", options=ChangeOptions(alert_m=15))
    found = coast.summary
    assert (found.moved_km, found.gained_m2, coast.alerts, found.counts_inland) == (0.0, 0.0, (), False)
    assert found.mean_shift_m == pytest.approx(0, abs=0.5)
    assert found.inland_km == pytest.approx(0.5, abs=0.1)
    assert found.inland_moved_km == pytest.approx(found.inland_km, abs=0.1)
    gained = gpd.read_file(coast.folder / "change.gpkg", layer="gained")
    assert set(gained["waters"]) == {"inland"}
    both = compute_change(old, new, tmp_path / "both", options=ChangeOptions(alert_m=15, inland=True))
    assert both.summary.moved_km == pytest.approx(found.inland_moved_km)
    assert both.summary.shore_km == pytest.approx(found.shore_km + found.inland_km, abs=0.05)
    assert [alert.layer for alert in both.alerts] == ["gained"]


def test_where_there_is_no_coast_the_pond_counts(tmp_path: Path) -> None:
    old, new = (write_whole_date(tmp_path, name, pond(radius)) for name, radius in (("old", 80), ("new", 55)))
    found = compute_change(old, new, tmp_path / "change").summary
    assert found.counts_inland
    assert found.mean_shift_m == pytest.approx(25, abs=1.5)


def test_maps_that_are_unsure_of_the_shore_say_so(dates: tuple[Path, Path], made: ChangeResult, tmp_path: Path) -> None:
    assert made.summary.sure
    assert not any("unsure" in note for note in made.notes)
    doubted = compute_change(*dates, tmp_path / "change", options=ChangeOptions(unsure_m=1.0))
    assert not doubted.summary.sure
    assert any("unsure of this shore" in note for note in doubted.notes)
