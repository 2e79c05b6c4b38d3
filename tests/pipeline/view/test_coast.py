"""Lines of a page: no farther from what they were than is said, no more than a browser draws, and no kind lost."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.view.coast import POOR, describe_lines, describe_uncertainty, draw_lines, layer_by_kind
from pipeline.view.plane import resolve_plane

CRS = "EPSG:32630"
PLANE = resolve_plane(CRS, (600_000, 5_500_000, 610_000, 5_510_000))


def make_lines(count: int, vertices: int = 60, seed: int = 0) -> gpd.GeoDataFrame:
    """Wandering lines of growing length, of all kinds in turn, every third of them poor."""
    rng = np.random.default_rng(seed)
    lines = [
        shapely.linestrings(
            np.cumsum(rng.normal(0, 4 + number, (vertices, 2)), axis=0)
            + np.array([600_000 + 300 * (number % 30), 5_505_000])
        )
        for number in range(count)
    ]
    return gpd.GeoDataFrame(
        {
            "id": np.arange(1, count + 1),
            "kind": [("sea", "river", "lake", "open")[number % 4] for number in range(count)],
            "closed": [number % 5 == 0 for number in range(count)],
            "length_m": shapely.length(lines),
            "start_reason": "scene edge",
            "end_reason": "cloud",
            "uncertainty_mean_m": rng.uniform(1, 30, count),
            "uncertainty_max_m": 40.0,
            "certainty": [POOR if number % 3 == 0 else "good" for number in range(count)],
        },
        geometry=lines,
        crs=CRS,
    )


@settings(max_examples=30)
@given(st.integers(1, 25), st.floats(1, 80), st.integers(0, 50))
def test_no_line_moves_farther_than_is_said(count: int, pixel_m: float, seed: int) -> None:
    lines = make_lines(count, seed=seed)
    drawn = draw_lines(lines, PLANE, pixel_m=pixel_m)
    assert len(drawn.frame) + drawn.left_out == count
    whole = PLANE.place(np.asarray(lines.geometry), CRS)
    for index, line in drawn.frame.geometry.items():
        # Every vertex that was left out lies near the line that is drawn.
        assert (
            shapely.distance(line, shapely.points(shapely.get_coordinates(whole[index]))).max()
            <= drawn.tolerance_m + 1e-6
        )


def test_a_page_holds_no_more_than_a_browser_draws() -> None:
    lines = make_lines(60, vertices=400)
    drawn = draw_lines(lines, PLANE, pixel_m=1.0, vertices=2_000, most=40)
    assert shapely.get_num_coordinates(np.asarray(drawn.frame.geometry)).sum() <= 2_000
    assert 0 < len(drawn.frame) <= 40
    assert lines.loc[drawn.frame.index, "length_m"].min() >= lines["length_m"].drop(drawn.frame.index).max()
    assert f"{drawn.left_out} shortest" in drawn.explain()


def test_lines_of_one_feature_a_kind_are_not_threaded_together() -> None:
    lines = make_lines(8)
    joined = shapely.multilinestrings(list(lines.geometry[:4])), shapely.multilinestrings(list(lines.geometry[4:]))
    drawn = draw_lines(lines[:2].set_geometry(list(joined), crs=CRS), PLANE, pixel_m=4.0)
    assert len(drawn.frame) == 8
    assert set(drawn.frame.geometry.geom_type) == {"LineString"}


def test_each_kind_is_a_layer_and_what_is_poorly_known_is_dashed() -> None:
    lines = make_lines(24)
    layers = list(layer_by_kind(draw_lines(lines, PLANE, pixel_m=4.0), describe_lines))
    for layer in layers:
        poor = {certainty == POOR for certainty in layer.facts["certainty"]}
        assert poor == {layer.dashed}
        assert {len(values) for values in layer.facts.values()} == {len(layer.xs)}
    assert sum(len(layer.xs) for layer in layers) == len(lines)
    assert [layer.key for layer in layers][-1] == "sea"  # the uppermost


def test_the_stated_error_goes_by_length() -> None:
    lines = make_lines(2).assign(length_m=[9_500.0, 500.0], uncertainty_mean_m=[2.0, 30.0], kind=["sea", "lake"])
    facts = dict(describe_uncertainty(lines))
    assert facts["Coast"] == "10.0 km in 2 lines: sea 9.5 km, lake 500 m"
    assert facts["Stated error"].startswith("2.0 m for half of the coast, within 2.0 m for nine tenths")
    assert dict(describe_uncertainty(lines.iloc[:0]))["Coast"] == "no line"
