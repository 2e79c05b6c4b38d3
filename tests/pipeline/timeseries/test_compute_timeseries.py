"""From maps of many dates to rates: known motion comes back, clouds take values away and say so, records are whole."""

from __future__ import annotations

import json
import shutil
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.errors import OutputError, StaleResultError
from pipeline.timeseries.compute_timeseries import TimeseriesOptions, compute_timeseries
from pipeline.timeseries.record import read_series_record
from pipeline.timeseries.transects import TimeseriesError
from tests.pipeline.mosaic.mapped_dates import LEFT, TOP, Field, write_dates
from tests.stac_schemas import require_all_valid

RATE, DATES, EVERY = -12.0, 8, 91.3125
NAMES = ["item.json", "positions.csv", "positions.parquet", "positions.png"]
NAMES += ["rates.csv", "rates.parquet", "rates.png", "timeseries.json", "transects.gpkg"]


def bay(retreat_m: float) -> Field:
    """A gently curved shore, land in the north, which has moved north by a distance."""
    return lambda x, y: y - 600.0 + retreat_m - 30 * np.sin(x / 300)


def hide(date: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x > 700) & (y > 500) if date == 3 else np.zeros(x.shape, bool)


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fields = [bay(-RATE * date * EVERY / 365.25) for date in range(DATES)]
    return write_dates(tmp_path_factory.mktemp("area") / "maps", fields, every_days=EVERY, cloudy=hide)


