"""Alerts: limits that are passed for sure, one a shore; bodies and inland shores where they are asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from pipeline.change.alerts import Alert, list_alerts
from pipeline.change.bodies import APPEARED, SHORE
from pipeline.change.options import ChangeOptions
from tests.pipeline.change.change_scenes import compare, write_date
from tests.pipeline.change.change_values import PLANE
from tests.pipeline.change.test_summary import make_comparison

NAN = float("nan")
X, Y = 500_000.0, 5_600_000.0


def make_piece(east: float = 0.0, **values: Any) -> dict[str, Any]:  # noqa: ANN401
    """100 m of shore that retreated 30 m, 20 m at the least; 2 m of uncertainty."""
    usual = {"kind": SHORE, "waters": "coast", "area_m2": 3000.0, "max_shift_m": -30.0, "least_shift_m": -20.0}
    place = {"uncertainty_m": 2.0, "shore_m": 100.0, "geometry": shapely.box(X + east, Y, X + east + 100, Y + 30)}
    return {**usual, **place, **values}


def find(*pieces: dict[str, Any], counts_inland: bool = False, **choices: Any) -> list[Alert]:  # noqa: ANN401
    frame = gpd.GeoDataFrame([{"id": number, **piece} for number, piece in enumerate(pieces, 1)], crs=PLANE.crs)
    comparison = replace(make_comparison(counts_inland=counts_inland), lost=frame)
    return list_alerts("lost", comparison, ChangeOptions(**choices))


def test_without_a_limit_there_is_none() -> None:
    assert find(make_piece()) == []


def test_a_shift_counts_beyond_its_bound() -> None:
    assert len(find(make_piece(), alert_m=19.9)) == 1
    assert find(make_piece(), alert_m=20.0) == []
    assert len(find(make_piece(least_shift_m=20.0), alert_m=19.9)) == 1


def test_an_area_counts_beyond_its_bound() -> None:
    sure = 3000 - 1.96 * 2 * 100
    assert len(find(make_piece(), alert_area_m2=sure - 0.1)) == 1
    assert find(make_piece(), alert_area_m2=sure) == []
    assert find(make_piece(area_m2=300.0), make_piece(150), alert_area_m2=sure) == []  # what may be none adds nothing


def test_pieces_of_a_shore_are_one_alert_whatever_parts_them() -> None:
    pieces = [make_piece(700.0 * number, least_shift_m=-20.0 - number) for number in range(12)]
    (alert,) = find(*pieces, alert_m=15, alert_area_m2=12 * 3000 - 12 * 392 - 1)
    assert (alert.pieces, alert.id, alert.area_m2, alert.least_shift_m) == (12, 12, 36_000, -31)
    assert alert.why == (
        "shift of -30.0 m, at least -31.0 m (limit 15 m), area of 36,000 m2, at least 31,296 m2 (limit 31,295 m2)"
    )


def test_shores_far_from_each_other_are_alerts_of_their_own() -> None:
    alerts = find(make_piece(), make_piece(2_101.0), make_piece(5_000.0, least_shift_m=-3.0), alert_m=15)
    assert [(alert.id, alert.pieces) for alert in alerts] == [(1, 1), (2, 1)]
    assert [alert.pieces for alert in find(make_piece(), make_piece(2_099.0), alert_m=15)] == [2]


def test_bodies_and_inland_shores_alert_where_they_are_asked_for() -> None:
    body = make_piece(kind=APPEARED, waters=None, max_shift_m=NAN, least_shift_m=NAN, uncertainty_m=NAN, shore_m=0.0)
    pond = make_piece(waters="inland")
    assert find(body, body, pond, alert_area_m2=100.0) == []
    alerts = find(body, body, pond, alert_area_m2=100.0, alert_bodies=True)
    assert [(alert.kind, alert.pieces, alert.max_shift_m, alert.least_shift_m) for alert in alerts] == [
        (APPEARED, 1, None, None),
        (APPEARED, 1, None, None),
    ]
    assert alerts[0].why == "area of 3,000 m2, at least 3,000 m2 (limit 100 m2)"
    assert find(body, alert_m=0.0, alert_bodies=True) == []  # a body has no shift
    assert len(find(pond, alert_m=1.0, counts_inland=True)) == 1


def test_an_alert_says_where() -> None:
    (alert,) = find(make_piece(), alert_m=1.0)
    lon, lat = PLANE.compute_degrees(np.array([[X + 50, Y + 15]]))[0]
    assert (alert.layer, alert.kind) == ("lost", SHORE)
    assert (alert.lon, alert.lat) == (round(lon, 6), round(lat, 6))
    assert alert.to_dict()["least_shift_m"] == -20.0


@pytest.mark.parametrize(("step", "count"), [(10.0, 0), (40.0, 1)])
def test_a_step_below_the_limit_raises_none_and_one_far_beyond_it_raises_one(
    tmp_path: Path, step: float, count: int
) -> None:
    """A shore that the noise of its pixels shakes by as much as the map states, parted by cloud."""

    def make_shore(seed: int, retreat: float) -> Any:  # noqa: ANN401
        rng = np.random.default_rng(seed)
        phase, length = rng.uniform(0, 6.3, 30), rng.uniform(20, 120, 30)

        def measure(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            noise = sum(np.cos(y / one + start) for one, start in zip(length, phase, strict=True))
            return np.asarray(x - 1_000 + retreat + 0.2 * noise)  # 0.8 m, which the map states

        return measure

    def cloud(_x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.asarray((y % 400) < 60)

    old = write_date(tmp_path, "old", make_shore(1, 0), size=200)
    new = write_date(tmp_path, "new", make_shore(2, step), size=200, cloud=cloud)
    comparison = compare(old, new)
    alerts = [
        alert for layer in ("gained", "lost") for alert in list_alerts(layer, comparison, ChangeOptions(alert_m=15))
    ]
    assert len(alerts) == count
    if alerts:
        assert alerts[0].layer == "lost"
        assert alerts[0].pieces > 3
