"""A user's own scenes: several CRSs, masks or polygons, holes, small images; every pixel once, nothing moved."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
import torch
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tiles.errors import SampleError
from tiles.grid import Window
from tiles.products.stack import StackOptions
from tiles.samples.census import CELL_PX, KINDS, Kind, take_census
from tiles.samples.folder import FolderSamples
from tiles.samples.patch import compute_shore
from tiles.samples.sample import SampleSource, split_places

BANDS = ("B02", "B03", "B04", "B08")
ALL = StackOptions(offset=0)
GRIDS = {
    "west": ("EPSG:32630", Affine(10, 0, 600_000, 0, -10, 5_700_000), (150, 203)),
    "east": ("EPSG:32631", Affine(10, 0, 400_000, 0, -10, 5_700_000), (131, 90)),
    "degrees": ("EPSG:4326", Affine(1.3e-4, 0, 20.00007, 0, -0.9e-4, 60.00003), (70, 120)),
    "small": ("EPSG:32634", Affine(20, 0, 500_000, 0, -20, 4_000_000), (21, 33)),
}


def write(path: Path, values: NDArray[Any], crs: str, transform: Affine, *, nodata: float | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"count": len(values), "height": values.shape[1], "width": values.shape[2], "dtype": values.dtype}
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, nodata=nodata, **profile) as dataset:
        dataset.write(values)
        if len(values) == len(BANDS):
            dataset.descriptions = BANDS


def make_image(shape: tuple[int, int]) -> NDArray[np.uint16]:
    """Every pixel has a DN of its own, so that one that was moved or mixed is seen."""
    own = np.arange(shape[0] * shape[1], dtype=np.uint16).reshape(shape) + 100
    return np.stack([own + 7 * band for band in range(len(BANDS))]).astype(np.uint16)


def make_mask(shape: tuple[int, int]) -> NDArray[np.uint8]:
    mask = np.zeros((1, *shape), np.uint8)
    mask[:, :, shape[1] // 2 :] = 1
    mask[:, : shape[0] // 5, : shape[1] // 5] = 255
    return mask


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    for name, (crs, transform, shape) in GRIDS.items():
        image = make_image(shape)
        image[:, 40:60, :30] = 0  # a hole, in what is high enough
        write(folder / "images" / f"{name}.tif", image, crs, transform, nodata=0)
        write(folder / "masks" / f"{name}.tif", make_mask(shape), crs, transform)
    return folder


@pytest.fixture(scope="module")
def source(root: Path) -> FolderSamples:
    return FolderSamples(root=root, options=ALL)


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("size", [32, 64, 256])
def test_each_labelled_pixel_is_seen_once_and_as_it_is(source: FolderSamples, name: str, size: int) -> None:
    shape = GRIDS[name][2]
    image, mask = make_image(shape), make_mask(shape)[0]
    image[:, 40:60, :30] = 0
    good = (mask != 255) & (image[0] != 0)
    samples = list(source.restrict(frozenset({name})).tiles(size=size))
    assert {sample.reflectance.shape for sample in samples} == {(12, size, size)}
    dn = np.concatenate([np.rint(sample.reflectance[2][sample.valid] * 1e4) for sample in samples])
    water = np.concatenate([sample.fraction[sample.valid] for sample in samples])
    order = np.argsort(dn)
    np.testing.assert_array_equal(dn[order], image[1][good])
    np.testing.assert_array_equal(water[order], mask[good])


def test_scenes_are_sources_with_a_place_each(source: FolderSamples) -> None:
    assert isinstance(source, SampleSource)
    assert source.places == tuple(sorted(GRIDS))
    resolution = {scene.place: scene.resolution_m for scene in source.scenes}
    assert resolution["west"] == 10
    assert resolution["small"] == 20
    assert resolution["degrees"] == pytest.approx(8.5, abs=0.1)
    sample = source.draw(np.random.default_rng(0), size=16)
    assert sample.present.tolist() == [name in {1, 2, 3, 7} for name in range(12)]


@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([5, 16, 64, 140]))
@settings(max_examples=15)
def test_draws_have_a_valid_pixel_and_depend_on_chance_alone(root: Path, seed: int, size: int) -> None:
    source = FolderSamples(root=root, options=ALL)
    state = torch.random.get_rng_state()
    one = source.draw(np.random.default_rng(seed), size=size)
    assert torch.equal(state, torch.random.get_rng_state())
    torch.rand(3)
    two = pickle.loads(pickle.dumps(source)).draw(np.random.default_rng(seed), size=size)  # noqa: S301 (our own)
    assert one.valid.any()
    assert one.reflectance.shape == (12, size, size)
    np.testing.assert_array_equal(one.reflectance, two.reflectance)
    np.testing.assert_array_equal(one.fraction, two.fraction)
    assert np.isfinite(one.reflectance[2][one.valid]).all()


@pytest.mark.parametrize("size", [149, 202])  # two places each: down the 150 rows, along the 203 columns
def test_the_last_rows_and_columns_are_drawn(source: FolderSamples, size: int) -> None:
    """In torchgeo alone they never are: issue 431."""
    west = source.restrict(frozenset({"west"}))
    image = make_image(GRIDS["west"][2])[1]
    first, last = (image[0], image[-1]) if size == 149 else (image[:, 0], image[:, -1])
    seen = set()
    for index in range(16):
        green = np.rint(west.draw(np.random.default_rng([1, index]), size=size).reflectance[2] * 1e4)
        seen |= {name for name, line in (("first", first), ("last", last)) if np.isin(green, line).sum() > 80}
        assert np.isfinite(green).sum() >= min(150, size) * size - 20 * 30  # inside, but for the hole
    assert seen == {"first", "last"}


def test_shores_and_both_classes_are_drawn(source: FolderSamples) -> None:
    drawn = [source.draw(np.random.default_rng([2, i]), size=32) for i in range(60)]
    labels = [np.where(sample.valid, sample.fraction, 255) for sample in drawn]
    shore = np.mean([compute_shore(label).any() for label in labels])
    assert 0.4 < shore < 0.85  # one column in a hundred is shore
    assert sum(bool((label == 1).any()) for label in labels) > 25
    assert sum(bool((label == 0).any()) for label in labels) > 25


def test_images_without_data_or_labels_are_never_drawn(tmp_path: Path) -> None:
    crs, transform, shape = GRIDS["west"]
    image = make_image(shape)
    image[:, :, 3:] = 0  # three columns of data
    write(tmp_path / "images" / "a.tif", image, crs, transform, nodata=0)
    write(tmp_path / "masks" / "a.tif", make_mask(shape) * 0, crs, transform)
    elsewhere = Affine.translation(90_000, 0) @ transform
    write(tmp_path / "images" / "b.tif", make_image(shape), crs, elsewhere, nodata=0)
    write(tmp_path / "masks" / "b.tif", np.full((1, *shape), 255, np.uint8), crs, elsewhere)
    source = FolderSamples(root=tmp_path, options=ALL)
    assert source.places == ("a",)
    assert all(source.draw(np.random.default_rng(i), size=64).valid.any() for i in range(8))
    (tmp_path / "images" / "a.tif").unlink()
    with pytest.raises(SampleError, match="Expected labelled pixels with data"):
        FolderSamples(root=tmp_path, options=StackOptions(offset=0, scale=1e-4))


def test_scenes_that_overlap_share_a_place_even_across_zones(tmp_path: Path) -> None:
    """Three dates and frames of one spot, one of them in another zone, and a spot of its own."""
    shape = (100, 100)
    write_pair = {
        "a": ("EPSG:32630", Affine(10, 0, 700_000, 0, -10, 5_700_000)),
        "b": ("EPSG:32630", Affine(10, 0, 700_500, 0, -10, 5_700_500)),
        "c": ("EPSG:32631", Affine(10, 0, 282_800, 0, -10, 5_700_000)),
        "d": ("EPSG:32630", Affine(10, 0, 600_000, 0, -10, 5_700_000)),
    }
    for name, (crs, transform) in write_pair.items():
        write(tmp_path / "images" / f"{name}.tif", make_image(shape), crs, transform)
        write(tmp_path / "masks" / f"{name}.tif", make_mask(shape), crs, transform)
    source = FolderSamples(root=tmp_path, options=ALL)
    boxes = {
        scene.scene.id: shapely.box(*rasterio.warp.transform_bounds(scene.grid.crs, "EPSG:4326", *scene.grid.bounds))
        for scene in source.scenes
    }
    assert boxes["a"].intersects(boxes["c"])  # or the test tests nothing
    assert source.places == ("a", "d")
    learned, held = (source.restrict(side) for side in split_places(source.places, held_out=0.5))
    ground = [shapely.union_all([boxes[scene.scene.id] for scene in side.scenes]) for side in (learned, held)]
    assert ground[0].intersection(ground[1]).is_empty


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".shp", ".parquet"])
def test_polygons_in_another_crs_become_shares_of_water(tmp_path: Path, suffix: str) -> None:
    crs, transform, shape = GRIDS["west"]
    write(tmp_path / "images" / "a.tif", make_image(shape), crs, transform)
    left, top = transform.c, transform.f
    lake = shapely.box(left + 205, top - 805, left + 1207.5, top - 300)  # half pixels left and below, 3/4 right
    frame = geopandas.GeoSeries([lake.segmentize(50)], crs=crs).to_crs("EPSG:4326").to_frame("geometry")
    getattr(frame, "to_parquet" if suffix == ".parquet" else "to_file")(tmp_path / f"water{suffix}")
    source = FolderSamples(root=tmp_path, options=ALL)
    whole = np.zeros(shape, np.float32)
    for sample in source.tiles(size=64):
        dn = np.rint(sample.reflectance[1] * 1e4)
        whole.ravel()[dn[sample.valid].astype(int) - 100] = sample.fraction[sample.valid]
    assert whole.sum() == pytest.approx(lake.area / 100, rel=0.002)
    assert whole[50, 20] == pytest.approx(0.5, abs=0.01)
    assert whole[50, 120] == pytest.approx(0.75, abs=0.01)
    assert whole[50, 21:120].min() == 1
    assert whole[:30].max() == whole[81:].max() == whole[:, :20].max() == whole[:, 121:].max() == 0


def test_polygons_hold_within_their_area_alone(tmp_path: Path) -> None:
    crs, transform, shape = GRIDS["west"]
    write(tmp_path / "images" / "a.tif", make_image(shape), crs, transform)
    left, top = transform.c, transform.f
    for name, box in {
        "water": (left + 200, top - 800, left + 1200, top - 300),
        "area": (left + 100, top - 900, left + 1300, top - 200),
    }.items():
        geopandas.GeoSeries([shapely.box(*box)], crs=crs).to_file(tmp_path / f"{name}.gpkg")
    samples = list(FolderSamples(root=tmp_path, options=ALL).tiles(size=256))
    assert sum(int(sample.valid.sum()) for sample in samples) == 120 * 70
    assert sum(float(sample.fraction[sample.valid].sum()) for sample in samples) == 100 * 50


def test_a_mask_that_is_smaller_leaves_the_rest_unlabelled(tmp_path: Path) -> None:
    crs, transform, shape = GRIDS["west"]
    write(tmp_path / "images" / "a.tif", make_image(shape), crs, transform)
    write(tmp_path / "masks" / "a.tif", np.ones((1, 40, 50), np.uint8), crs, transform @ Affine.translation(30, 20))
    (sample,) = FolderSamples(root=tmp_path, options=ALL).tiles(size=256)
    dn = np.rint(sample.reflectance[1] * 1e4)
    np.testing.assert_array_equal(np.sort(dn[sample.valid]), make_image(shape)[0, 20:60, 30:80].ravel())


@pytest.mark.parametrize("shift", [(0.5, 0, 1, "EPSG:32630"), (0, 0, 2, "EPSG:32630"), (0, 0, 1, "EPSG:32631")])
def test_a_mask_off_its_image_is_refused(tmp_path: Path, shift: tuple[float, float, float, str]) -> None:
    crs, transform, shape = GRIDS["west"]
    write(tmp_path / "images" / "a.tif", make_image(shape), crs, transform)
    moved = transform @ Affine.translation(*shift[:2]) @ Affine.scale(shift[2])
    write(tmp_path / "masks" / "a.tif", make_mask(shape), shift[3], moved)
    with pytest.raises(SampleError, match="to lie on the pixels of"):
        FolderSamples(root=tmp_path, options=ALL)


def test_what_is_missing_is_named(tmp_path: Path, source: FolderSamples) -> None:
    with pytest.raises(SampleError, match="Expected scenes in"):
        FolderSamples(root=tmp_path)
    crs, transform, shape = GRIDS["west"]
    write(tmp_path / "images" / "a.tif", make_image(shape), crs, transform)
    with pytest.raises(SampleError, match=r"masks/a.tif for .* or polygons"):
        FolderSamples(root=tmp_path, options=ALL)
    with pytest.raises(SampleError, match="None of the places"):
        source.restrict(frozenset({"nowhere"}))
    point = {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [0, 0]}}
    (tmp_path / "water.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [point]}))
    with pytest.raises(SampleError, match=r"Expected polygons in .*found Point"):
        FolderSamples(root=tmp_path, options=ALL)


@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)), step=st.sampled_from([16, 32, 128]), seed=st.integers(0, 99)
)
@settings(max_examples=30)
def test_a_census_finds_what_is_there(size: tuple[int, int], step: int, seed: int) -> None:
    height, width = size
    label = np.random.default_rng(seed).choice([0, 1, 255, 255, 255, 255], size)

    def look() -> Iterator[tuple[Window, NDArray[np.float32], NDArray[np.bool_]]]:
        for row in range(0, height, step):
            for col in range(0, width, step):
                part = label[row : row + step, col : col + step]
                yield Window(col, row, part.shape[1], part.shape[0]), (part == 1).astype(np.float32), part != 255

    census = take_census(look(), height=height, width=width)
    cells = sum(census.count(kind) for kind in KINDS)
    expected = sum(
        bool((label[row : row + CELL_PX, col : col + CELL_PX] != 255).any())
        for row in range(0, height, CELL_PX)
        for col in range(0, width, CELL_PX)
    )
    assert cells == expected
    values: dict[Kind, int] = {"water": 1, "land": 0}
    for kind, value in values.items():
        if census.count(kind):
            window = census.draw(np.random.default_rng(seed), kind)
            assert (label[window.slices()] == value).any()


def test_real_pixels_in_degrees_are_not_moved(shared: Path, tmp_path: Path) -> None:
    """The Sundarbans are in degrees, with pixels that are not square: torchgeo alone would warp them."""
    file = shared / "scenes" / "sundarbans_20200127_L2A_12band.tif"
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / file.name).symlink_to(file)
    with rasterio.open(file) as dataset:
        dn, crs, transform = dataset.read(), dataset.crs, dataset.transform
    water = ((dn[2].astype(float) > dn[7]) & (dn.max(axis=0) > 0)).astype(np.uint8)
    write(tmp_path / "masks" / file.name, water[None], crs, transform)
    source = FolderSamples(root=tmp_path)
    samples = list(source.tiles(size=256))
    valid = dn.max(axis=0) > 0
    assert sum(int(sample.valid.sum()) for sample in samples) == valid.sum()
    for sample in samples:  # the label follows from the pixels: were either moved, it would not
        green, nir = sample.reflectance[2][sample.valid], sample.reflectance[7][sample.valid]
        np.testing.assert_array_equal(green > nir, sample.fraction[sample.valid] == 1)


@pytest.mark.parametrize("alpha", [True, False])
def test_what_an_image_declares_invalid_is_no_sample(tmp_path: Path, *, alpha: bool) -> None:
    crs, transform, shape = GRIDS["west"]
    path = tmp_path / "images" / "west.tif"
    write(path, make_image(shape), crs, transform)
    write(tmp_path / "masks" / "west.tif", make_mask(shape), crs, transform)
    valid = np.ones(shape, dtype=np.uint8) * 255
    valid[40:90, 10:60] = 0
    if alpha:
        write(path, np.concatenate([make_image(shape), valid[None].astype(np.uint16)]), crs, transform)
        with rasterio.open(path, "r+") as dataset:
            dataset.descriptions = (*BANDS, "alpha")
    else:
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
            dataset.write_mask(valid)
    samples = FolderSamples(root=tmp_path, options=ALL)
    (sample,) = samples.tiles(size=256)
    hole = np.zeros((256, 256), dtype=bool)
    hole[256 - shape[0] :, : shape[1]] = valid == 0
    assert not sample.valid[hole].any()
    assert np.isnan(sample.reflectance[1][hole]).all()
    assert sample.valid.sum() > 1000
