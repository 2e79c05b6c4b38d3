"""Labelled scenes by torchgeo: which pixels a window holds, what is known in them, where squares may lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas
import numpy as np
import pyproj
import pytest
import rasterio
import shapely
import torch
from affine import Affine
from numpy.typing import NDArray

from tiles.errors import SampleError
from tiles.grid import Window
from tiles.products.stack import StackOptions
from tiles.samples.folder_layout import FolderScene, list_folder
from tiles.samples.geo_datasets import draw_window, list_windows, read_labelled

LEFT, TOP, WIDTH, HEIGHT = 500_000, 5_000_000, 12, 10
UTM = Affine(10, 0, LEFT, 0, -10, TOP)
Make = Callable[..., FolderScene]


def write(path: Path, values: NDArray[np.uint16], transform: Affine = UTM, *, nodata: float | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = values.shape
    with rasterio.open(
        path, "w", driver="GTiff", crs="EPSG:32630", transform=transform, count=count, width=width, height=height,
        dtype="uint16", nodata=nodata,
    ) as dataset:  # fmt: skip
        dataset.write(values)
        if count > 1:
            dataset.descriptions = ("B03", "B02")


def make_image(height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint16]:
    own = np.arange(height * width, dtype=np.uint16).reshape(height, width)
    return np.stack([own + 1000, own + 3000])


def box(left: float, top: float, right: float, bottom: float) -> shapely.Polygon:
    """A box by pixels of the image."""
    return shapely.box(LEFT + 10 * left, TOP - 10 * bottom, LEFT + 10 * right, TOP - 10 * top)


def write_polygons(path: Path, *shapes: shapely.Geometry | None, crs: str | None = "EPSG:32630") -> None:
    frame = geopandas.GeoDataFrame(geometry=list(shapes), crs=crs)
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_file(path)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A scene of the folder, after its labels are written."""

    def open_one(*, height: int = HEIGHT, width: int = WIDTH) -> FolderScene:
        write(tmp_path / "images" / "a.tif", make_image(height, width))
        (scene,) = list_folder(tmp_path, options=StackOptions(offset=0, scale=1e-4))
        return scene

    return open_one


def write_mask(tmp_path: Path, values: NDArray[np.uint16], transform: Affine = UTM, **marker: float) -> None:
    write(tmp_path / "masks" / "a.tif", values[None], transform, **marker)


def test_a_window_holds_its_pixels_and_nothing_beyond_the_image(make: Make, tmp_path: Path) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint16)
    mask[:, 6:] = 1
    write_mask(tmp_path, mask)
    dn, share = read_labelled(make(), Window(-1, -2, WIDTH + 3, HEIGHT + 3))
    assert dn.dtype == share.dtype == np.float32
    assert dn.shape == (2, HEIGHT + 3, WIDTH + 3)
    # Bands in the order of the instrument, though B03 is the file's first.
    np.testing.assert_array_equal(dn[0, 2:-1, 1:-2], make_image()[1])
    np.testing.assert_array_equal(dn[1, 2:-1, 1:-2], make_image()[0])
    np.testing.assert_array_equal(share[2:-1, 1:-2], mask)
    beyond = np.ones(share.shape, bool)
    beyond[2:-1, 1:-2] = False
    assert np.isnan(dn[:, beyond]).all()
    assert (share[beyond] == -1).all()


def test_a_mask_is_known_where_it_is_0_or_1_and_not_its_marker(make: Make, tmp_path: Path) -> None:
    mask = np.arange(HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH) % 4
    write_mask(tmp_path, mask)
    _, share = read_labelled(make(), Window(0, 0, WIDTH, HEIGHT))
    np.testing.assert_array_equal(share, np.where(mask <= 1, mask, -1.0))


@pytest.mark.parametrize("marker", [0, 1])
def test_a_marker_of_0_or_1_is_not_known(marker: int, make: Make, tmp_path: Path) -> None:
    mask = np.arange(HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH) % 2
    write_mask(tmp_path, mask, nodata=marker)
    _, share = read_labelled(make(), Window(0, 0, WIDTH, HEIGHT))
    np.testing.assert_array_equal(share, np.where(mask == marker, -1, 1 - marker))


