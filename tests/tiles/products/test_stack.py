"""Stacks: bands by name, by order or by the user's word; and values whose meaning nobody wrote down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from tests.tiles.products.small_products import dark_water, write_raster
from tiles.bands import BANDS, L2A_STACK
from tiles.errors import BandError, GridError, OptionError, RasterReadError, SceneError
from tiles.products.open import StackOptions, open_scene

SHAPE = (12, 40, 40)

# Real stacks: bands, level, offset decided, nodata, rule.
REAL = [
    ("scenes/accra.tif", 6, "L2A", -1000, 0, "any"),  # its JSON says that the offset was taken off; it was not
    ("scenes/sundarbans_20200127_L2A_12band.tif", 12, "L2A", 0, 0, "all"),
    ("scenes/chiemsee_20230207_L2A_12band_60m.tif", 12, "L2A", 0, 0, "all"),
    ("scenes/ammersee_starnberg_20230322_L2A_12band_60m.tif", 12, "L2A", 0, 0, "all"),
    ("scenes/terramesh/433D_629L_3_1.tif", 12, "L2A", -1000, 0, "any"),
    ("scenes/terramesh/609U_541L_3_0.tif", 12, "L2A", 0, 0, "all"),
    ("scenes/parana/20230511.tif", 11, "unknown", -1000, None, "any"),  # NaN
    ("scenes/parana/20250609.tif", 11, "unknown", -1000, 4294967295, "any"),
    ("scenes/harbours/ship_209075000_2022-08-12.tif", 12, "L2A", 0, 0, "all"),
    ("scenes/bigearthnet/S2A_MSIL2A_20170617T113321_4_55", 12, "L2A", 0, 0, "all"),
    ("scenes/l1c/mumbai_1", 13, "L1C", 0, 0, "all"),
    ("scenes/l1c/bordeaux_2", 13, "L1C", 0, 0, "all"),
]


@pytest.mark.parametrize(("path", "count", "level", "offset", "nodata", "rule"), REAL, ids=[row[0] for row in REAL])
def test_real_stacks(
    shared: Path, path: str, count: int, level: str, offset: float, nodata: float | None, rule: str
) -> None:
    scene = open_scene(shared / path)
    radiometry = scene.radiometry
    assert (scene.kind, len(scene.bands), scene.level) == ("stack", count, level)
    assert set(radiometry.offsets.values()) == {offset}
    assert (radiometry.quantification, radiometry.nodata, radiometry.nodata_rule) == (10000, nodata, rule)
    assert "pixels" in radiometry.source
    assert not radiometry.doubts


def test_real_stack_that_cannot_be_told_says_so(shared: Path) -> None:
    scene = open_scene(shared / "scenes/parana/20231212.tif")
    assert set(scene.radiometry.offsets.values()) == {0}
    assert "use --offset -1000" in scene.radiometry.doubts[0]
    told = open_scene(shared / "scenes/parana/20231212.tif", options=StackOptions(offset=-1000))
    assert (told.radiometry.offsets["B08"], told.radiometry.doubts) == (-1000, ())
    assert told.radiometry.source.startswith("--offset")


def test_harbour_zero_is_water_where_other_bands_have_data(shared: Path) -> None:
    paths = sorted(shared.glob("scenes/harbours/*.tif"))
    assert len(paths) == 33
    assert {open_scene(path).radiometry.nodata_rule for path in paths} == {"all"}


def test_native_resolutions_of_a_folder(shared: Path) -> None:
    scene = open_scene(shared / "scenes/bigearthnet/S2A_MSIL2A_20170617T113321_4_55")
    assert {b.name: b.grid.width for b in scene.bands} == {n: 1200 // BANDS[n].resolution_m for n in L2A_STACK}
    assert scene.grid.width == 120
    assert scene.platform == "sentinel-2a"


def test_names_that_are_described(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "s.tif", dark_water((4, 40, 40)), descriptions=["nir", "Band 3", "SCL", "AOT"])
    scene = open_scene(path)
    assert [(band.name, band.index) for band in scene.bands] == [("B03", 2), ("B08", 1)]
    assert scene.classification is not None
    assert scene.classification.index == 3
    assert any("AOT" in note for note in scene.notes)


@pytest.mark.parametrize(("count", "level", "order"), [(12, "L2A", L2A_STACK), (13, "L1C", tuple(BANDS))])
def test_order_is_assumed_without_names_and_said(
    tmp_path: Path, count: int, level: str, order: tuple[str, ...]
) -> None:
    scene = open_scene(write_raster(tmp_path / "s.tif", dark_water((count, 40, 40))))
    assert (scene.band_names, scene.level) == (order, level)
    assert any("assumed" in note for note in scene.notes)


@pytest.mark.parametrize("label", ["band_{}", "Band {}", "B{}", "B{:02d}", "band_{:02d}"])
@pytest.mark.parametrize(("count", "order"), [(12, L2A_STACK), (13, tuple(BANDS))])
def test_bands_that_are_only_counted_have_no_names(
    tmp_path: Path, label: str, count: int, order: tuple[str, ...]
) -> None:
    labels = [label.format(number) for number in range(1, count + 1)]
    scene = open_scene(write_raster(tmp_path / "s.tif", dark_water((count, 40, 40)), descriptions=labels))
    assert scene.band_names == order
    assert any("assumed" in note for note in scene.notes)


@pytest.mark.parametrize(
    ("label", "error", "match"),
    [
        ("band_{}", SceneError, r"without names .*band_1, band_2.*--bands"),
        ("Band {}", SceneError, r"without names .*--bands"),
        ("B{}", BandError, r"only count the file's bands.*--bands B01,B02,B03,B04,B05"),
    ],
)
def test_asks_where_bands_are_only_counted(tmp_path: Path, label: str, error: type[Exception], match: str) -> None:
    labels = [label.format(number) for number in range(1, 6)]
    path = write_raster(tmp_path / "s.tif", dark_water((5, 40, 40)), descriptions=labels)
    with pytest.raises(error, match=match):
        open_scene(path)
    names = ("B02", "B03", "B04", "B08", "B11")
    assert open_scene(path, options=StackOptions(bands=names)).band_names == names


def test_bands_by_the_users_word(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "s.tif", dark_water((4, 40, 40)), descriptions=["B01", "B02", "B03", "B04"])
    scene = open_scene(path, options=StackOptions(bands=("B12", "-", "b8a", "SCL")))
    assert [(band.name, band.index) for band in scene.bands] == [("B8A", 3), ("B12", 1)]


@pytest.mark.parametrize(
    ("options", "offset", "quantification", "source"),
    [
        (StackOptions(), -1000, 10000, "pixels"),
        (StackOptions(offset=0), 0, 10000, "--offset"),
        (StackOptions(scale=0.0002, offset=-500), -500, 5000, "--offset"),
    ],
)
def test_users_word_comes_first(
    tmp_path: Path, options: StackOptions, offset: float, quantification: float, source: str
) -> None:
    radiometry = open_scene(write_raster(tmp_path / "s.tif", dark_water(SHAPE)), options=options).radiometry
    assert set(radiometry.offsets.values()) == {offset}
    assert radiometry.quantification == pytest.approx(quantification)
    assert radiometry.source.startswith(source)
    assert bool(radiometry.doubts) == (options.offset == 0)  # the pixels show 1000 all the same


@pytest.mark.parametrize(("in_pixels", "decided", "doubts"), [(1000, -1000, 0), (0, 0, 1)])
def test_offset_tag_is_checked_against_the_pixels(
    tmp_path: Path, in_pixels: float, decided: float, doubts: int
) -> None:
    path = write_raster(tmp_path / "s.tif", dark_water(SHAPE, offset=in_pixels), tags=(0.0001, -0.1))
    radiometry = open_scene(path).radiometry
    assert set(radiometry.offsets.values()) == {decided}
    assert len(radiometry.doubts) == doubts


def test_tag_of_a_real_exporter_tells_where_pixels_cannot(shared: Path) -> None:
    paths = sorted(shared.glob("scenes/marida/*[0-9].tif"))
    decided = [open_scene(path).radiometry for path in paths]
    assert len(decided) == 56
    assert {offset for radiometry in decided for offset in radiometry.offsets.values()} == {-1000}
    assert {radiometry.source.split(";")[0] for radiometry in decided} == {"offset tag of the file"}
    assert not any(radiometry.doubts for radiometry in decided)


def test_baseline_in_the_name(tmp_path: Path) -> None:
    old = "S2A_MSIL2A_20200219T112111_N0214_R037_T29RKH_20200219T123947.tif"
    radiometry = open_scene(write_raster(tmp_path / old, dark_water(SHAPE))).radiometry
    assert set(radiometry.offsets.values()) == {0}
    assert "02.14" in radiometry.source
    assert len(radiometry.doubts) == 1


@pytest.mark.parametrize(("day", "offset"), [("20230501", -1000), ("20190501", 0)])
def test_the_day_in_a_name_is_a_hint_for_pixels_that_cannot_tell(tmp_path: Path, day: str, offset: float) -> None:
    bright = dark_water(SHAPE) + np.uint16(2000)
    path = write_raster(tmp_path / f"S2A_MSIL2A_{day}T113321_36_85.tif", bright)
    radiometry = open_scene(path).radiometry
    assert set(radiometry.offsets.values()) == {offset}
    assert "baseline 04.00" in radiometry.doubts[0]
    said = open_scene(path, options=StackOptions(offset=-7)).radiometry
    assert (set(said.offsets.values()), said.doubts) == ({-7}, ())


@pytest.mark.parametrize(("factor", "quantification"), [(1e-4, 1), (1.0, 10000)], ids=["reflectance", "DN as float"])
def test_floats_are_told_apart(tmp_path: Path, factor: float, quantification: float) -> None:
    values = (dark_water(SHAPE, offset=0) * factor).astype(np.float32)
    values[:, :3] = np.nan
    radiometry = open_scene(write_raster(tmp_path / "s.tif", values, nodata=float("nan"))).radiometry
    assert (radiometry.quantification, radiometry.nodata, set(radiometry.offsets.values())) == (
        quantification,
        None,
        {0},
    )


def test_geographic_and_non_square_pixels(shared: Path) -> None:
    grid = open_scene(shared / "scenes/harbours/ship_209075000_2022-08-12.tif").grid
    assert grid.crs.is_geographic
    assert grid.resolution[0] > 1.5 * grid.resolution[1]


def refuses(source: Path, error: type[Exception], match: str, *, options: StackOptions | None = None) -> None:
    with pytest.raises(error, match=match) as caught:
        open_scene(source, options=options)
    assert "\n" not in str(caught.value)


def test_refuses_a_raster_without_crs(tmp_path: Path, shared: Path) -> None:
    path = write_raster(tmp_path / "s.tif", dark_water(SHAPE), crs=None)
    refuses(path, GridError, r"Unreadable CRS.*s\.tif.*gdal_edit\.py -a_srs")
    refuses(shared / "scenes/coast_crops/eurosat_l2a_513x64.tif", GridError, "Unreadable CRS")


def test_refuses_a_rotated_or_south_up_raster_by_name(tmp_path: Path) -> None:
    for name, transform in {"r": Affine.rotation(20) * Affine.scale(10, -10), "u": Affine.scale(10, 10)}.items():
        path = write_raster(tmp_path / f"{name}.tif", dark_water(SHAPE))
        with rasterio.open(path, "r+") as dataset:
            dataset.transform = transform
        refuses(path, GridError, rf"{name}\.tif cannot be used .*north-up")


def test_all_nodata_opens_and_leaves_the_answer_to_the_map(tmp_path: Path) -> None:
    scene = open_scene(write_raster(tmp_path / "s.tif", np.zeros(SHAPE, dtype=np.uint16)))
    assert "no pixels could be sampled" in scene.radiometry.doubts[0]


def test_refuses_bands_that_nobody_named(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "s.tif", dark_water((5, 40, 40)))
    refuses(path, SceneError, r"found 5 without names .*--bands")
    refuses(path, SceneError, "Expected 5 names", options=StackOptions(bands=("B02",)))
    twice = write_raster(tmp_path / "t.tif", dark_water((2, 40, 40)), descriptions=["B02", "blue"])
    refuses(twice, BandError, "each band once")


def test_refuses_values_of_unknown_meaning(tmp_path: Path) -> None:
    percent = (dark_water(SHAPE, offset=0) * 0.01).astype(np.float32)
    path = write_raster(tmp_path / "s.tif", percent)
    refuses(path, SceneError, "--scale 0.01 for percent")
    assert open_scene(path, options=StackOptions(scale=0.01)).radiometry.quantification == pytest.approx(100)
    picture = write_raster(tmp_path / "p.tif", np.full(SHAPE, 40, dtype=np.uint8))
    refuses(picture, SceneError, "8 bits")


def test_refuses_what_gdal_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear analyst")
    refuses(tmp_path / "letter.txt", SceneError, r"none of these in .*letter\.txt")
    (tmp_path / "s.tif").write_bytes(b"II*\x00 and then nothing")
    refuses(tmp_path / "s.tif", RasterReadError, r"s\.tif")


def test_refuses_two_scenes_in_a_folder(shared: Path, tmp_path: Path) -> None:
    refuses(shared / "scenes/bigearthnet", BandError, "one file for B01")
    write_raster(tmp_path / "B02.tif", dark_water((1, 40, 40)))
    write_raster(tmp_path / "B03.tif", dark_water((1, 41, 40)))
    refuses(tmp_path, SceneError, "same ground")


@pytest.mark.parametrize(
    ("options", "match"),
    [({"scale": 0.0}, "--scale"), ({"bands": ("B02", "B99")}, "B99"), ({"bands": ("B02", "blue")}, "once")],
)
def test_refuses_impossible_options(options: dict[str, object], match: str) -> None:
    with pytest.raises(OptionError, match=match):
        StackOptions(**options)  # type: ignore[arg-type]
