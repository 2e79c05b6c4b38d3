"""A cube's answer does not depend on how it is cut, turned, stored or computed."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import odc.geo.xr  # noqa: F401 (registers the accessor)
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import strandline
from models.errors import ModelFileError, ModelInputError
from models.networks.unet import UNetConfig
from pipeline.cubes import chunks as cube_tiles
from pipeline.cubes.chunks import merge_chunks, plan_spans
from pipeline.cubes.segment import CubeOptions, segment
from pipeline.errors import OptionError
from tests.pipeline.cubes.cube_sources import NAMES, make_cube, make_pixels
from tests.pipeline.tiny_models import build_card, write_model
from tiles.errors import BandError
from tiles.grid import Window
from tiles.tiling import Tiling

SMALL_TILES = CubeOptions(tile_size=32)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Stride 4 and a reach of some twenty pixels, over two levels."""
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    return str(write_model(path, UNetConfig(depth=2, width=4, any_channels=True)))


@pytest.fixture
def small_chunks() -> Iterator[None]:
    """Chunks are taken as small as they come."""
    with patch.object(cube_tiles, "LEAST_CHUNK", 1):
        yield


def clouds(shape: tuple[int, ...], *, seed: int = 3) -> np.ndarray[Any, np.dtype[np.uint8]]:
    scl = np.where(np.random.default_rng(seed).uniform(size=shape) < 0.2, 9, 6)
    return scl.astype(np.uint8)


def assert_alike(result: xr.Dataset, expected: xr.Dataset, *, atol: float = 1e-5) -> None:
    np.testing.assert_allclose(result.probability.values, expected.probability.values, rtol=0, atol=atol)
    clear = np.abs(expected.probability.values - 0.5) > atol
    known = np.isnan(expected.probability.values)
    same = result.water.values == expected.water.values
    assert same[clear | known].all()


