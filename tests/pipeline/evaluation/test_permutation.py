"""What a shuffled band costs, on samples whose answer is known."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline.errors import OptionError
from pipeline.evaluation import permutation
from pipeline.evaluation.permutation import BandImportance, compute_importance, permute_band
from tiles.bands import L2A_STACK
from tiles.samples.sample import Sample

B03, B08 = L2A_STACK.index("B03"), L2A_STACK.index("B08")


def make_sample(*, seed: int = 0, size: int = 8) -> Sample:
    rng = np.random.default_rng(seed)
    reflectance = np.full((12, size, size), np.nan, np.float32)
    fraction = np.zeros((size, size), np.float32)
    fraction[:, : size // 2] = 1
    reflectance[B03] = rng.random((size, size))
    reflectance[B08] = 1 - fraction
    valid = np.ones((size, size), bool)
    valid[0, 0] = False
    return Sample(reflectance=reflectance, fraction=fraction, valid=valid, place="p", source="s", resolution_m=10.0)


class Darkness:
    """Water is where B08 is dark."""

    name = "dark"
    whole = SimpleNamespace(card=SimpleNamespace(inputs=("B03", "B08", "B11")))

    def __init__(self) -> None:
        self.asked = 0

    def answer(self, sample: Sample) -> Any:  # noqa: ANN401
        self.asked += 1
        return SimpleNamespace(surface=1 - sample.reflectance[B08], level=0.5)


class Source:
    def __init__(self, *samples: Sample) -> None:
        self.samples = samples

    def tiles(self, *, size: int) -> Iterator[Sample]:
        assert size == 8
        yield from self.samples


def measure(repeats: int | None = None) -> tuple[dict[str, BandImportance], Darkness, list[tuple[str, float]]]:
    network, told = Darkness(), []
    rows = compute_importance(
        network,  # type: ignore[arg-type]
        Source(make_sample(), make_sample(seed=1)),  # type: ignore[arg-type]
        tile_size=8,
        progress=lambda text, share: told.append((text, share)),
        **({} if repeats is None else {"repeats": repeats}),
    )
    return {row.band: row for row in rows}, network, told


def test_a_band_on_which_nothing_depends_costs_nothing_and_one_on_which_all_does_costs_half() -> None:
    rows, network, told = measure()
    assert list(rows) == ["B03", "B08", "B11"]
    for name in ("B03", "B11"):
        row = rows[name]
        assert (row.accuracy_drop, row.accuracy_spread, row.iou_drop, row.iou_spread) == (0, 0, 0, 0)
    assert rows["B08"].accuracy_drop == pytest.approx(0.5, abs=0.1)
    assert rows["B08"].iou_drop == pytest.approx(2 / 3, abs=0.12)
    assert rows["B08"].repeats == 3
    assert network.asked == 2 * (1 + 2 * 3)  # a band that the data lacks is not asked about
    assert told == [("shuffling bands, tile 1", 0.0), ("shuffling bands, tile 2", 0.0)]
    assert rows["B08"].to_dict()["network"] == "dark"


def test_spread_is_that_of_a_sample_of_repeats() -> None:
    drops = []
    for repeat in range(2):
        right = total = 0
        for number, sample in enumerate((make_sample(), make_sample(seed=1))):
            moved = permute_band(sample, "B08", seed=permutation._seed("B08", number, repeat))
            water = moved.reflectance[B08] < 0.5
            right += int(((water == (sample.fraction > 0.5)) & sample.valid).sum())
            total += int(sample.valid.sum())
        drops.append(1 - right / total)
    rows, _, _ = measure(2)
    assert rows["B08"].accuracy_drop == pytest.approx(np.mean(drops))
    assert rows["B08"].accuracy_spread == pytest.approx(np.std(drops, ddof=1))
    single, _, _ = measure(1)
    assert (single["B08"].accuracy_spread, single["B08"].iou_spread, single["B08"].repeats) == (0, 0, 1)


def test_no_repeat_is_refused() -> None:
    with pytest.raises(OptionError, match="one repeat or more, found 0"):
        measure(0)


def test_shuffling_keeps_values_and_leaves_gaps_and_other_bands_alone() -> None:
    sample = make_sample()
    sample.reflectance[B03, :2] = np.nan
    moved = permute_band(sample, "B03", seed=1)
    assert np.array_equal(np.isnan(moved.reflectance), np.isnan(sample.reflectance))
    known = np.isfinite(sample.reflectance[B03])
    assert sorted(moved.reflectance[B03][known]) == sorted(sample.reflectance[B03][known])
    assert not np.array_equal(moved.reflectance[B03][known], sample.reflectance[B03][known])
    assert np.array_equal(moved.reflectance[B08], sample.reflectance[B08])
    assert np.array_equal(moved.reflectance[B03], permute_band(sample, "B03", seed=1).reflectance[B03], equal_nan=True)