def test_beside_a_smaller_mask_nothing_is_known(make: Make, tmp_path: Path) -> None:
    write_mask(tmp_path, np.ones((4, 5), np.uint16), UTM @ Affine.translation(3, 2))
    _, share = read_labelled(make(), Window(0, 0, WIDTH, HEIGHT))
    expected = np.full((HEIGHT, WIDTH), -1)
    expected[2:6, 3:8] = 1
    np.testing.assert_array_equal(share, expected)


def test_polygons_give_shares_of_a_pixel_in_sixteenths(make: Make, tmp_path: Path) -> None:
    write_polygons(tmp_path / "water.gpkg", box(2, 3, 4.5, 5.25), None)
    write_polygons(tmp_path / "more.parquet", box(8, 8, 9, 9))
    _, share = read_labelled(make(), Window(0, 0, WIDTH, HEIGHT))
    expected = np.zeros((HEIGHT, WIDTH))
    expected[3:5, 2:4], expected[3:5, 4], expected[5, 2:4], expected[5, 4] = 1, 0.5, 0.25, 0.125
    expected[8, 8] = 1
    np.testing.assert_array_equal(share, expected)


def test_a_window_beside_all_water_is_land(make: Make, tmp_path: Path) -> None:
    write_polygons(tmp_path / "water.gpkg", box(0, 0, 2, 2))
    _, share = read_labelled(make(), Window(6, 6, 4, 4))
    np.testing.assert_array_equal(share, np.zeros((4, 4)))


def test_beyond_the_area_and_in_pixels_it_cuts_nothing_is_known(make: Make, tmp_path: Path) -> None:
    write_polygons(tmp_path / "water.gpkg", box(0, 0, 6, 10))
    write_polygons(tmp_path / "area.gpkg", box(2, 1, 8.5, 9))
    _, share = read_labelled(make(), Window(0, 0, WIDTH, HEIGHT))
    expected = np.full((HEIGHT, WIDTH), -1)
    expected[1:9, 2:6], expected[1:9, 6:8] = 1, 0
    np.testing.assert_array_equal(share, expected)


