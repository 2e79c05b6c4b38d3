"""What a watcher does where its file says nothing, and within which borders."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.errors import AreasError
from pipeline.watch.areas.file import DaskSettings, Limits, WatchSettings
from pipeline.watch.areas.settings import AreaDefaults, AreaSettings, CompareSettings, RetrySettings, TideSettings
from tests.pipeline.choices import check_ranges

AREA = {"name": "bay", "aoi": "8,53,9,54"}
NOON = datetime(2024, 6, 30, 12, tzinfo=UTC)


def test_an_area_of_which_nothing_is_said() -> None:
    assert AreaDefaults().model_dump() == {
        "source": "earth-search",
        "collection": None,
        "any_platform": False,
        "nodata": None,
        "schedule": "6h",
        "time_zone": "UTC",
        "seasons": (),
        "max_cloud": 60.0,
        "min_coverage": 10.0,
        "since": None,
        "look_back": 30,
        "stale_after": None,
        "model": "strandline-small",
        "formats": ("gpkg",),
        "threshold": 0.5,
        "min_area_m2": 0.0,
        "min_length_m": 0.0,
        "cloud_buffer_m": 60.0,
        "doubtful": "hide",
        "clip": True,
        "destination": "published/{area}",
        "compare": None,
        "transects": None,
        "tides": None,
        "view": True,
        "backfill": None,
        "retries": {"times": 8, "wait": timedelta(minutes=10), "longest": timedelta(days=1)},
    }
    assert Limits().model_dump() == {
        "scenes_per_round": 20,
        "keep_free": 5_000_000_000,
        "prune_work_after": None,
        "prune_published_after": None,
    }
    assert DaskSettings().model_dump() == {"workers": None, "scheduler": None}


def test_borders_of_an_area() -> None:
    check_ranges(
        AreaDefaults,
        {
            "source": (("earth-search",), ("",)),
            "max_cloud": ((0, 100), (-0.1, 100.1)),
            "min_coverage": ((0, 100), (-0.1, 100.1)),
            "look_back": ((0, 3650), (-1, 3651)),
            "threshold": ((0.001, 0.999), (0, 1)),
            "min_length_m": ((0, 1e9), (-0.1, float("inf"), float("nan"))),
            "cloud_buffer_m": ((0, 5000), (-0.1, 5001, float("nan"))),
            "min_area_m2": ((0, 1e9), (-0.1, float("inf"), float("nan"))),
            "destination": (("x",), ("",)),
        },
        ValidationError,
    )
    positive = ((0.001, 1e9), (0, float("inf"), float("nan")))
    check_ranges(CompareSettings, {"alert_m": positive, "alert_area_m2": positive}, ValidationError)
    check_ranges(TideSettings, {"beach_slope": ((0.001, 10), (0, 10.1))}, ValidationError, model="FES", folder="/")
    check_ranges(RetrySettings, {"times": ((0, 1000), (-1, 1001))}, ValidationError)
    check_ranges(Limits, {"scenes_per_round": ((1,), (0,))}, ValidationError)
    check_ranges(DaskSettings, {"workers": ((1,), (0,)), "scheduler": (("tcp://a:1",), ("a:1",))}, ValidationError)


@pytest.mark.parametrize("kind", [AreaDefaults, CompareSettings, RetrySettings, Limits, DaskSettings])
def test_settings_do_not_change_and_know_their_names(kind: Any) -> None:  # noqa: ANN401
    with pytest.raises(ValidationError, match="frozen"):
        setattr(kind(), next(iter(kind.model_fields)), None)
    with pytest.raises(ValidationError, match="not permitted"):
        kind(strange=1)


@pytest.mark.parametrize(("value", "compares"), [(True, CompareSettings()), (False, None)])
def test_a_comparison_is_wanted_or_not(value: bool, compares: CompareSettings | None) -> None:
    assert AreaDefaults(compare=value).compare == compares  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "dates", "order"),
    [
        ("2017-01-01", "2017-01-01/2024-06-30", "oldest"),
        (date(2017, 1, 1), "2017-01-01/2024-06-30", "oldest"),
        ("2017-01-01/2019-12-31", "2017-01-01/2019-12-31", "oldest"),
        ({"since": date(2017, 1, 1), "order": "newest"}, "2017-01-01/2024-06-30", "newest"),
        ({"since": date(2017, 1, 1), "until": date(2017, 1, 1)}, "2017-01-01/2017-01-01", "oldest"),
    ],
)
def test_years_before_are_a_first_day_or_both(said: Any, dates: str, order: str) -> None:  # noqa: ANN401
    backfill = AreaDefaults(backfill=said).backfill
    assert backfill is not None
    assert (backfill.resolve_dates(NOON), backfill.order) == (dates, order)


@pytest.mark.parametrize(
    "said", ["2017", "2017-01-01/2016-01-01", {"until": "2017-01-01"}, {"since": "2017-01-01", "order": "best"}, 7, []]
)
def test_years_before_that_make_no_sense(said: Any) -> None:  # noqa: ANN401
    with pytest.raises((ValidationError, AreasError)):
        AreaDefaults(backfill=said)


@pytest.mark.parametrize(
    "tides",
    [{}, {"model": "FES"}, {"folder": "/"}, {"heights": "/", "model": "FES", "folder": "/"}, {"heights": "/nowhere"}],
)
def test_heights_of_the_tide_come_from_one_place(tides: dict[str, str]) -> None:
    with pytest.raises((ValidationError, AreasError)):
        TideSettings(**tides)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("failures", "minutes"), [(0, 10), (1, 10), (2, 20), (3, 40), (8, 1280), (9, 1440), (5000, 1440)]
)
def test_a_pause_doubles_until_it_is_a_day(failures: int, minutes: int) -> None:
    assert RetrySettings().compute_wait(failures) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("name", "taken"), [("a", True), ("a" * 64, True), ("a" * 65, False), ("", False), ("-a", False), ("a b", False)]
)
def test_a_name_is_a_folders(name: str, taken: bool) -> None:
    if taken:
        assert AreaSettings(name=name, aoi=AREA["aoi"]).name == name
    else:
        with pytest.raises(ValidationError, match="1 to 64 letters"):
            AreaSettings(name=name, aoi=AREA["aoi"])


@pytest.mark.parametrize(
    ("settings", "asked", "dates"),
    [
        ({}, {}, "2024-05-31/2024-06-30"),
        ({"look_back": 0}, {}, "2024-06-30/2024-06-30"),
        ({"since": date(2024, 1, 2)}, {}, "2024-01-02/2024-06-30"),
        ({}, {"last": datetime(2024, 6, 20, 23, tzinfo=UTC)}, "2024-05-21/2024-06-30"),
        ({"since": date(2024, 6, 1)}, {"last": datetime(2024, 6, 20, tzinfo=UTC)}, "2024-06-01/2024-06-30"),
        ({"since": date(2024, 6, 1)}, {"since": date(2023, 1, 1)}, "2023-01-01/2024-06-30"),
        ({}, {"since": date(2024, 7, 5)}, "2024-07-05/2024-07-05"),
    ],
)
def test_days_that_are_searched(settings: dict[str, Any], asked: dict[str, Any], dates: str) -> None:
    area = AreaSettings(**AREA, **settings)  # type: ignore[arg-type]
    assert area.resolve_dates(NOON, **asked) == dates
    assert area.to_search_choices(dates) == {
        "aoi": "8,53,9,54",
        "dates": dates,
        "source": "earth-search",
        "collection": None,
        "any_platform": False,
    }


@pytest.mark.parametrize("clip", [True, False])
def test_what_is_mapped_of_a_scene(clip: bool) -> None:
    assert AreaSettings(**AREA, clip=clip).to_map_choices() == {  # type: ignore[arg-type]
        "model": "strandline-small",
        "aoi": "8,53,9,54" if clip else None,
        "threshold": 0.5,
        "min_area_m2": 0.0,
        "min_length_m": 0.0,
        "cloud_buffer_m": 60.0,
        "doubtful": "hide",
        "formats": ("gpkg",),
        "overwrite": True,
    }


def test_a_watcher_has_an_area_or_more() -> None:
    with pytest.raises(ValidationError, match="at least 1 item"):
        WatchSettings(areas=())
    settings = WatchSettings(areas=(AreaSettings(**AREA),))  # type: ignore[arg-type]
    assert (settings.notifications, settings.limits, settings.dask) == ((), Limits(), DaskSettings())
    for wrong in ({"ledger": ""}, {"work": ""}):
        with pytest.raises(ValidationError):
            WatchSettings(areas=settings.areas, **wrong)  # type: ignore[arg-type]
