"""Tables of a series: a row a transect, a row a transect and date, and the same in every file."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from pipeline.errors import OutputError
from pipeline.timeseries.fields import CROSSINGS, SERIES_LAYERS, TRANSECTS
from pipeline.timeseries.tables import build_crossings, build_rates, write_series_tables
from tests.pipeline.timeseries.series_values import TIDE, make_series

NAN = float("nan")
LEVEL = [[0.0, 1, 62, 3, 4, 5], [10.0, NAN, 10, 10, 10, 10]]


def test_layers_are_transects_and_crossings() -> None:
    assert SERIES_LAYERS == (TRANSECTS, CROSSINGS)
    assert (TRANSECTS.geometry, CROSSINGS.geometry) == ("LineString", "Point")


def test_a_row_a_transect_with_the_fields_of_its_layer() -> None:
    frame = build_rates(make_series(LEVEL))
    assert list(frame.columns) == [*(field.name for field in TRANSECTS.fields), "geometry"]
    assert frame["transect"].tolist() == ["0", "1"]
    assert frame["dates"].tolist() == [6, 5]
    assert frame["outliers"].tolist() == [1, 0]
    assert frame["rate_m"][1] == pytest.approx(0)
    assert frame["tide_rate_m"].isna().all()
    assert frame["lon"].tolist() == [-3.0, -3.0]
    assert frame["lat"][0] == pytest.approx(41.55, abs=0.01)
    assert frame.geometry[0].length == pytest.approx(400)


def test_corrected_rates_stand_beside_the_others_and_outliers_are_theirs() -> None:
    tide = np.array([0.0, 0, -3, 0, 0, 0])
    frame = build_rates(make_series(LEVEL, tide_m=tide, beach_slope=0.05))
    assert frame["tide_rate_m"][0] == pytest.approx(1)
    assert frame["rate_m"][0] != pytest.approx(1, abs=0.5)
    assert frame["outliers"].tolist() == [0, 1]


def test_a_row_a_transect_and_date_with_a_point_where_there_is_a_position() -> None:
    frame = build_crossings(make_series(LEVEL, tide_m=TIDE, beach_slope=0.5))
    assert list(frame.columns) == [*(field.name for field in CROSSINGS.fields), "geometry"]
    assert frame["transect"].tolist() == ["0"] * 6 + ["1"] * 6
    assert frame["scenes"].tolist() == [f"s{number}" for number in range(6)] * 2
    assert frame["time"][1] == "2020-12-31T06:00:00Z"
    assert frame["tide_m"].tolist()[:4] == [0.5, -0.5, 0, 1]
    assert frame["corrected_m"].tolist()[:4] == [1, 0, 62, 5]
    assert frame["outlier"].tolist().count(True) == 1
    assert frame.geometry.is_empty.tolist() == [number == 7 for number in range(12)]
    assert (frame["reason"][7], frame["crossings"][7]) == ("all water", 0)
    assert frame.geometry[6].coords[0] == (500_010, 4_600_100)
    assert build_crossings(make_series(LEVEL))["corrected_m"].isna().all()


def test_files_say_the_same(tmp_path: Path) -> None:
    write_series_tables(tmp_path, make_series(LEVEL))
    names = ["positions.csv", "positions.parquet", "rates.csv", "rates.parquet", "transects.gpkg"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    table = pd.read_parquet(tmp_path / "positions.parquet")
    assert str(table["time"].dtype) == "datetime64[ms, UTC]"
    text = pd.read_csv(tmp_path / "positions.csv")
    assert text["position_m"].tolist()[:2] == table["position_m"].tolist()[:2] == [0, 1]
    assert len(gpd.read_file(tmp_path / "transects.gpkg", layer="crossings")) == 11
    assert len(gpd.read_file(tmp_path / "transects.gpkg", layer="transects")) == 2
    with pytest.raises(OutputError, match=r"positions\.csv"):
        write_series_tables(tmp_path / "nowhere", make_series(LEVEL))