def test_polygons_in_another_crs_are_brought_to_the_image(make: Make, tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame(geometry=[box(2, 2, 6, 8)], crs="EPSG:32630").to_crs("EPSG:4326")
    frame.to_file(tmp_path / "water.geojson")
    _, share = read_labelled(make(), Window(0, 0, WIDTH, HEIGHT))
    assert share.sum() == pytest.approx(4 * 6, abs=1)
    assert (share[3:7, 3:5] == 1).all()


def test_all_layers_of_a_file_of_polygons_count(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "water.gpkg"
    for layer, shape in {"lakes": box(1, 1, 3, 3), "sea": box(6, 4, 10, 9)}.items():
        geopandas.GeoDataFrame(geometry=[shape], crs="EPSG:32630").to_file(path, layer=layer)
    _, share = read_labelled(make(), Window(0, 0, WIDTH, HEIGHT))
    expected = np.zeros((HEIGHT, WIDTH))
    expected[1:3, 1:3] = expected[4:9, 6:10] = 1
    np.testing.assert_array_equal(share, expected)


def test_land_beside_water_is_not_learned_as_water(make: Make, tmp_path: Path) -> None:
    for layer, shape in {"water": box(1, 1, 3, 3), "land": box(6, 4, 10, 9)}.items():
        geopandas.GeoDataFrame(geometry=[shape], crs="EPSG:32630").to_file(tmp_path / "coast.gpkg", layer=layer)
    with pytest.raises(SampleError, match="found layers water, land"):
        read_labelled(make(), Window(0, 0, WIDTH, HEIGHT))


def test_long_edges_of_polygons_run_where_they_were_drawn(make: Make, tmp_path: Path) -> None:
    # The image lies in the middle of zone 30, where a parallel runs along rows.
    to_degrees = pyproj.Transformer.from_crs("EPSG:32630", "OGC:CRS84", always_xy=True)
    lon, lat = to_degrees.transform(LEFT + 60, TOP - 50)
    write_polygons(tmp_path / "water.geojson", shapely.box(lon - 5, lat - 1, lon + 5, lat), crs="EPSG:4326")
    _, share = read_labelled(make(), Window(0, 0, WIDTH, HEIGHT))
    expected = np.zeros((HEIGHT, WIDTH))
    expected[5:] = 1
    np.testing.assert_allclose(share, expected, atol=0.25)


def test_what_are_no_polygons_is_refused(make: Make, tmp_path: Path) -> None:
    write_polygons(tmp_path / "water.gpkg", shapely.LineString([(LEFT, TOP), (LEFT + 50, TOP)]))
    with pytest.raises(SampleError, match=r"Expected polygons in .*found LineString"):
        read_labelled(make(), Window(0, 0, 4, 4))


def test_polygons_without_a_crs_are_refused(make: Make, tmp_path: Path) -> None:
    write_polygons(tmp_path / "water.shp", box(0, 0, 1, 1))
    write_polygons(tmp_path / "more.parquet", box(0, 0, 1, 1), crs=None)
    with pytest.raises(SampleError, match=r"Expected polygons with a CRS in .*more\.parquet"):
        read_labelled(make(), Window(0, 0, 4, 4))


def test_a_mask_that_went_away_is_named(make: Make, tmp_path: Path) -> None:
    write_mask(tmp_path, np.ones((HEIGHT, WIDTH), np.uint16))
    scene = make()
    (tmp_path / "masks" / "a.tif").write_bytes(b"cut short")
    with pytest.raises(SampleError, match=r"Cannot read .*a\.tif or its labels"):
        read_labelled(scene, Window(4, 4, 4, 4))


def draw_offsets(scene: FolderScene, *, inside: Window, size: int, count: int = 25) -> set[tuple[int, int]]:
    rng = np.random.default_rng(5)
    windows = [draw_window(scene, rng, inside=inside, size=size) for _ in range(count)]
    assert {(window.width, window.height) for window in windows} == {(size, size)}
    return {(window.col_off, window.row_off) for window in windows}


@pytest.mark.parametrize(
    ("inside", "size", "cols", "rows"),
    [
        (Window(4, 4, 2, 2), 3, {3, 4}, {3, 4}),  # squares that hold the cell
        (Window(4, 4, 2, 2), 2, {4}, {4}),
        (Window(4, 4, 3, 3), 1, {4, 5, 6}, {4, 5, 6}),  # squares within a larger cell
        (Window(0, 0, 2, 2), 4, {0}, {0}),  # never beyond the image
        (Window(WIDTH - 1, HEIGHT - 1, 1, 1), 3, {WIDTH - 3}, {HEIGHT - 3}),
        (Window(10, 3, 2, 2), HEIGHT, {2}, {0}),
        (Window(3, 3, 1, 1), HEIGHT + 1, {0, 1}, {-1, 0}),  # beyond it only where it is smaller
    ],
)
def test_drawn_squares_hold_the_cell_and_lie_on_the_image(
    inside: Window, size: int, cols: set[int], rows: set[int], make: Make, tmp_path: Path
) -> None:
    write_mask(tmp_path, np.ones((HEIGHT, WIDTH), np.uint16))
    offsets = draw_offsets(make(), inside=inside, size=size)
    assert {col for col, _ in offsets} == cols
    drawn = {row for _, row in offsets}
    assert drawn <= rows
    assert max(drawn) == max(rows)


def test_a_draw_depends_on_its_generator_and_leaves_that_of_torch_alone(make: Make, tmp_path: Path) -> None:
    write_mask(tmp_path, np.ones((HEIGHT, WIDTH), np.uint16))
    scene, inside = make(), Window(5, 5, 1, 1)
    state = torch.random.get_rng_state()
    first, second = ([draw_window(scene, rng, inside=inside, size=5) for _ in range(8)] for rng in
                     (np.random.default_rng(1), np.random.default_rng(1)))  # fmt: skip
    assert first == second
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(("size", "count"), [(5, 6), (12, 1), (13, 1), (1, 120), (4, 9)])
def test_listed_squares_cover_each_pixel_once(size: int, count: int, make: Make, tmp_path: Path) -> None:
    write_mask(tmp_path, np.ones((HEIGHT, WIDTH), np.uint16))
    scene = make()
    windows = list(list_windows(scene, size=size))
    assert len(windows) == count
    seen = np.zeros((HEIGHT, WIDTH), int)
    for window in windows:
        assert window.shape == (size, size)
        part = window.intersection(scene.grid.window)
        assert part is not None
        seen[part.slices()] += 1
    assert (seen == 1).all()
    assert min(window.col_off for window in windows) == 0
    assert max(window.row_stop for window in windows) == HEIGHT