@pytest.fixture(scope="module")
def made(maps: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "series"
    compute_timeseries(maps.parent, out)  # the area's folder, whose maps are in maps/
    return out


def test_the_known_motion_comes_back_on_every_transect(made: Path) -> None:
    rates = pd.read_parquet(made / "rates.parquet")
    assert len(rates) >= 10
    slant = gpd.read_file(made / "transects.gpkg", layer="transects").geometry
    ends = np.array([[line.coords[0], line.coords[-1]] for line in slant])
    south = -(ends[:, 1] - ends[:, 0])[:, 1] / 400  # the share of the motion that a transect sees, about
    np.testing.assert_allclose(rates["rate_m"], RATE * south, atol=0.35)
    np.testing.assert_allclose(rates["robust_m"], rates["rate_m"], atol=0.2)
    assert (rates["low_m"] < rates["high_m"]).all()
    assert rates["dates"].between(DATES - 1, DATES).all()


def test_clouds_take_values_away_and_say_so(made: Path) -> None:
    positions = pd.read_parquet(made / "positions.parquet")
    assert len(positions) == DATES * positions["transect"].nunique()
    missing = positions[positions["position_m"].isna()]
    assert (missing["scenes"] == "scene03").all()
    assert 2 <= len(missing) < positions["transect"].nunique()
    assert missing["reason"].str.startswith("cloud").all()
    found = positions[positions["position_m"].notna()]
    assert (found["reason"] == "").all()
    assert found["uncertainty_m"].between(0.5, 10).all()
    assert (found["crossings"] == 1).all()
    assert not found["outlier"].any()


def test_points_lie_on_the_shore_that_was_mapped(made: Path) -> None:
    points = gpd.read_file(made / "transects.gpkg", layer="crossings")
    assert points.crs.to_epsg() == 32630
    x, y = points.geometry.x.to_numpy() - LEFT, TOP - points.geometry.y.to_numpy()
    date = points["scenes"].str[-2:].astype(int).to_numpy()
    error = np.array([bay(-RATE * d * EVERY / 365.25)(a, b) for a, b, d in zip(x, y, date, strict=True)])
    assert np.abs(error).max() < 1.0
    with sqlite3.connect(made / "transects.gpkg") as database:
        styles = dict(database.execute("SELECT f_table_name, styleQML FROM layer_styles"))
    assert "m/year" in styles["transects"]
    assert "outlier" in styles["crossings"]


def test_all_outputs_are_there_and_agree(made: Path) -> None:
    assert sorted(path.name for path in made.iterdir()) == NAMES
    for name in ("positions", "rates"):
        text, table = pd.read_csv(made / f"{name}.csv"), pd.read_parquet(made / f"{name}.parquet")
        assert list(text.columns) == list(table.columns)
        assert len(text) == len(table)
        with Image.open(made / f"{name}.png") as picture:
            assert picture.width > 1000
    assert require_all_valid(made) == ["item.json"]
    record = read_series_record(made)
    assert "instantaneous" in record["tide"]["meaning"]
    assert record["crs"]["code"] == "EPSG:32630"
    assert record["summary"]["retreating"] == record["summary"]["transects"]
    assert record["summary"]["area_rate_m_per_year"]["rate"] == pytest.approx(RATE, abs=0.5)
    assert record["summary_corrected"] is None
    assert [date["positions"] for date in record["dates"]][3] < record["dates"][0]["positions"]


def test_the_same_again_does_nothing_and_another_choice_asks(maps: Path, made: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in made.iterdir()}
    assert compute_timeseries(maps, made).already_made
    assert before == {path.name: path.stat().st_mtime_ns for path in made.iterdir()}
    with pytest.raises(StaleResultError, match="--overwrite"):
        compute_timeseries(maps, made, options=TimeseriesOptions(spacing_m=200))


def test_given_transects_tides_and_a_slope(maps: Path, tmp_path: Path) -> None:
    x = LEFT + np.array([200.0, 500.0])
    lines = gpd.GeoSeries.from_wkt([f"LINESTRING ({a} {TOP - 300}, {a} {TOP - 900})" for a in x], crs="EPSG:32630")
    gpd.GeoDataFrame({"id": ["west", "east"]}, geometry=lines).to_crs(4326).to_file(tmp_path / "lines.geojson")
    moments = pd.date_range("2020-01-01T11:00Z", periods=DATES, freq=pd.Timedelta(days=EVERY))
    heights = np.array([0.0, 1.0, -1.0, 0.5, 0.0, 1.0, -1.0, 0.5])
    table = pd.DataFrame({"time": moments.strftime("%Y-%m-%dT%H:%M:%SZ"), "height_m": heights})
    table[:7].to_csv(tmp_path / "tides.csv", index=False)
    options = TimeseriesOptions(
        transects=tmp_path / "lines.geojson", tides=tmp_path / "tides.csv", beach_slope=0.05, least_dates=5
    )
    result = compute_timeseries(maps, tmp_path / "out", options=options)
    assert any("1 of 8 dates" in note for note in result.notes)
    positions = pd.read_csv(tmp_path / "out" / "positions.csv")
    assert set(positions["transect"]) == {"west", "east"}
    first = positions[(positions["transect"] == "west") & (positions["scenes"] == "scene00")].iloc[0]
    assert first["position_m"] == pytest.approx(300 + 30 * np.sin(200 / 300), abs=1.0)
    known = positions.dropna(subset=["corrected_m"])
    np.testing.assert_allclose(known["corrected_m"], known["position_m"] + known["tide_m"] / 0.05, rtol=1e-6)
    assert (positions[positions["scenes"] == "scene07"]["corrected_m"].isna()).all()
    rates = pd.read_csv(tmp_path / "out" / "rates.csv")
    assert (rates["rate_m"] != rates["tide_rate_m"]).all()
    record = read_series_record(tmp_path / "out")
    assert record["tide"]["corrected"]
    assert record["summary_corrected"]["transects_with_rate"] == 2


def test_a_reference_turned_round_turns_the_side(maps: Path, tmp_path: Path) -> None:
    x = np.linspace(100, 1_100, 51)
    shore = np.stack((LEFT + x, TOP - 600 - 30 * np.sin(x / 300)), axis=1)
    found = {}
    for name, points in (("right", shore), ("wrong", shore[::-1])):
        wkt = "LINESTRING (" + ", ".join(f"{a} {b}" for a, b in points) + ")"
        gpd.GeoDataFrame(geometry=gpd.GeoSeries.from_wkt([wkt], crs="EPSG:32630")).to_file(tmp_path / f"{name}.gpkg")
        options = TimeseriesOptions(reference=tmp_path / f"{name}.gpkg")
        result = compute_timeseries(maps, tmp_path / name, options=options)
        found[name] = result.series
        assert any("Turn the reference round" in note for note in result.notes) == (name == "wrong")
    right, wrong = found["right"], found["wrong"]
    assert right is not None
    assert wrong is not None
    np.testing.assert_allclose(wrong.transects.direction[::-1], -right.transects.direction, atol=1e-6)
    assert np.isfinite(right.fits.get_column("rate_m")).all()
    assert np.isnan(wrong.positions.position_m).all()  # land lies seaward of everything: no such shore
    assert {"no shore with land landward"} <= set(wrong.positions.reason.ravel())


def test_transects_from_sea_to_land_are_named_with_what_to_do(maps: Path, tmp_path: Path) -> None:
    ends = {"up": (900, 300), "down": (300, 900), "over": (900, 300)}
    lines = [
        f"LINESTRING ({x} {TOP - start}, {x} {TOP - end})"
        for x, (start, end) in zip(LEFT + np.array([200.0, 350.0, 500.0]), ends.values(), strict=True)
    ]
    path = tmp_path / "lines.gpkg"
    gpd.GeoDataFrame({"id": list(ends)}, geometry=gpd.GeoSeries.from_wkt(lines, crs="EPSG:32630")).to_file(path)
    result = compute_timeseries(maps, tmp_path / "out", options=TimeseriesOptions(transects=path))
    (note,) = (note for note in result.notes if "from the water alone" in note)
    assert note.startswith("2 of 3 transects (up, over) meet the shore")
    assert note.endswith("Turn them round, or give --seaward-first.")
    assert note in read_series_record(tmp_path / "out")["notes"]
    turned = compute_timeseries(
        maps, tmp_path / "turned", options=TimeseriesOptions(transects=path, seaward_first=True)
    )
    assert any("1 of 3 transects (down)" in note and "leave out --seaward" in note for note in turned.notes)


def test_two_tiles_of_an_overpass_are_one_date_and_one_shore(maps: Path, made: Path, tmp_path: Path) -> None:
    twice = tmp_path / "maps"
    shutil.copytree(maps, twice)
    for folder in sorted(maps.iterdir()):
        copied = shutil.copytree(folder, twice / f"{folder.name}_again")
        item = json.loads((copied / "item.json").read_text())
        moment = datetime.fromisoformat(item["properties"]["datetime"]) + timedelta(seconds=12)
        item["properties"] |= {"datetime": moment.isoformat(), "strandline:fingerprint": copied.name}
        (copied / "item.json").write_text(json.dumps(item | {"id": copied.name}))
    reference = maps / "scene00" / "coastline.gpkg"
    result = compute_timeseries(twice, tmp_path / "out", options=TimeseriesOptions(reference=reference))
    assert result.dates == DATES
    both, one = (pd.read_parquet(out / "positions.parquet") for out in (tmp_path / "out", made))
    assert (both["scenes"].str.count(",") == 1).all()
    pd.testing.assert_frame_equal(both.drop(columns="scenes"), one.drop(columns="scenes"))


def forget_date(folder: Path) -> None:
    document = json.loads((folder / "item.json").read_text())
    document["properties"] |= {"datetime": None, "strandline:undated": True}
    (folder / "item.json").write_text(json.dumps(document))


def test_maps_without_a_date_are_named_with_what_to_do(maps: Path, tmp_path: Path) -> None:
    folder = tmp_path / "maps"
    for name in ("scene00", "scene01", "scene02", "scene03"):
        shutil.copytree(maps / name, folder / name)
    forget_date(folder / "scene02")
    result = compute_timeseries(folder, tmp_path / "out")
    assert result.dates == 3
    assert "Left out, since no date is known of them: scene02." in result.notes[0]
    assert "--date" in result.notes[0]
    for scene in folder.iterdir():
        forget_date(scene)
    with pytest.raises(TimeseriesError, match=r"found 4 without one.*--date"):
        compute_timeseries(folder, tmp_path / "none")


def test_heights_that_maps_record_are_in_the_table_and_correct_nothing(maps: Path, tmp_path: Path) -> None:
    folder = tmp_path / "maps"
    for number in range(3):
        item = shutil.copytree(maps / f"scene{number:02d}", folder / f"scene{number:02d}") / "item.json"
        document = json.loads(item.read_text())
        document["properties"]["strandline:tide_m"] = 0.5 * number if number else None
        item.write_text(json.dumps(document))
    result = compute_timeseries(folder, tmp_path / "out")
    assert not any("tide" in note for note in result.notes)
    positions = pd.read_csv(tmp_path / "out" / "positions.csv")
    heights = positions.groupby("scenes")["tide_m"].first()
    np.testing.assert_array_equal(heights, [np.nan, 0.5, 1.0])
    assert set(positions["datum"]) == {"instantaneous"}
    assert positions["corrected_m"].isna().all()
    tide = read_series_record(tmp_path / "out")["tide"]
    assert (tide["given"], tide["corrected"], tide["dates_with_height"]) == (False, False, 2)
    assert "that the maps record" in tide["meaning"]


def test_what_cannot_be_done_leaves_nothing(maps: Path, tmp_path: Path) -> None:
    with pytest.raises(TimeseriesError, match=r"none\.gpkg"):
        compute_timeseries(maps, tmp_path / "out", options=TimeseriesOptions(transects=tmp_path / "none.gpkg"))
    with pytest.raises(TimeseriesError, match="reference line"):
        compute_timeseries(maps, tmp_path / "out", options=TimeseriesOptions(least_m=5_000))
    assert not (tmp_path / "out").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letters.txt").write_text("mine")
    with pytest.raises(OutputError, match="no result of Strandline"):
        compute_timeseries(maps, tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["letters.txt"]


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"beach_slope": 0.05}, "corrects for tides"),
        ({"tide_model": "FES2022"}, "its name and its folder"),
        ({"transects": Path("a"), "reference": Path("b")}, "found both"),
        ({"least_dates": 2}, "greater than or equal to 3"),
    ],
)
def test_choices_that_contradict_each_other_are_refused(choices: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        TimeseriesOptions(**choices)  # type: ignore[arg-type]
