"""What odc-stac, stackstac and rioxarray load of the same pixels gives one answer: that of ``map_scene``."""

from __future__ import annotations

import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox

import strandline
from pipeline.cubes.segment import segment
from tests.conftest import skip_without
from tests.pipeline.cubes.cube_sources import simulate_item
from tests.pipeline.tiny_models import write_model
from tests.tiles.products.small_products import dark_water, write_raster
from tiles.bands import L2A_STACK

ASSETS = [*L2A_STACK, "SCL"]
STEP = 0.004


@pytest.fixture(scope="module")
def item(tmp_path_factory: pytest.TempPathFactory) -> pystac.Item:
    return simulate_item(tmp_path_factory.mktemp("product"), seed=3)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_model(tmp_path_factory.mktemp("model") / "tiny.safetensors"))


@pytest.fixture(scope="module")
def mapped(item: pystac.Item, model: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    options = strandline.MapOptions(model=model, device="cpu", precision="fp32")
    return strandline.map_scene(item.get_self_href(), tmp_path_factory.mktemp("maps"), options=options).folder


def load_odc(item: pystac.Item, **more: object) -> xr.Dataset:
    import odc.stac

    with rasterio.open(item.assets["B02"].href) as dataset:
        box = GeoBox.from_rio(dataset)
    return odc.stac.load([item], bands=ASSETS, geobox=box, **more)


def load_stackstac(item: pystac.Item, *, assets: list[str] = ASSETS, **more: object) -> xr.DataArray:
    if tuple(map(int, version("stackstac").split("."))) < (0, 5, 1):
        skip_without("stackstac 0.5.1 (older ones do not work with NumPy 2)")
    import stackstac

    with rasterio.open(item.assets[assets[0]].href) as dataset:
        place = {"epsg": dataset.crs.to_epsg(), "resolution": dataset.res[0], "bounds": tuple(dataset.bounds)}
    return stackstac.stack([item], assets=assets, **place, **more)


def assert_is_mapped(result: xr.Dataset, mapped: Path) -> None:
    with rasterio.open(mapped / "water.tif") as dataset:
        expected, crs, transform = dataset.read(1), dataset.crs, dataset.transform
    result = result.squeeze("time") if "time" in result.dims else result
    np.testing.assert_array_equal(result.water.values, expected)
    assert {0, 1, 2} <= {*np.unique(expected)}
    with rasterio.open(mapped / "probability.tif") as dataset:
        steps = dataset.read(1, masked=True)
    probability = result.probability.values
    np.testing.assert_array_equal(np.isnan(probability), steps.mask)
    middle = steps.data * STEP + STEP / 2
    assert np.abs(middle - probability)[~steps.mask].max() <= STEP / 2 + 1e-5
    import rioxarray  # noqa: F401 (registers the accessor)

    assert result.rio.crs == crs
    assert result.water.rio.nodata == 255
    numbers = map(float, result.spatial_ref.attrs["GeoTransform"].split())
    assert tuple(numbers) == pytest.approx(transform.to_gdal())


@pytest.mark.parametrize("chunks", [None, {"x": 100, "y": 77}])
def test_odc_stac(item: pystac.Item, model: str, mapped: Path, chunks: dict[str, int] | None) -> None:
    cube = load_odc(item, chunks=chunks)
    result = segment(cube, model=model, items=[item])
    assert (result.water.chunks is not None) == (chunks is not None)
    assert_is_mapped(result, mapped)
    assert result.attrs["strandline_offset_dn"] == [-1000]
    assert result.odc.crs == cube.odc.crs
    assert result.odc.geobox == cube.odc.geobox


@pytest.mark.parametrize("xy_coords", ["center", "topleft"])
def test_stackstac(item: pystac.Item, model: str, mapped: Path, xy_coords: str) -> None:
    cube = load_stackstac(item, rescale=False, chunksize=90, xy_coords=xy_coords)
    result = segment(cube, model=model)  # the baseline is among its coordinates
    assert_is_mapped(result, mapped)
    assert result.attrs["strandline_offset_source"].startswith("processing baseline 05.11")
    assert result["id"].values.tolist() == [item.id]
    xr.align(cube, result, join="exact")


def test_stackstac_that_has_rescaled(item: pystac.Item, model: str, mapped: Path) -> None:
    told = item.clone()
    for name in L2A_STACK:
        told.assets[name].extra_fields["raster:bands"][0] |= {"scale": np.float64(1e-4), "offset": np.float64(-0.1)}
    told.assets["SCL"].extra_fields["raster:bands"][0] |= {"scale": np.float64(1), "offset": np.float64(0)}
    cube = load_stackstac(told, chunksize=90)
    assert float(cube.max()) < 12  # SCL has no scale
    result = segment(cube, model=model)
    assert_is_mapped(result, mapped)
    assert result.attrs["strandline_scale"] == 1
    assert result.attrs["strandline_offset_dn"] == [0]


@pytest.mark.parametrize("chunks", [None, {"x": 100, "y": 77}])
@pytest.mark.parametrize("masked", [False, True])
def test_rioxarray(item: pystac.Item, model: str, mapped: Path, chunks: dict[str, int] | None, *, masked: bool) -> None:
    import rioxarray

    folder = Path(item.assets["B02"].href).parent
    stack = rioxarray.open_rasterio(folder / "stack.tif", chunks=chunks, masked=masked)
    assert isinstance(stack, xr.DataArray)
    scl = rioxarray.open_rasterio(folder / "SCL.tif", chunks=chunks)
    assert isinstance(scl, xr.DataArray)
    cube = stack.assign_coords(band=list(stack.attrs["long_name"])).to_dataset("band")
    result = segment(cube.assign(SCL=scl.squeeze("band", drop=True)), model=model, offset=-1000)
    assert "time" not in result.dims
    assert_is_mapped(result, mapped)
    bare = segment(stack, model=model, items=[item])  # bands by their descriptions; clouds are not known
    assert (bare.water.values != 2).all()
    clear = result.water.values != 2
    np.testing.assert_array_equal(np.isnan(bare.probability.values[clear]), np.isnan(result.probability.values[clear]))


def test_a_real_desert_has_no_water(shared: Path) -> None:
    import odc.stac

    folder = shared / "stac/29RKH"
    item = pystac.Item.from_file(str(folder / "S2A_29RKH_20200219_0_L2A.json"))
    for key, asset in list(item.assets.items()):
        asset.href = str(folder / Path(asset.href).name)
        asset.extra_fields = {
            word: asset.extra_fields[word] for word in ("raster:bands",) if word in asset.extra_fields
        }
        if not Path(asset.href).is_file() or not asset.href.endswith(".tif"):
            del item.assets[key]
    with rasterio.open(folder / "B02.tif") as dataset:
        box = GeoBox.from_rio(dataset)[300:620, 500:900]
    ways = {"SCL": "nearest", "scl": "nearest", "*": "bilinear"}
    cube = odc.stac.load([item], bands=list(item.assets), geobox=box, chunks={"x": 256, "y": 256}, resampling=ways)
    result = segment(cube, items=[item]).compute()
    assert result.attrs["strandline_offset_source"] == "processing baseline 02.14 of the item"
    assert set(np.unique(result.water)) <= {0, 2}
    assert (result.water == 0).mean() > 0.5


@pytest.mark.parametrize(
    "choices",
    [{}, {"masked": True}, {"mask_and_scale": True}, {"band_as_variable": True}, {"chunks": {"x": 30}}],
    ids=str,
)
def test_each_band_has_the_scale_that_rioxarray_leaves(tmp_path: Path, model: str, choices: dict[str, Any]) -> None:
    import rioxarray

    reflectance = dark_water((12, 60, 60), offset=0) / 10_000
    plain = write_raster(
        tmp_path / "plain.tif",
        np.round(reflectance * 10_000 + 1000).astype(np.uint16),
        descriptions=L2A_STACK,
        nodata=0,
    )
    scales = np.repeat([1e-4, 5e-5], [7, 5])
    dn = np.round((reflectance + 0.1) / scales[:, None, None]).astype(np.uint16)
    path = write_raster(tmp_path / "scales.tif", dn, descriptions=L2A_STACK, nodata=0)
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets = list(scales), [-0.1] * 12
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rioxarray's, that scales differ
        expected = segment(rioxarray.open_rasterio(plain), model=model, offset=-1000)
        result = segment(rioxarray.open_rasterio(path, **choices), model=model)
    np.testing.assert_allclose(result.probability.squeeze(), expected.probability.squeeze(), atol=1e-3)
