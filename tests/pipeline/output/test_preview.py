"""The preview: the right size, the right words, and every number in its scale bar true."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pyproj import Geod
from rasterio.crs import CRS

from pipeline.errors import OutputError
from pipeline.output.classes import LINE_COLOURS
from pipeline.output.map_scale import compute_metres_per_unit, format_length, format_position, resolve_bar_length
from pipeline.output.preview import Caption, Picture, write_preview
from pipeline.output.true_colour import compute_stretch
from tiles.grid import Grid
from tiles.times import format_moment

SEA = np.array([0.02, 0.03, 0.04])
SAND = np.array([0.35, 0.3, 0.25])
CAPTION = Caption(name="S2A_TEST", acquired=datetime(2024, 5, 6, 11, 6, tzinfo=UTC), model="coast-16 1.0")


def grid(width: int, height: int) -> Grid:
    transform = Affine(100, 0, 600000, 0, -100, 5600000)
    return Grid(crs=CRS.from_epsg(32630), transform=transform, width=width, height=height)


def island(width: int = 300, height: int = 300) -> tuple[Picture, gpd.GeoDataFrame]:
    """A round island of sand; a strip without data on the left, a cloud in the upper right corner."""
    place = grid(width, height)
    rows, cols = np.mgrid[:height, :width] + 0.5
    radius = min(width, height) / 4
    land = np.hypot(cols - width / 2, rows - height / 2) < radius
    rgb = np.where(land, SAND[:, None, None], SEA[:, None, None])
    rgb[:, :, : width // 10] = np.nan
    probability = np.where(land, 0.0, 1.0)
    probability[:, : width // 10] = np.nan
    obscured = np.zeros((height, width), bool)
    obscured[: height // 6, -width // 6 :] = True
    shore = shapely.Point(place.transform @ (width / 2, height / 2)).buffer(radius * 100).exterior
    coastline = gpd.GeoDataFrame({"kind": ["sea"]}, geometry=[shapely.LineString(shore)], crs=place.crs)
    ground = compute_stretch(rgb, ~obscured)
    return Picture(ground=ground, probability=probability, obscured=obscured, grid=place), coastline


def count_near(image: Image.Image, colour: tuple[int, int, int]) -> int:
    pixels = np.asarray(image.convert("RGB")).astype(int)
    return int((np.abs(pixels - colour).max(axis=-1) <= 6).sum())


def test_the_picture_shows_photo_line_map_and_cloud(tmp_path: Path) -> None:
    picture, coastline = island()
    write_preview(tmp_path / "preview.png", picture, coastline, CAPTION)
    image = Image.open(tmp_path / "preview.png")
    assert image.format == "PNG"
    assert image.width > 1500
    # The line, the water of the map, and the cloud, each at least as large as it must be.
    assert count_near(image, (255, 217, 47)) > 500
    assert count_near(image, (45, 114, 178)) > 100_000
    assert count_near(image, (154, 154, 154)) > 10_000


@pytest.mark.parametrize("size", [(60, 400), (300, 300), (400, 60)])
def test_what_is_drawn_stays_on_the_sheet(tmp_path: Path, size: tuple[int, int]) -> None:
    picture, coastline = island(*size)
    every_kind = coastline.loc[[0] * len(LINE_COLOURS)].assign(kind=list(LINE_COLOURS))
    write_preview(tmp_path / "preview.png", picture, every_kind, CAPTION)
    pixels = np.asarray(Image.open(tmp_path / "preview.png").convert("RGB"))
    border = [pixels[:8], pixels[-8:], pixels[:, :8], pixels[:, -8:]]
    assert all((part == 255).all() for part in border)


def test_a_circle_is_drawn_round(tmp_path: Path) -> None:
    write_preview(tmp_path / "preview.png", *island(100, 300), CAPTION)
    pixels = np.asarray(Image.open(tmp_path / "preview.png").convert("RGB")).astype(int)
    rows, cols = np.nonzero(np.abs(pixels[200:1200, pixels.shape[1] // 2 :] - (222, 209, 170)).max(axis=-1) <= 3)
    assert np.ptp(cols) == pytest.approx(np.ptp(rows), abs=10)


MAY, APRIL, YEAR_BEFORE = (datetime(*day, 11, 6, tzinfo=UTC) for day in ((2024, 5, 6), (2024, 4, 1), (2023, 4, 1)))


@pytest.mark.parametrize(
    ("since", "acquired", "when", "credit"),
    [
        (None, None, "time of sensing unknown", "data"),
        (None, MAY, format_moment(MAY), "data 2024"),
        (MAY, MAY, format_moment(MAY), "data 2024"),
        (APRIL, MAY, "2024-04-01 to 2024-05-06", "data 2024"),
        (YEAR_BEFORE, MAY, "2023-04-01 to 2024-05-06", "data 2023-2024"),
    ],
)
def test_words_say_when(since: datetime | None, acquired: datetime | None, when: str, credit: str) -> None:
    caption = Caption(name="a", since=since, acquired=acquired)
    assert (caption.when, caption.attribution) == (when, f"Contains modified Copernicus Sentinel {credit}")


def test_without_a_coastline_there_is_no_line(tmp_path: Path) -> None:
    picture, coastline = island()
    write_preview(tmp_path / "preview.png", picture, coastline.iloc[:0], CAPTION)
    assert count_near(Image.open(tmp_path / "preview.png"), (255, 217, 47)) == 0


def test_the_same_map_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("once.png", "again.png"):
        write_preview(tmp_path / name, *island(), CAPTION)
    assert (tmp_path / "once.png").read_bytes() == (tmp_path / "again.png").read_bytes()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (40, 300), (300, 40), (700, 700)])
def test_scenes_of_any_shape_are_drawn_within_a_megabyte_or_so(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    rng = np.random.default_rng(0)
    picture = Picture(
        ground=rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
        probability=rng.random((height, width)),
        obscured=np.zeros((height, width), bool),
        grid=grid(width, height),
    )
    write_preview(tmp_path / "preview.png", picture, island()[1].iloc[:0], CAPTION)
    image = Image.open(tmp_path / "preview.png")
    assert max(image.size) < 2600
    # Pure noise is the worst case: no real scene is as large.
    assert (tmp_path / "preview.png").stat().st_size < 2_000_000


@pytest.mark.parametrize("missing", ["all", "visible bands"])
def test_a_scene_without_colour_is_drawn(tmp_path: Path, missing: str) -> None:
    picture, coastline = island()
    empty = Picture(
        ground=compute_stretch(np.full((3, *picture.grid.shape), np.nan), ~picture.obscured),
        probability=np.full_like(picture.probability, np.nan) if missing == "all" else picture.probability,
        obscured=picture.obscured,
        grid=picture.grid,
    )
    write_preview(tmp_path / "preview.png", empty, coastline, CAPTION)
    assert Image.open(tmp_path / "preview.png").width > 1500


def test_a_real_scene_in_degrees_stays_small(tmp_path: Path, shared: Path) -> None:
    with rasterio.open(shared / "scenes" / "sundarbans_20200127_L2A_12band.tif") as src:
        rgb = src.read((4, 3, 2)).astype(np.float32) / 10000
        place = Grid(crs=src.crs, transform=src.transform, width=src.width, height=src.height)
    rgb[:, (rgb == 0).all(axis=0)] = np.nan
    clear = np.zeros(place.shape, bool)
    picture = Picture(
        ground=compute_stretch(rgb, ~clear), probability=(rgb[2] > rgb[0]).astype(float), obscured=clear, grid=place
    )
    none = gpd.GeoDataFrame({"kind": []}, geometry=[], crs=src.crs)
    write_preview(tmp_path / "preview.png", picture, none, CAPTION)
    assert (tmp_path / "preview.png").stat().st_size < 1_000_000
    image = Image.open(tmp_path / "preview.png")
    # Fewer colours make it small, and the paper is still white.
    assert (image.mode, image.convert("RGB").getpixel((0, 0))) == ("P", (255, 255, 255))


def test_arrays_that_do_not_fit_the_grid_are_refused() -> None:
    with pytest.raises(ValueError, match=r"found \(5, 5, 3\), \(5, 4\) and \(5, 5\)"):
        Picture(
            ground=np.zeros((5, 5, 3), np.uint8),
            probability=np.zeros((5, 4)),
            obscured=np.zeros((5, 5), bool),
            grid=grid(5, 5),
        )


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="Could not write"):
        write_preview(tmp_path / "no" / "preview.png", *island(), CAPTION)


def test_the_attribution_names_the_year_and_a_simulation_says_so() -> None:
    assert CAPTION.attribution == "Contains modified Copernicus Sentinel data 2024"
    assert Caption(name="x").attribution == "Contains modified Copernicus Sentinel data"
    assert "Simulated" in Caption(name="x", simulated=True).attribution


@given(lon=st.floats(-170, 170), lat=st.floats(-70, 70), across=st.floats(0.01, 1), along=st.floats(0.01, 1))
def test_a_degree_is_as_long_as_on_the_ground(lon: float, lat: float, across: float, along: float) -> None:
    transform = Affine(across / 100, 0, lon - across / 2, 0, -along / 100, lat + along / 2)
    x_m, y_m = compute_metres_per_unit(Grid(crs=CRS.from_epsg(4326), transform=transform, width=100, height=100))
    geod = Geod(ellps="WGS84")
    assert x_m * 0.001 == pytest.approx(geod.inv(lon - 0.0005, lat, lon + 0.0005, lat)[2], rel=1e-3)
    assert y_m * 0.001 == pytest.approx(geod.inv(lon, lat - 0.0005, lon, lat + 0.0005)[2], rel=1e-3)


def test_a_metre_in_utm_is_almost_a_metre() -> None:
    x_m, y_m = compute_metres_per_unit(grid(1000, 1000))
    assert [x_m, y_m] == pytest.approx([1, 1], abs=1e-3)


@given(st.floats(1, 1e7))
def test_the_bar_is_round_and_takes_a_tenth_to_a_quarter(width_m: float) -> None:
    bar = resolve_bar_length(width_m)
    assert width_m / 10 - 1e-6 <= bar <= width_m / 4
    assert f"{bar:.0e}"[0] in "125"


def test_lengths_and_positions_are_written_for_people() -> None:
    assert [format_length(length) for length in (500, 1000, 20000)] == ["500 m", "1 km", "20 km"]
    assert format_position(-1.584, 50.5) == "50.50° N, 1.58° W"
