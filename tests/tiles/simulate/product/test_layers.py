from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tiles.simulate.product.acquisition import resolve_acquisition
from tiles.simulate.product.layers import (
    Layer,
    compute_classification_mask,
    compute_cloud_probability,
    compute_coarse_dn,
    compute_dn,
    compute_true_colour,
    resolve_layers,
)

reflectances = hnp.arrays(np.float32, (4, 6), elements=st.floats(-0.0625, 1.5, width=32))
masks = hnp.arrays(np.bool_, (4, 6))
dns = hnp.arrays(np.uint16, (6, 12), elements=st.integers(0, 32_767))


@given(reflectances, masks)
def test_reflectance_comes_back_within_half_a_number(reflectance: np.ndarray, valid: np.ndarray) -> None:
    dn = compute_dn(reflectance, valid, has_offset=True)
    assert ((dn == 0) == ~valid).all()  # 0 is nodata, and nothing else is
    back = (dn.astype(np.float64) - 1000) / 10_000
    assert np.abs(back - reflectance)[valid].max(initial=0) <= 0.51e-4


@given(reflectances)
def test_without_offset_darkness_is_1_not_nodata(reflectance: np.ndarray) -> None:
    dn = compute_dn(reflectance, None, has_offset=False)
    assert (dn[reflectance <= 0] == 1).all()
    assert (dn > 0).all()


def test_real_products_without_offset_clip_darkness_to_1(shared: Path) -> None:
    (file,) = (shared / "safe").rglob("T01KCV_*_B8A_60m.jp2")
    with rasterio.open(file) as src:
        dn = src.read(1)
    assert dn.min() == 1
    assert (dn == 1).mean() > 0.5  # a clear lagoon


@given(dns)
def test_a_coarse_pixel_is_the_mean_or_missing(dn: np.ndarray) -> None:
    coarse = compute_coarse_dn(dn, 3)
    for row in range(2):
        for col in range(4):
            block = dn[3 * row : 3 * row + 3, 3 * col : 3 * col + 3]
            if (block == 0).any():
                assert coarse[row, col] == 0
            else:
                assert abs(float(coarse[row, col]) - block.mean(dtype=np.float64)) <= 0.51


def test_true_colour_agrees_with_a_real_product(shared: Path) -> None:
    files = {file.name.split("_")[-2]: file for file in (shared / "safe").rglob("T01KCV_*_60m.jp2")}
    rgb = []
    for band in ("B04", "B03", "B02"):
        with rasterio.open(files[band]) as src:
            rgb.append(src.read(1))
    with rasterio.open(files["TCI"]) as src:
        real = src.read().astype(int)
    ours = compute_true_colour(np.stack(rgb), has_offset=False).astype(int)
    # The real image at 60 m is averaged after the stretch, so bright pixels differ by a level or two.
    difference = np.abs(ours - real)
    assert np.percentile(difference, 99) <= 2
    assert difference.mean() < 0.5


def test_true_colour_is_0_only_where_a_band_is_missing() -> None:
    rgb = np.array([[[0, 1000, 900]], [[500, 1000, 2000]], [[500, 1000, 9000]]], np.uint16)
    assert compute_true_colour(rgb, has_offset=True)[:, 0].T.tolist() == [[0, 0, 0], [1, 1, 1], [1, 102, 255]]


def test_masks_follow_from_the_classes() -> None:
    classes = np.array([[0, 6, 8, 9, 10, 11]], np.uint8)
    assert compute_cloud_probability(classes).tolist() == [[0, 0, 55, 95, 20, 0]]
    assert compute_classification_mask(classes)[:, 0].tolist() == [
        [0, 0, 1, 1, 0, 0],
        [0, 0, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 1],
    ]


@pytest.mark.parametrize(("baseline", "count"), [("02.14", 35), ("05.11", 36)])
def test_the_files_are_those_of_real_products(baseline: str, count: int, shared: Path) -> None:
    acquisition = resolve_acquisition(seed=0, size=120, baseline=baseline, crs="EPSG:32630")
    layers = resolve_layers(acquisition, complete=True)
    assert len(layers) == len(set(layers)) == count
    folder = "S2A_MSIL2A_20190809*" if baseline == "02.14" else "S2_T33TVM*"
    (xml,) = (shared / "safe").glob(f"{folder}/MTD_MSIL2A.xml")
    names = {line.split("_")[-2:][0] + line.split("_")[-1] for line in _image_files(xml)}
    assert names == {f"{layer.name}{layer.resolution_m}m" for layer in layers}


def _image_files(xml: Path) -> list[str]:
    return [part.split("<")[0] for part in xml.read_text().split("<IMAGE_FILE>")[1:]]


def test_the_short_list_holds_each_band_once() -> None:
    acquisition = resolve_acquisition(seed=0, size=120, baseline="05.11", crs="EPSG:32630")
    layers = resolve_layers(acquisition, complete=False)
    assert len(layers) == 13
    assert Layer(name="B01", resolution_m=60) in layers
    assert Layer(name="SCL", resolution_m=20) in layers
