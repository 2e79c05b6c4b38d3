"""Pixels come out once, in the right place, whatever the strips: 10, 20 and 60 m, reflected edges, nodata, clouds."""

from __future__ import annotations

import time
import weakref
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.crs import CRS

from tiles.errors import BlockDecodeError, DecoderError, RasterReadError
from tiles.grid import Grid, Window
from tiles.masks import NODATA, OBSCURED, VALID
from tiles.pixels import chunk, reader
from tiles.pixels.chunk import Chunk, Masks
from tiles.pixels.cloud_buffer import NO_BUFFER, CloudBuffer
from tiles.pixels.reader import ReadPlan, read_strips
from tiles.scene import BandSource, NodataRule, Radiometry, Scene
from tiles.tiling import Tiling

UTM = CRS.from_epsg(32630)
SIZE_M = 1800
RESOLUTIONS = {"B01": 60, "B03": 10, "B8A": 20, "SCL": 20}


def make_grid(resolution_m: int, size_m: int = SIZE_M) -> Grid:
    edge = size_m // resolution_m
    return Grid(crs=UTM, transform=Affine(resolution_m, 0, 300000, 0, -resolution_m, 4500000), width=edge, height=edge)


def write_band(path: Path, dn: NDArray[np.uint16], grid: Grid, block: int = 16) -> None:
    profile = {"driver": "GTiff", "dtype": dn.dtype, "count": 1, "crs": grid.crs, "transform": grid.transform}
    tiled = {"tiled": True, "blockxsize": block, "blockysize": block}
    with rasterio.open(path, "w", width=grid.width, height=grid.height, **profile, **tiled) as dataset:
        dataset.write(dn, 1)


def make_scene(folder: Path, bands: dict[str, NDArray[np.uint16]], rule: NodataRule = "any") -> Scene:
    sources = {}
    for name, dn in bands.items():
        grid = make_grid(RESOLUTIONS[name], dn.shape[0] * RESOLUTIONS[name])
        write_band(folder / f"{name}.tif", dn, grid)
        sources[name] = BandSource(name=name, path=str(folder / f"{name}.tif"), index=1, grid=grid)
    scl = sources.pop("SCL", None)
    return Scene(
        id="s",
        source="s",
        kind="stack",
        level="L2A",
        bands=tuple(sources.values()),
        grid=min((s.grid for s in sources.values()), key=lambda g: g.resolution),
        radiometry=Radiometry(
            quantification=10000, offsets=dict.fromkeys(bands, -1000.0), source="test", nodata=0, nodata_rule=rule
        ),
        classification=scl,
    )


def read_whole(
    scene: Scene, tiling: Tiling, classes: Sequence[int] = (), buffer: CloudBuffer = NO_BUFFER
) -> tuple[NDArray, NDArray]:
    """Stitch the interiors of a tiling back together."""
    domain = tiling.domain
    reflectance = np.full((len(scene.bands), *domain.shape), np.nan, dtype=np.float32)
    state = np.full(domain.shape, 99, dtype=np.uint8)
    rows = list(tiling.rows())
    obscured = frozenset(classes)
    plan = ReadPlan(scene=scene, bands=scene.bands, obscured_classes=obscured, cloud_buffer=buffer, threads=2)
    for row, strip in zip(rows, read_strips(plan, [row.read for row in rows]), strict=True):
        for tile in row.tiles:
            pixels = strip.read(tile.read)
            inner = tile.interior.slices(within=tile.read)
            reflectance[(slice(None), *tile.interior.slices(within=domain))] = pixels.reflectance[(slice(None), *inner)]
            state[tile.interior.slices(within=domain)] = pixels.state[inner]
    return reflectance, state