def cuts(length: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Any way to cut a length."""
    places = st.sets(st.integers(1, length - 1), max_size=5) if length > 1 else st.just(set())
    return places.map(lambda found: tuple(np.diff([0, *sorted(found), length]).tolist()))


@st.composite
def chunked(draw: st.DrawFn) -> tuple[tuple[int, int, int], dict[str, tuple[int, ...]]]:
    steps, height, width = draw(st.integers(1, 3)), draw(st.integers(1, 90)), draw(st.integers(1, 90))
    sizes = {"time": steps, "band": len(NAMES) + 1, "y": height, "x": width}
    return (steps, height, width), {dim: draw(cuts(length)) for dim, length in sizes.items()}


@settings(max_examples=12)
@given(case=chunked(), as_variables=st.booleans())
def test_any_chunking_gives_the_answer_of_the_loaded_cube(
    model: str, case: tuple[tuple[int, int, int], dict[str, tuple[int, ...]]], as_variables: bool
) -> None:
    (steps, height, width), chunks = case
    cube = make_cube(make_pixels((height, width), steps=steps), scl=clouds((steps, height, width)))
    expected = segment(cube, model=model, offset=-1000)
    assert isinstance(expected.water.data, np.ndarray)
    stack: xr.Dataset | xr.DataArray = cube.to_dataarray("band").transpose("time", "band", "y", "x")
    if as_variables:
        stack = cube
        del chunks["band"]
    with patch.object(cube_tiles, "LEAST_CHUNK", 1):
        lazy = segment(stack.chunk(chunks), model=model, offset=-1000, options=SMALL_TILES)
        assert lazy.water.chunks is not None
        assert lazy.water.chunks[1:] == (chunks["y"], chunks["x"])
        assert_alike(lazy.compute(), expected)


@given(total=st.integers(1, 400), halo=st.integers(0, 120), power=st.integers(0, 5), data=st.data())
def test_a_span_holds_all_that_its_tiles_read(total: int, halo: int, power: int, data: st.DataObject) -> None:
    stride = 2**power
    lengths = data.draw(cuts(total))
    for span in plan_spans(lengths, halo=halo, stride=stride):
        tiling = Tiling(domain=Window(span.start, 0, span.length, 1), tile_size=48, halo=halo, stride=stride)
        for tile in next(tiling.rows()).tiles:
            index = np.arange(tile.read.col_off, tile.read.col_stop) % (2 * total)
            index = np.minimum(index, 2 * total - 1 - index)
            assert span.read_start <= index.min()
            assert index.max() < span.read_stop


@given(chunks=st.lists(st.integers(1, 700), min_size=1, max_size=12))
def test_chunks_are_joined_until_they_are_worth_their_halo(chunks: list[int]) -> None:
    merged = merge_chunks(chunks)
    assert sum(merged) == sum(chunks)
    assert all(length >= cube_tiles.LEAST_CHUNK for length in merged[:-1])
    assert {*np.cumsum(merged).tolist()} <= {*np.cumsum(chunks).tolist()}
    assert merge_chunks((512,) * 4) == (512,) * 4
    assert merge_chunks((100, 100, 100, 100, 50)) == (300, 150)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("turned", [("y",), ("x",), ("y", "x")])
def test_a_cube_that_is_turned_over_is_answered_turned_over(
    model: str, turned: tuple[str, ...], small_chunks: None, *, lazy: bool
) -> None:
    cube = make_cube(make_pixels((50, 61)), scl=clouds((1, 50, 61)))
    expected = segment(cube, model=model, offset=-1000)
    turn = {dim: slice(None, None, -1) for dim in turned}
    other = cube.isel(turn).chunk({"y": 17, "x": 20}) if lazy else cube.isel(turn)
    result = segment(other, model=model, offset=-1000)
    for dim in ("y", "x"):
        np.testing.assert_array_equal(result[dim], other[dim])
    assert_alike(result.isel(turn).compute(), expected)


def test_names_of_dimensions_and_bands_are_the_users_own(model: str) -> None:
    cube = make_cube(make_pixels((40, 44)))
    expected = segment(cube, model=model, offset=-1000)
    renamed = cube.rename(
        {"B02": "blue", "B03": "B3_10m", "B04": "red", "B08": "nir", "x": "longitude", "y": "latitude"}
    )
    renamed = renamed.assign(cloud_mask=("time", [0]), thumbnail=renamed.blue * 0).transpose("longitude", ...)
    result = segment(renamed, model=model, offset=-1000)
    assert result.water.dims == ("time", "latitude", "longitude")
    np.testing.assert_array_equal(result.probability, expected.probability)
    single = segment(cube.isel(time=0), model=model, offset=-1000)
    assert single.water.dims == ("y", "x")
    assert single.time == cube.time[0]
    np.testing.assert_array_equal(single.probability, expected.probability[0])


def test_the_answer_says_what_it_is(model: str, tmp_path: Path) -> None:
    cube = make_cube(make_pixels((40, 44), steps=2), scl=clouds((2, 40, 44))).chunk({"time": 1, "x": 20})
    result = segment(cube, model=model, offset=-1000, options=CubeOptions(threshold=0.4))
    assert result.water.dtype == np.uint8
    assert result.probability.dtype == np.float32
    assert result.water.attrs["flag_values"].tolist() == [0, 1, 2]
    assert result.water.attrs["flag_meanings"] == "land water obscured"
    assert result.attrs["strandline_model"] == "tiny"
    assert result.attrs["strandline_threshold"] == 0.4
    assert result.attrs["strandline_offset_source"] == "offset="
    assert "has no B01, B05" in result.attrs["strandline_notes"]
    loaded = result.compute()
    classes, probability = loaded.water.values, loaded.probability.values
    np.testing.assert_array_equal(np.isnan(probability), classes >= 2)
    np.testing.assert_array_equal(classes[classes < 2], probability[classes < 2] >= 0.4)
    missing = (cube.B02 == 0).values
    np.testing.assert_array_equal(classes == 255, missing)
    np.testing.assert_array_equal(classes == 2, (cube.SCL == 9).values & ~missing)
    result.to_zarr(tmp_path / "map.zarr", consolidated=False)
    again = xr.open_zarr(tmp_path / "map.zarr", consolidated=False, mask_and_scale=False, decode_coords="all")
    np.testing.assert_array_equal(again.water, classes)
    assert again.water.attrs["_FillValue"] == 255
    assert again.odc.crs.epsg == 32630
    masked = xr.open_zarr(tmp_path / "map.zarr", consolidated=False, decode_coords="all")
    np.testing.assert_array_equal(np.isnan(masked.water), classes == 255)


def test_clouds_are_seen_through_by_those_who_ask(model: str) -> None:
    cube = make_cube(make_pixels((40, 44)), scl=clouds((1, 40, 44)))
    result = segment(cube, model=model, offset=-1000, options=CubeOptions(cloud_classes=frozenset()))
    assert_alike(result, segment(cube.drop_vars("SCL"), model=model, offset=-1000), atol=0)


def test_a_task_is_small_and_the_graph_is_the_same_twice(model: str) -> None:
    cube = make_cube(make_pixels((600, 600))).chunk({"y": 300, "x": 300})
    first, second = (segment(cube, model=model, offset=-1000) for _ in range(2))
    assert first.water.data.name == second.water.data.name
    assert first.water.data.name != segment(cube, model=model, offset=-900).water.data.name
    alone = first.drop_vars("probability").isel(y=slice(0, 1), x=slice(0, 1))
    sizes = [
        len(pickle.dumps(task))
        for task in alone.__dask_optimize__(alone.__dask_graph__(), alone.__dask_keys__()).values()
        if "strandline" in str(task)
    ]
    assert sizes
    assert max(sizes) < 100_000


def test_processes_of_a_cluster_answer_alike(model: str) -> None:
    from distributed import Client, LocalCluster

    cube = make_cube(make_pixels((300, 310)), scl=clouds((1, 300, 310)))
    expected = segment(cube, model=model, offset=-1000)
    lazy = segment(cube.chunk({"y": 256, "x": 256}), model=model, offset=-1000)
    with (
        LocalCluster(n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None) as cluster,
        Client(cluster),
    ):
        assert_alike(lazy.compute(), expected)


def test_a_loaded_cube_does_without_dask(model: str) -> None:
    gone = {name: None for name in sys.modules if name.split(".")[0] in {"dask", "distributed"}}
    cube = make_cube(make_pixels((30, 30)))
    with patch.dict(sys.modules, gone | {"dask": None, "dask.array": None}):
        result = segment(cube, model=model, offset=-1000)
    assert result.water.isin([0, 1, 255]).all()


def test_a_worker_with_another_model_file_refuses(model: str, tmp_path: Path) -> None:
    path = write_model(tmp_path / "mine.safetensors")
    lazy = segment(make_cube(make_pixels((40, 44))).chunk(), model=str(path), offset=-1000)
    write_model(path, UNetConfig(depth=1, width=6, any_channels=True))
    with pytest.raises(ModelFileError, match="another file lies here under that name"):
        lazy.compute()


def test_a_model_that_sees_whole_tiles_is_refused(tmp_path: Path) -> None:
    path = write_model(tmp_path / "group.safetensors", UNetConfig(depth=1, width=8, norm="group", any_channels=True))
    with pytest.raises(ModelInputError, match="would depend on the cube's chunks"):
        segment(make_cube(make_pixels((40, 44))), model=str(path), offset=-1000)


def test_what_a_model_needs_must_be_there(model: str, tmp_path: Path) -> None:
    cube = make_cube(make_pixels((40, 44)))
    with pytest.raises(BandError, match=r"Band B08 or B8A is not in the cube \(found B02, B03, B04 at 10 m\)"):
        segment(cube.drop_vars("B08"), model=model, offset=-1000)
    needy = write_model(tmp_path / "needy.safetensors", card=build_card(required_inputs=()))
    with pytest.raises(BandError, match="Band B01, B05"):
        segment(cube, model=str(needy), offset=-1000)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"threshold": 1.0}, "threshold between 0 and 1"),
        ({"tile_size": 8}, "32 to 16384"),
        ({"cloud_classes": frozenset({12})}, r"found \[12\]"),
    ],
)
def test_choices_out_of_range_are_refused(choice: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        CubeOptions(**choice)


def test_the_package_gives_the_call() -> None:
    assert strandline.segment is segment
    assert strandline.CubeOptions is CubeOptions
