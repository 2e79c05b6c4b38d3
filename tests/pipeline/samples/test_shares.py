"""Shares of water along the shores of labelled crops: what is filled, what stays out, what averaging makes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from PIL import Image

from pipeline.samples.shares import SharedCrops, compute_label_shares
from tiles.bands import L2A_STACK
from tiles.samples.crops import LabelledCrops
from tiles.samples.patch import UNKNOWN_SHARE, UNLABELLED, WHOLE_SHARE, Patch

SIZE = 60
WATER_DN, LAND_DN = 200, 3000


def make_fraction() -> NDArray[np.float64]:
    """A shore that slants through the pixels, water above."""
    fine = np.arange(SIZE * 10)
    wet = fine[:, None] + 0.37 * fine < 370
    return wet.reshape(SIZE, 10, SIZE, 10).mean(axis=(1, 3))


def make_patch() -> tuple[Patch, NDArray[np.float64]]:
    fraction = make_fraction()
    dn = np.rint(fraction * WATER_DN + (1 - fraction) * LAND_DN).astype(np.int16)
    label = np.where(fraction >= 0.75, 1, np.where(fraction <= 0.25, 0, UNLABELLED)).astype(np.uint8)
    return Patch(stored=np.repeat(dn[None], 12, axis=0), label=label, place="p", source="s"), fraction


def test_the_doubtful_rim_is_filled_with_shares() -> None:
    patch, fraction = make_patch()
    shares = compute_label_shares(patch)
    rim = patch.label == UNLABELLED
    assert rim.sum() > SIZE / 3
    assert (shares[rim] != UNKNOWN_SHARE).mean() > 0.95
    known = shares != UNKNOWN_SHARE
    np.testing.assert_allclose(shares[known] / WHOLE_SHARE, fraction[known], atol=0.03)
    assert shares[0, 0] == WHOLE_SHARE
    assert shares[-1, -1] == 0


def test_mud_and_what_lies_far_from_either_stays_out() -> None:
    patch, _ = make_patch()
    label, stored = patch.label.copy(), patch.stored.copy()
    label[50:60, 0:20] = UNLABELLED
    mud = (make_fraction() < 0.5) & (np.arange(SIZE) < 20) & (np.arange(SIZE)[:, None] < 42)
    stored[:, mud] = WATER_DN  # a belt of some ten pixels of land that is as dark as water
    shares = compute_label_shares(replace(patch, stored=stored, label=label))
    assert (shares[55:60, 0:15] == UNKNOWN_SHARE).all()
    shore = (patch.label == UNLABELLED) & (np.arange(SIZE) < 15)
    assert (shares[shore] == UNKNOWN_SHARE).all()


def test_pixels_without_data_have_no_share() -> None:
    patch, _ = make_patch()
    stored, label = patch.stored.copy(), patch.label.copy()
    stored[:, 30:34, :] = np.iinfo(np.int16).min
    label[30:34, :] = UNLABELLED
    shares = compute_label_shares(replace(patch, stored=stored, label=label))
    assert (shares[30:34] == UNKNOWN_SHARE).all()


@pytest.fixture(name="crops")
def _crops(tmp_path: Path) -> LabelledCrops:
    """Two crops: one with a shore, one of water alone."""
    patch, _ = make_patch()
    rows = []
    head = (
        "file,col_off,row_off,width,height,bands,scale,offset,nodata,resolution_m,level,place,acquired,rule,verdict,"
        "note"
    )
    for name, dn, label in (
        ("shore", patch.stored, patch.label),
        ("water", np.full_like(patch.stored, WATER_DN), np.ones_like(patch.label)),
    ):
        with rasterio.open(
            tmp_path / f"{name}.tif", "w", driver="GTiff", width=SIZE, height=SIZE, count=12, dtype="int16"
        ) as raster:
            raster.write(dn)
        Image.fromarray(label).save(tmp_path / f"{name}.png")
        rows.append(
            f"{name}.tif,0,0,{SIZE},{SIZE},{' '.join(L2A_STACK)},0.0001,0,,10,L2A,{name},2020-01-01,-,accepted,-"
        )
    (tmp_path / "list.csv").write_text("\n".join((head, *rows)) + "\n", encoding="utf-8")
    return LabelledCrops(root=tmp_path, labels=tmp_path)


def test_only_crops_with_a_shore_are_drawn_from(crops: LabelledCrops) -> None:
    source = SharedCrops(crops=crops)
    assert source.places == ("shore",)
    assert source.name == "shares of labelled crops"
    assert source.restrict(frozenset({"shore"})).places == ("shore",)
    assert {sample.place for sample in source.tiles(size=32)} == {"shore"}


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_a_coarser_draw_averages_pixels_and_shares(crops: LabelledCrops, factor: int) -> None:
    sample = SharedCrops(crops=crops, factors=(factor,)).draw(np.random.default_rng(5), size=16)
    assert sample.reflectance.shape == (12, 16, 16)
    assert sample.resolution_m == 10.0 * factor
    assert sample.valid.any()
    mixed = sample.valid & (sample.fraction > 0.02) & (sample.fraction < 0.98)
    assert mixed.any()
    infrared = sample.reflectance[L2A_STACK.index("B08")] * 1e4
    share = (LAND_DN - infrared) / (LAND_DN - WATER_DN)
    np.testing.assert_allclose(sample.fraction[sample.valid], share[sample.valid], atol=0.03)


def test_a_draw_depends_on_its_generator_alone(crops: LabelledCrops) -> None:
    source = SharedCrops(crops=crops)
    draws = [source.draw(np.random.default_rng(seed), size=16) for seed in (1, 2, 1)]
    np.testing.assert_array_equal(draws[0].reflectance, draws[2].reflectance)
    np.testing.assert_array_equal(draws[0].fraction, draws[2].fraction)