@pytest.fixture(scope="module")
def random_scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    rng = np.random.default_rng(1)
    bands = {}
    for name, resolution in RESOLUTIONS.items():
        edge = SIZE_M // resolution
        high = 12 if name == "SCL" else 9000
        bands[name] = rng.integers(0 if name == "SCL" else 1, high, (edge, edge), dtype=np.uint16)
        if name == "SCL":  # clouds large enough to grow
            bands[name] = np.kron(bands[name][::4, ::4], np.ones((4, 4), dtype=np.uint16))[:edge, :edge]
        if name != "SCL":
            bands[name][rng.random((edge, edge)) < 0.02] = 0
    return make_scene(tmp_path_factory.mktemp("scene"), bands)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tile_size=st.integers(5, 200),
    halo=st.integers(0, 60),
    stride=st.sampled_from([1, 8]),
    domain=st.builds(Window, st.integers(0, 90), st.integers(0, 90), st.integers(1, 90), st.integers(1, 90)),
    radius_m=st.sampled_from([0, 35, 120, 400]),
)
def test_tiles_stitched_give_the_whole_to_the_last_bit(
    random_scene: Scene, tile_size: int, halo: int, stride: int, domain: Window, radius_m: float
) -> None:
    buffer = CloudBuffer.measure(random_scene.grid, radius_m)
    whole, whole_state = read_whole(
        random_scene, Tiling(domain=random_scene.grid.window, tile_size=180, halo=0), [3, 8, 9], buffer
    )
    part, state = read_whole(
        random_scene, Tiling(domain=domain, tile_size=tile_size, halo=halo, stride=stride), [3, 8, 9], buffer
    )
    rows, cols = domain.slices()
    is_empty = (state == NODATA) & (part == 0).all(axis=0)  # a tile without a valid pixel is not interpolated
    np.testing.assert_array_equal(part[:, ~is_empty], whole[:, rows, cols][:, ~is_empty])
    np.testing.assert_array_equal(state, whole_state[rows, cols])


