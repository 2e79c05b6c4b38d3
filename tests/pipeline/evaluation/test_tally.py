from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.evaluation.shoreline_error import compute_shoreline_error
from pipeline.evaluation.tally import (
    CAP_M,
    FIGURES,
    TALLY_LENGTH,
    Bootstrap,
    compute_figures,
    compute_tally,
    get_confusion,
)
from tiles.samples.sample import Sample

SIZE = 48


def draw_disc(radius: float, *, x: float = SIZE / 2) -> np.ndarray:
    """A water fraction that is 0.5 on a circle, to a good approximation."""
    rows, cols = np.mgrid[:SIZE, :SIZE] + 0.5
    return np.clip(radius - np.hypot(rows - SIZE / 2, cols - x) + 0.5, 0, 1).astype(np.float32)


def make_sample(fraction: np.ndarray, valid: np.ndarray | None = None) -> Sample:
    return Sample(
        reflectance=np.full((12, *fraction.shape), 0.1, np.float32),
        fraction=fraction,
        valid=np.ones(fraction.shape, bool) if valid is None else valid,
        place="here",
        source="test",
    )


def tally(surface: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    sample = make_sample(fraction)
    return compute_tally(surface, sample, sample.valid, level=0.5, calibrated=True)


@settings(max_examples=15)
@given(st.floats(6, 16), st.floats(0.2, 4))
def test_a_disc_that_is_too_large_is_too_large_by_that_much_both_ways(radius: float, more: float) -> None:
    figures = compute_figures(tally(draw_disc(radius + more), draw_disc(radius)))
    for way in ("mapped_to_true", "true_to_mapped"):
        for name in ("median_m", "mean_m", "rmse_m", "p95_m"):
            assert float(figures[f"{way}_{name}"]) == pytest.approx(10 * more, abs=2.0)


def test_a_perfect_answer_has_perfect_figures() -> None:
    figures = {name: float(value) for name, value in compute_figures(tally(draw_disc(12), draw_disc(12))).items()}
    assert tuple(figures) == FIGURES
    assert figures["accuracy"] == figures["iou"] == figures["boundary_iou"] == figures["land_f1"] == 1
    assert figures["calibration_error"] == pytest.approx(0, abs=1e-9)
    assert figures["mapped_to_true_p95_m"] < 0.5


def test_a_lake_that_is_not_there_is_as_wrong_as_it_gets() -> None:
    figures = compute_figures(tally(draw_disc(6), np.zeros((SIZE, SIZE), np.float32)))
    assert float(figures["mapped_to_true_median_m"]) == pytest.approx(CAP_M, rel=0.06)
    assert np.isnan(figures["true_to_mapped_median_m"])
    assert np.isnan(figures["recall"])
    assert float(figures["precision"]) == 0


@given(st.lists(st.floats(3, 20), min_size=2, max_size=4))
@settings(max_examples=10)
def test_tallies_add_up_and_figures_of_many_are_those_of_each(radii: list[float]) -> None:
    tallies = np.stack([tally(draw_disc(radius), draw_disc(10)) for radius in radii])
    assert tallies.shape == (len(radii), TALLY_LENGTH)
    together = compute_figures(tallies)
    for index, one in enumerate(tallies):
        for name, value in compute_figures(one).items():
            np.testing.assert_allclose(together[name][index], value)
    counts = get_confusion(tallies.sum(axis=0))
    assert sum(float(count) for count in counts.values()) == len(radii) * SIZE**2


def test_quantiles_of_the_histogram_are_those_of_the_distances() -> None:
    surface, truth = draw_disc(15, x=20), draw_disc(11)
    error = compute_shoreline_error(surface, truth, np.ones((SIZE, SIZE), bool))
    figures = compute_figures(tally(surface, truth))
    for way, distances in (("mapped_to_true", error.mapped_to_true), ("true_to_mapped", error.true_to_mapped)):
        assert float(figures[f"{way}_median_m"]) == pytest.approx(np.median(distances), rel=0.06, abs=0.3)
        assert float(figures[f"{way}_p95_m"]) == pytest.approx(np.percentile(distances, 95), rel=0.06, abs=0.3)
        assert float(figures[f"{way}_mean_m"]) == pytest.approx(distances.mean())
        assert float(figures[f"{way}_rmse_m"]) == pytest.approx(np.sqrt((distances**2).mean()))


def test_next_to_what_is_not_known_an_error_is_at_most_as_far_as_that() -> None:
    """The true shore lies under pixels that nobody labelled: what is drawn beside them is not called far off."""
    truth, mapped = draw_disc(8), draw_disc(12)
    valid = np.ones((SIZE, SIZE), bool)
    valid[(truth > 0) & (truth < 1)] = False
    error = compute_shoreline_error(mapped, truth, valid)
    assert len(error.true_to_mapped) == 0
    assert 20 < error.mapped_to_true.min() <= error.mapped_to_true.max() < 45
    # the false lake of a tile without any shore stays as wrong as it is
    lake = compute_shoreline_error(mapped, np.zeros_like(truth), np.ones((SIZE, SIZE), bool))
    assert np.isinf(lake.mapped_to_true).all()


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for study in range(60):
        draws = Bootstrap(2, resamples=200)
        for scene in range(30):
            draws.add(f"{study}/{scene}", np.array([rng.normal(0.8, 0.1), 1.0]))
        low, high = draws.compute_intervals(lambda sums: {"mean": sums[:, 0] / np.maximum(sums[:, 1], 1)})["mean"]
        covered += low <= 0.8 <= high
    assert 0.85 <= covered / 60 <= 1.0


def test_a_unit_may_come_in_parts_and_in_any_order() -> None:
    tallies = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 5.0])}
    whole, parts = Bootstrap(2, resamples=50), Bootstrap(2, resamples=50)
    for name, vector in tallies.items():
        whole.add(name, vector)
    for name in ("b", "a", "b", "a"):
        parts.add(name, tallies[name] / 2)
    np.testing.assert_allclose(whole.sums, parts.sums)
    assert whole.sums.std() > 0
