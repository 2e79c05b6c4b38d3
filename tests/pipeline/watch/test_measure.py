"""The time series of an area is made anew from its maps, and its transects stay where they were cast first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import OutputError
from pipeline.publish.publish import open_destination
from pipeline.timeseries.compute_timeseries import TimeseriesOptions, TimeseriesResult
from pipeline.watch import measure
from pipeline.watch.areas.settings import AreaSettings, TideSettings
from pipeline.watch.measure import MEASURES, update_measures
from pipeline.watch.values import AreaFolders

AUTO = {"transects": "auto"}


class Maker:
    """Stands for the time series, which has tests of its own: it notes what it is asked for, and makes a result."""

    def __init__(self) -> None:
        self.asked: list[tuple[Path, Path, TimeseriesOptions]] = []

    def __call__(self, scenes: Path, out: Path, *, options: TimeseriesOptions) -> TimeseriesResult:
        self.asked.append((scenes, out, options))
        _make_result(out.parent, out.name)
        return TimeseriesResult(folder=out, already_made=False, dates=7)

    @property
    def options(self) -> TimeseriesOptions:
        return self.asked[-1][2]


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> Maker:
    maker = Maker()
    monkeypatch.setattr(measure, "compute_timeseries", maker)
    return maker


@pytest.fixture
def folders(tmp_path: Path) -> AreaFolders:
    made = AreaFolders(work=tmp_path / "work", area="coast")
    made.home.mkdir(parents=True)
    return made


def _make_result(parent: Path, name: str, *, clear: float | None = None) -> Path:
    """A whole result; its coastline holds its name, and ``clear`` is what its record says of clear pixels."""
    folder = parent / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "coastline.gpkg").write_text(name)
    statistics = {} if clear is None else {"strandline:statistics": {"valid_percent": clear}}
    item = {
        "properties": {"strandline:fingerprint": f"{name:0>64}", **statistics},
        "assets": {"coastline": {"href": "coastline.gpkg", "file:size": len(name)}},
    }
    (folder / "item.json").write_text(json.dumps(item))
    return folder


def _make_area(tmp_path: Path, **changes: Any) -> AreaSettings:  # noqa: ANN401
    place = {"name": "coast", "aoi": "8.5,53.8,8.6,53.9", "destination": str(tmp_path / "published")}
    return AreaSettings.model_validate({**place, **changes})


def _publish(tmp_path: Path, *clear: float | None) -> Path:
    for name, share in zip("abcdef", clear, strict=False):
        _make_result(tmp_path / "published", name, clear=share)
    return tmp_path / "published"


def test_three_dates_are_enough_and_two_are_not(tmp_path: Path, folders: AreaFolders, maker: Maker) -> None:
    area = _make_area(tmp_path, **AUTO)
    _publish(tmp_path, 50.0, 50.0)
    assert update_measures(area, folders) is None
    assert maker.asked == []
    _publish(tmp_path, 50.0, 50.0, 50.0)
    assert update_measures(area, folders) == "coast: time series over 7 dates"
    assert [(scenes, out) for scenes, out, _ in maker.asked] == [
        (tmp_path / "published", folders.measures / "timeseries")
    ]


def test_it_is_published_beside_the_scenes(tmp_path: Path, folders: AreaFolders, maker: Maker) -> None:
    destination = _publish(tmp_path, 1.0, 2.0, 3.0)
    update_measures(_make_area(tmp_path, **AUTO), folders)
    (result,) = open_destination(str(destination / MEASURES)).list_results()
    assert (result.name, result.whole) == ("timeseries", True)
    # Its folder among the scenes is none of them: the next time series is over the same three.
    assert update_measures(_make_area(tmp_path, **AUTO), folders) is not None
    assert maker.options.overwrite


def test_a_half_result_is_no_date(tmp_path: Path, folders: AreaFolders, maker: Maker) -> None:
    destination = _publish(tmp_path, 1.0, 2.0, 3.0)
    (destination / "c" / "coastline.gpkg").write_text("longer than the record says")
    assert update_measures(_make_area(tmp_path, **AUTO), folders) is None
    assert maker.asked == []


def test_an_area_without_transects_has_no_time_series(tmp_path: Path, folders: AreaFolders, maker: Maker) -> None:
    _publish(tmp_path, 1.0, 2.0, 3.0, 4.0)
    assert update_measures(_make_area(tmp_path), folders) is None
    assert maker.asked == []


def test_before_anything_is_published_there_is_none(tmp_path: Path, folders: AreaFolders, maker: Maker) -> None:
    assert update_measures(_make_area(tmp_path, **AUTO), folders) is None
    assert maker.asked == []


def test_what_is_published_to_a_store_is_measured_from_the_working_copies(
    tmp_path: Path, folders: AreaFolders, maker: Maker
) -> None:
    store = f"memory://{tmp_path.name}"
    area = _make_area(tmp_path, destination=store, **AUTO)
    assert update_measures(area, folders) is None  # there are no working copies at all
    for name in "abc":
        _make_result(folders.scenes, name)
    assert update_measures(area, folders) == "coast: time series over 7 dates"
    assert maker.asked[0][0] == folders.scenes
    place = open_destination(f"{store}/{MEASURES}")
    assert [result.name for result in place.list_results()] == ["timeseries"]
    place.remove_result("timeseries")


def test_transects_are_cast_from_the_clearest_date(tmp_path: Path, folders: AreaFolders, maker: Maker) -> None:
    _publish(tmp_path, None, 0.5, 99.0, 98.5)  # of "a" nobody knows how clear it is, so that "b" is clearer
    update_measures(_make_area(tmp_path, **AUTO), folders)
    reference = folders.home / "reference.gpkg"
    assert (maker.options.reference, maker.options.transects) == (reference, None)
    assert reference.read_text() == "c"
    assert [path.name for path in folders.home.glob("*.gpkg")] == ["reference.gpkg"]


def test_a_date_that_does_not_say_how_clear_it_is_counts_as_clouded(
    tmp_path: Path, folders: AreaFolders, maker: Maker
) -> None:
    _publish(tmp_path, None, None, 0.5)
    update_measures(_make_area(tmp_path, **AUTO), folders)
    assert maker.asked
    assert (folders.home / "reference.gpkg").read_text() == "c"


def test_the_reference_stays_when_a_clearer_date_comes(tmp_path: Path, folders: AreaFolders, maker: Maker) -> None:
    _publish(tmp_path, 10.0, 30.0, 20.0)
    update_measures(_make_area(tmp_path, **AUTO), folders)
    _make_result(tmp_path / "published", "clearer", clear=100.0)
    update_measures(_make_area(tmp_path, **AUTO), folders)
    assert len(maker.asked) == 2
    assert (folders.home / "reference.gpkg").read_text() == "b"


def test_a_reference_that_cannot_be_kept_is_said_in_a_line(tmp_path: Path, folders: AreaFolders, maker: Maker) -> None:
    destination = _publish(tmp_path, 1.0, 2.0, 3.0)
    folders.home.rmdir()
    folders.home.touch()
    with pytest.raises(OutputError, match=r"reference\.gpkg"):
        update_measures(_make_area(tmp_path, **AUTO), folders)
    assert maker.asked == []
    assert not (destination / MEASURES).exists()


def test_given_transects_are_taken_as_they_are(tmp_path: Path, folders: AreaFolders, maker: Maker) -> None:
    lines = tmp_path / "lines.geojson"
    lines.touch()
    _publish(tmp_path, 1.0, 2.0, 3.0)
    update_measures(_make_area(tmp_path, transects=str(lines)), folders)
    assert (maker.options.transects, maker.options.reference) == (lines, None)
    assert not (folders.home / "reference.gpkg").exists()


def test_without_tides_the_shore_is_that_of_the_instant(tmp_path: Path, folders: AreaFolders, maker: Maker) -> None:
    _publish(tmp_path, 1.0, 2.0, 3.0)
    update_measures(_make_area(tmp_path, **AUTO), folders)
    assert (maker.options.has_tides, maker.options.beach_slope) == (False, None)


@pytest.mark.parametrize("slope", [None, 0.08])
def test_heights_of_the_tide_and_the_slope_are_handed_on(
    slope: float | None, tmp_path: Path, folders: AreaFolders, maker: Maker
) -> None:
    heights = tmp_path / "tides.csv"
    heights.touch()
    _publish(tmp_path, 1.0, 2.0, 3.0)
    update_measures(_make_area(tmp_path, tides=TideSettings(heights=str(heights), beach_slope=slope), **AUTO), folders)
    assert (maker.options.tides, maker.options.tide_model, maker.options.beach_slope) == (heights, None, slope)
    assert maker.options.reference == folders.home / "reference.gpkg"


def test_what_was_given_up_or_excluded_is_in_no_series(tmp_path: Path, folders: AreaFolders, maker: Maker) -> None:
    area = _make_area(tmp_path, destination=f"memory://{tmp_path.name}", **AUTO)
    for name in "abcd":
        _make_result(folders.scenes, name)
    assert update_measures(area, folders, published={"a", "b", "d", "elsewhere"}) is not None
    series = maker.asked[0][0]
    assert sorted(path.name for path in series.iterdir()) == ["a", "b", "d"]
    assert (series / "d" / "coastline.gpkg").read_text() == "d"
    assert update_measures(area, folders, published=set("abcd")) is not None
    assert maker.asked[1][0] == folders.scenes


def test_a_series_of_dates_that_are_gone_goes_too(tmp_path: Path, folders: AreaFolders, maker: Maker) -> None:
    destination = _publish(tmp_path, 1.0, 2.0, 3.0)
    area = _make_area(tmp_path, **AUTO)
    assert update_measures(area, folders) is not None
    assert update_measures(area, folders, published={"a", "b"}) is None
    assert not (destination / MEASURES / "timeseries").exists()
    assert not (folders.measures / "timeseries").exists()