def test_each_block_is_decoded_once(random_scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: Counter[tuple[str, int]] = Counter()
    decode = reader.FileStream._decode

    def count(self: reader.FileStream, window: Window) -> list[Chunk]:
        decoded.update((self.sources[0].name, row) for row in range(window.row_off, window.row_stop))
        return decode(self, window)

    monkeypatch.setattr(reader.FileStream, "_decode", count)
    monkeypatch.setattr(reader, "LEAST_ROWS_A_READ", 16)
    read_whole(random_scene, Tiling(domain=random_scene.grid.window, tile_size=20, halo=50, stride=8), [3])
    assert set(decoded.values()) == {1}
    assert len(decoded) == sum(SIZE_M // resolution for resolution in RESOLUTIONS.values())


@pytest.mark.parametrize(("whole_bytes", "piece", "most_above"), [(2**25, 16, 15), (0, 64, 31)])
def test_of_decoded_blocks_no_more_is_kept_than_rows_to_come_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole_bytes: int, piece: int, most_above: int
) -> None:
    """Blocks of 64 rows: forgotten in pieces of 16, with memory of their own; large ones whole, but for their end."""
    monkeypatch.setattr(reader, "LEAST_ROWS_A_READ", 16)
    monkeypatch.setattr(chunk, "_WHOLE_BYTES", whole_bytes)
    grid = make_grid(10)
    dn = np.arange(180 * 180, dtype=np.uint16).reshape(180, 180)
    write_band(tmp_path / "B03.tif", dn, grid, block=64)
    source = BandSource(name="B03", path=str(tmp_path / "B03.tif"), index=1, grid=grid)
    windows = [Window(0, row - 8, 180, 32 + 16) for row in range(0, 180, 32)]
    stream = reader.FileStream([source], grid=grid, windows=windows)
    for position, window in enumerate(windows):
        chunks = stream.read_rows(position)
        first = max(0, window.row_off)
        assert first - most_above <= chunks[0].row_start <= first
        assert np.array_equal(
            np.concatenate([each.dn[0] for each in chunks]), dn[chunks[0].row_start : chunks[-1].row_stop]
        )
        assert all(each.dn.shape[1] <= piece and each.dn.base is None for each in chunks)
    stream.close()


def test_a_strip_is_decoded_while_the_one_before_is_in_use_or_when_it_is_asked_for(
    random_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And in turns no row of one that was let go of takes memory any more while the next is decoded."""
    begun: list[tuple[int, bool]] = []
    pieces: list[weakref.ref[NDArray]] = []
    decode = reader.FileStream._decode

    def watch(self: reader.FileStream, window: Window) -> list[Chunk]:
        begun.append((window.row_off, any(piece() is not None for piece in pieces)))
        return decode(self, window)

    monkeypatch.setattr(reader.FileStream, "_decode", watch)
    monkeypatch.setattr(reader, "LEAST_ROWS_A_READ", 16)
    plan = ReadPlan(scene=random_scene, bands=random_scene.require_bands(("B03",)), threads=2)
    windows = [Window(0, 0, 180, 40), Window(0, 120, 180, 40)]
    for is_ahead in (True, False):
        begun.clear()
        pieces.clear()
        strips = read_strips(plan, windows, is_ahead=is_ahead)
        strip = next(strips)
        pieces += [weakref.ref(piece.base) for band in strip.bands for piece in band.pieces]  # of all that was decoded
        end = time.monotonic() + (10 if is_ahead else 0.3)  # of the other, nothing is expected to come
        while time.monotonic() < end and max(row for row, _ in begun) < 40:
            time.sleep(0.01)
        assert (max(row for row, _ in begun) >= 40) == is_ahead
        del strip
        next(strips)
        assert any(is_there for row, is_there in begun if row >= 48) == is_ahead
        strips.close()


def test_masks_are_read_while_the_blocks_of_their_part_are_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before all of a row, nor after: GDAL would decode blocks again that its cache no longer holds."""
    grid, read = make_grid(10), list[tuple[str, int, int]]()
    write_band(tmp_path / "B03.tif", np.ones((180, 180), np.uint16), grid, block=64)
    source = BandSource(name="B03", path=str(tmp_path / "B03.tif"), index=1, grid=grid, masks=(0,))
    monkeypatch.setattr("tiles.pixels.decoder._BYTES_A_FILE", 1)  # a column of blocks at a time
    decode, decode_masks = reader.FileStream._decode_part, reader.FileStream._decode_masks

    def watch(self: reader.FileStream, window: Window, indexes: Sequence[int]) -> NDArray:
        read.append(("pixels", window.col_off, window.width))
        return decode(self, window, indexes)

    def watch_masks(self: reader.FileStream, window: Window) -> Masks:
        read.append(("masks", window.col_off, window.width))
        return decode_masks(self, window)

    monkeypatch.setattr(reader.FileStream, "_decode_part", watch)
    monkeypatch.setattr(reader.FileStream, "_decode_masks", watch_masks)
    window = Window(0, 0, 180, 20)
    stream = reader.FileStream([source], grid=grid, windows=[window])
    chunks = stream.read_rows(0)
    stream.close()
    columns = [(0, 64), (64, 64), (128, 52)]
    assert read[:6] == [(name, *part) for part in columns for name in ("pixels", "masks")]
    (mask,) = chunks[0].masks
    assert mask is not None
    assert mask.shape == chunks[0].dn.shape[1:]


def test_an_area_of_interest_decodes_only_its_rows(random_scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: Counter[str] = Counter()
    decode = reader.FileStream._decode

    def count(self: reader.FileStream, window: Window) -> list[Chunk]:
        decoded[self.sources[0].name] += window.height * window.width
        return decode(self, window)

    monkeypatch.setattr(reader.FileStream, "_decode", count)
    monkeypatch.setattr(reader, "LEAST_ROWS_A_READ", 16)
    read_whole(random_scene, Tiling(domain=Window(100, 100, 10, 10), tile_size=10, halo=4), [])
    assert decoded["B03"] <= 32 * 18


def test_coarse_bands_land_on_fine_pixel_centres(tmp_path: Path) -> None:
    """A plane over the ground, sampled at 20 and 60 m centres, comes back exactly at 10 m centres."""
    bands = {}
    for name, resolution in {"B01": 60, "B03": 10, "B8A": 20}.items():
        centres = (np.arange(SIZE_M // resolution) + 0.5) * resolution
        bands[name] = (1000 + 2 * centres[None, :] + 3 * centres[:, None]).astype(np.uint16)
    scene = make_scene(tmp_path, bands)
    found, _ = read_whole(scene, Tiling(domain=scene.grid.window, tile_size=64, halo=3))
    inner = slice(3, -3)  # beyond the outermost coarse centres there is nothing to interpolate between
    for channel in (0, 2):
        np.testing.assert_allclose(found[channel, inner, inner], found[1, inner, inner], atol=2e-4)


def test_beyond_the_edge_pixels_are_reflected(random_scene: Scene) -> None:
    plan = ReadPlan(scene=random_scene, bands=random_scene.bands)
    (strip,) = read_strips(plan, [Window(-200, -200, 600, 600)])
    padded = strip.read(Window(-200, -200, 600, 600)).reflectance
    whole = strip.read(random_scene.grid.window).reflectance
    np.testing.assert_array_equal(padded, np.pad(whole, ((0, 0), (200, 220), (200, 220)), mode="symmetric"))


@pytest.mark.parametrize(("rule", "expected"), [("any", NODATA), ("all", VALID)])
def test_a_marker_in_one_band_is_missing_or_dark_by_the_rule(tmp_path: Path, rule: NodataRule, expected: int) -> None:
    bands = {"B03": np.full((12, 12), 1500, np.uint16), "B8A": np.full((6, 6), 1200, np.uint16)}
    bands["B03"][4, 5] = 0
    bands["B03"][8:, 8:] = 0
    bands["B8A"][4:, 4:] = 0
    scene = make_scene(tmp_path, bands, rule)
    reflectance, state = read_whole(scene, Tiling(domain=scene.grid.window, tile_size=12, halo=0))
    assert state[4, 5] == expected
    assert (state[8:, 8:] == NODATA).all()
    assert state[0, 0] == VALID
    # Missing coarse pixels take no part in the interpolation of their neighbours.
    np.testing.assert_allclose(reflectance[1][state == VALID], 0.02, atol=1e-6)


def test_nan_is_missing_and_never_spreads(tmp_path: Path) -> None:
    bands = {"B03": np.full((12, 12), 1500, np.float32), "B8A": np.full((6, 6), 1200, np.float32)}
    bands["B8A"][2, 2] = np.nan
    scene = make_scene(tmp_path, bands)
    reflectance, state = read_whole(scene, Tiling(domain=scene.grid.window, tile_size=5, halo=2))
    assert np.isfinite(reflectance).all()
    assert (state == NODATA).sum() == 4
    np.testing.assert_allclose(reflectance[1][state == VALID], 0.02, atol=1e-6)


def test_clouds_are_obscured_but_nodata_wins(tmp_path: Path) -> None:
    bands = {"B03": np.full((12, 12), 1500, np.uint16), "SCL": np.full((6, 6), 6, np.uint16)}
    bands["SCL"][1, 1] = 9
    bands["SCL"][2, 2] = 10
    bands["B03"][2, 2] = 0
    scene = make_scene(tmp_path, bands)
    _, state = read_whole(scene, Tiling(domain=scene.grid.window, tile_size=7, halo=1), [8, 9])
    assert (state == OBSCURED).sum() == 3
    assert state[2, 2] == NODATA
    _, unmasked = read_whole(scene, Tiling(domain=scene.grid.window, tile_size=7, halo=1))
    assert OBSCURED not in unmasked


def test_a_truncated_file_is_one_clear_line(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    scene = make_scene(tmp_path, {"B03": rng.integers(1, 9999, (640, 640), dtype=np.uint16)})
    path = Path(scene.bands[0].path)
    path.write_bytes(path.read_bytes()[:400_000])
    with pytest.raises(RasterReadError, match=r"B03 at rows .* truncated or corrupt") as caught:
        read_whole(scene, Tiling(domain=scene.grid.window, tile_size=128, halo=8))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [BlockDecodeError("no codestream"), DecoderError("no GPU")])
def test_a_file_whose_decoder_fails_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    scene = make_scene(tmp_path, {"B03": np.full((20, 20), 1200, dtype=np.uint16)})
    opened: list[rasterio.DatasetReader] = []

    def fail(dataset: rasterio.DatasetReader, _name: str) -> NoReturn:
        opened.append(dataset)
        raise error

    monkeypatch.setattr(reader, "open_decoder", fail)
    with pytest.raises((RasterReadError, DecoderError)):
        list(read_strips(ReadPlan(scene=scene, bands=scene.bands), [scene.grid.window]))
    assert [dataset.closed for dataset in opened] == [True]
