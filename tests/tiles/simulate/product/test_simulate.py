"""The product writer, on a stand-in renderer with an analytic coast, and once on the simulated landscape."""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
import pyogrio
import pytest
import rasterio
from defusedxml.ElementTree import parse

from tiles.bands import BANDS, L2A_STACK
from tiles.errors import GridError, OptionError, ProductWriteError, SceneError
from tiles.grid import Window
from tiles.products.open import open_scene
from tiles.simulate.product.acquisition import Acquisition, Satellite, resolve_acquisition
from tiles.simulate.product.simulate import (
    ProductOptions,
    SceneSource,
    SimulatedProduct,
    simulate_scene,
    write_simulated_product,
)

_SIZE = 240
_RADIUS = 70.0


@dataclass(frozen=True)
class _Strip:
    reflectance: dict[str, np.ndarray]
    water_fraction: np.ndarray
    classification: np.ndarray


def _distance(window: Window, step: int) -> np.ndarray:
    x = window.col_off + (np.arange(window.width // step) + 0.5) * step - 120
    y = window.row_off + (np.arange(window.height // step) + 0.5) * step - 120
    return np.asarray(np.hypot(x[None, :], y[:, None]))


def _reflectance(band: int, distance: np.ndarray) -> np.ndarray:
    return np.where(distance < _RADIUS, -0.014 + 0.001 * band, 0.05 + 0.02 * band).astype(np.float32)


def _render(window: Window) -> _Strip:
    """A round lake whose darkest bands are below zero, in a plain, with a cloud in the tile's corner."""
    steps = {name: BANDS[name].resolution_m // 10 for name in L2A_STACK}
    classes = np.where(_distance(window, 2) < _RADIUS, 6, 5).astype(np.uint8)
    if window.row_off == 0:
        classes[:6, :6] = 9
    return _Strip(
        reflectance={n: _reflectance(i, _distance(window, steps[n])) for i, n in enumerate(L2A_STACK)},
        water_fraction=np.clip(_RADIUS + 0.5 - _distance(window, 1), 0, 1).astype(np.float32),
        classification=classes,
    )


def _shoreline(_window: Window) -> Sequence[np.ndarray]:
    turn = np.linspace(0, 2 * np.pi, 200)
    line = 120 + _RADIUS * np.column_stack([np.cos(turn), np.sin(turn)])
    line[-1] = line[0]
    return [line]


_SOURCE = SceneSource(render=_render, compute_shoreline=_shoreline)


def _write(
    out: Path, *, baseline: str = "05.11", crs: str = "EPSG:32630", **options: object
) -> tuple[SimulatedProduct, Acquisition]:
    chosen = ProductOptions(**{"strip_rows": 60, "swath": "full"} | options)  # type: ignore[arg-type]
    acquisition = resolve_acquisition(seed=4, size=_SIZE, baseline=baseline, crs=crs, satellite=chosen.satellite)
    return write_simulated_product(out, source=_SOURCE, acquisition=acquisition, options=chosen), acquisition


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> SimulatedProduct:
    return _write(tmp_path_factory.mktemp("new"))[0]


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> SimulatedProduct:
    return _write(tmp_path_factory.mktemp("old"), baseline="02.14", crs="EPSG:32760")[0]


def _image(product: SimulatedProduct, name: str) -> Path:
    (file,) = product.path.rglob(f"*_{name}.jp2")
    return file


def test_gdal_reads_the_product_by_its_own_driver(new: SimulatedProduct) -> None:
    with rasterio.open(new.path / "MTD_MSIL2A.xml") as src:
        assert src.driver == "SENTINEL2"
        assert src.tags()["PROCESSING_BASELINE"] == "05.11"
        names = src.subdatasets
    assert [name.split(":")[-2] for name in names] == ["10m", "20m", "60m", "TCI"]
    for name, resolution in zip(names[:3], (10, 20, 60), strict=True):
        with rasterio.open(name) as src, rasterio.open(_image(new, f"SCL_{max(resolution, 20)}m")) as image:
            assert src.crs.to_epsg() == 32630
            assert src.transform.a == resolution
            assert (src.transform.c, src.transform.f) == (image.transform.c, image.transform.f)
            assert src.shape == (_SIZE * 10 // resolution,) * 2
            assert src.read(1).any()


def test_every_band_file_is_as_in_real_products(new: SimulatedProduct) -> None:
    files = [*new.path.rglob("*_B*_?0m.jp2")]
    assert len(files) == 4 + 10 + 11
    for file in files:
        resolution = int(file.stem[-3:-1])
        edge = _SIZE * 10 // resolution
        with rasterio.open(file) as src:
            assert src.driver == "JP2OpenJPEG"
            assert src.dtypes == ("uint16",)
            assert src.shape == (edge, edge)
            assert src.crs.to_epsg() == 32630
            assert src.transform.a == -src.transform.e == resolution
            assert src.block_shapes == [(min({10: 1024, 20: 640, 60: 192}[resolution], edge),) * 2]
            assert src.tags(ns="IMAGE_STRUCTURE")["COMPRESSION_REVERSIBILITY"] == "LOSSLESS"
            assert src.tags(1, ns="IMAGE_STRUCTURE")["NBITS"] == "15"


@pytest.mark.parametrize(("fixture", "offset"), [("new", 1000), ("old", 0)])
def test_pixels_and_metadata_agree_on_the_offset(fixture: str, offset: int, request: pytest.FixtureRequest) -> None:
    product = request.getfixturevalue(fixture)
    scene = open_scene(product.path)
    assert set(scene.radiometry.offsets.values()) == {-offset}
    assert scene.radiometry.doubts == ()
    assert scene.baseline == ("05.11" if offset else "02.14")
    assert scene.band_names == L2A_STACK
    assert scene.classification is not None
    assert scene.notes == ()
    whole = Window(0, 0, _SIZE, _SIZE)
    for index, name in enumerate(L2A_STACK):
        resolution = BANDS[name].resolution_m
        with rasterio.open(_image(product, f"{name}_{resolution}m")) as src:
            dn = src.read(1).astype(int)
        wanted = np.rint(_reflectance(index, _distance(whole, resolution // 10)) * 10_000)
        assert (dn == np.maximum(wanted + offset, 1)).all(), name


def test_the_metadata_says_what_real_metadata_says(new: SimulatedProduct, old: SimulatedProduct, shared: Path) -> None:
    real_new, real_old = (
        shared / "safe" / "S2_T33TVM_20241014_N0511_flattened",
        next((shared / "safe").glob("*T01KCV*")),
    )
    for ours, real in ((new, real_new), (old, real_old)):
        for name in ("MTD_MSIL2A.xml", "MTD_TL.xml"):
            (our_file,), (real_file,) = ours.path.rglob(name), real.rglob(name)
            our_root, real_root = parse(our_file).getroot(), parse(real_file).getroot()
            assert our_root is not None
            assert real_root is not None
            missing = _list_paths(real_root) - _list_paths(our_root)
            assert missing <= {"Auxiliary_Data_Info/GRI_List/GRI_FILENAME@"}, (name, missing)
            extra = _list_paths(our_root) - _list_paths(real_root)
            assert extra <= {"Level-2A_Tile_ID@"}, (name, extra)
            assert our_root.tag == real_root.tag


def _list_paths(root: Element) -> set[str]:
    """Every element's path with its attributes' names, namespaces left out."""
    found = set()

    def walk(element: Element, path: str) -> None:
        attributes = ",".join(sorted(name.split("}")[-1] for name in element.attrib))
        if element.tag.split("}")[-1] == "MASK_FILENAME":
            attributes = "type"  # masks of one band have a bandId too; none is written
        found.add(f"{path}@{attributes}")
        for child in element:
            walk(child, f"{path}/{child.tag.split('}')[-1]}".lstrip("/"))

    for child in root:
        walk(child, child.tag.split("}")[-1])
    return found


def test_the_granule_lists_the_files_that_there_are(new: SimulatedProduct) -> None:
    root = parse(new.path / "MTD_MSIL2A.xml").getroot()
    assert root is not None
    listed = {f"{element.text}.jp2" for element in root.iter("IMAGE_FILE")}
    written = {file.relative_to(new.path).as_posix() for file in new.path.rglob("IMG_DATA/**/*.jp2")}
    assert listed == written
    tile = parse(next(new.path.rglob("MTD_TL.xml"))).getroot()
    assert tile is not None
    for element in tile.iter("MASK_FILENAME"):
        assert (new.path / (element.text or "")).is_file()


def test_the_manifest_covers_every_file(new: SimulatedProduct) -> None:
    root = parse(new.path / "manifest.safe").getroot()
    assert root is not None
    objects = {stream.find("fileLocation").get("href"): stream for stream in root.iter("byteStream")}  # type: ignore[union-attr]
    files = {f"./{file.relative_to(new.path).as_posix()}": file for file in new.path.rglob("*") if file.is_file()}
    del files["./manifest.safe"]
    assert set(objects) == set(files)
    for name, stream in objects.items():
        assert stream.get("size") == str(files[name or ""].stat().st_size)
        assert stream.findtext("checksum") == hashlib.sha3_256(files[name or ""].read_bytes()).hexdigest()
    pointers = {pointer.get("dataObjectID") for pointer in root.iter("dataObjectPointer")}
    assert pointers == {entry.get("ID") for entry in root.iter("dataObject")}


def test_it_says_that_it_is_simulated(new: SimulatedProduct) -> None:
    record = json.loads((new.path / "simulation.json").read_text())
    assert record["simulated"] is True
    assert record["seed"] == 4
    for file in new.path.rglob("*.xml"):
        assert "simulated scene" in file.read_text()[:300]
        assert "seed 4" in file.read_text()[:300]


def test_the_truth_lies_on_the_green_band(new: SimulatedProduct) -> None:
    with rasterio.open(new.truth / "water_fraction.tif") as truth, rasterio.open(_image(new, "B03_10m")) as band:
        assert (truth.crs, truth.transform, truth.shape) == (band.crs, band.transform, band.shape)
        assert (truth.nodata, truth.scales) == (255, (0.004,))
        fraction, transform = truth.read(1), truth.transform
    assert fraction.max() == 250
    area_px = fraction.sum() / 250
    assert area_px == pytest.approx(np.pi * _RADIUS**2, rel=2e-3)
    (line,) = pyogrio.read_dataframe(new.truth / "shoreline.gpkg", layer="shoreline").geometry
    centre = transform * (120, 120)
    assert max(np.hypot(x - centre[0], y - centre[1]) for x, y in line.coords) == pytest.approx(700, abs=1e-6)


def test_classes_are_counted_and_masked(new: SimulatedProduct) -> None:
    with rasterio.open(_image(new, "SCL_20m")) as src:
        classes = src.read(1)
    assert set(np.unique(classes)) == {5, 6, 9}
    root = parse(new.path / "MTD_MSIL2A.xml").getroot()
    assert root is not None
    assert float(root.findtext(".//Cloud_Coverage_Assessment") or 0) == pytest.approx(100 * 36 / classes.size, abs=1e-5)
    assert float(root.findtext(".//WATER_PERCENTAGE") or 0) == pytest.approx(100 * (classes == 6).mean(), abs=1e-5)
    with rasterio.open(next(new.path.rglob("MSK_CLDPRB_20m.jp2"))) as src:
        assert ((src.read(1) > 50) == (classes == 9)).all()
    with rasterio.open(next(new.path.rglob("MSK_CLASSI_B00.jp2"))) as src:
        assert src.count == 3
        assert src.read(1).sum() == 4


def test_before_04_00_there_is_neither_offset_nor_class_mask(old: SimulatedProduct) -> None:
    assert "BOA_ADD_OFFSET" not in (old.path / "MTD_MSIL2A.xml").read_text()
    assert not [*old.path.rglob("MSK_CLASSI*")]
    assert not [*old.path.rglob("*_B01_20m.jp2")]


def test_beyond_the_swath_every_file_is_nodata(tmp_path: Path) -> None:
    product, _ = _write(tmp_path, swath="edge")
    with rasterio.open(_image(product, "B03_10m")) as src:
        valid = src.read(1) > 0
    assert 0.25 < valid.mean() < 0.9
    with rasterio.open(product.truth / "water_fraction.tif") as src:
        known = src.read(1) != 255
    assert not (known & ~valid).any()
    assert (known != valid).mean() < 0.03  # a band sees a little further than all bands together do
    for name in ("SCL_20m", "TCI_10m", "AOT_20m"):
        with rasterio.open(_image(product, name)) as src:
            image = src.read()
        assert (image == 0).all(axis=0).mean() == pytest.approx(1 - valid.mean(), abs=0.03)
    lines = pyogrio.read_dataframe(product.truth / "shoreline.gpkg").geometry
    with rasterio.open(_image(product, "B03_10m")) as src:
        middles = [line.interpolate(0.5, normalized=True).coords[0] for line in lines]
        assert all(value > 0 for (value,) in src.sample(middles))


@pytest.mark.parametrize(
    ("baseline", "satellite", "doubts"), [("05.12", "S2C", 0), ("05.12", "S2D", 0), ("05.13", "S2A", 1)]
)
def test_new_satellites_are_read_and_a_baseline_that_nobody_knows_is_told_once(
    baseline: str, satellite: Satellite, doubts: int, tmp_path: Path
) -> None:
    product, acquisition = _write(tmp_path, baseline=baseline, satellite=satellite, complete=False)
    scene = open_scene(product.path)
    assert (scene.baseline, scene.platform) == (baseline, f"sentinel-{satellite[1:].lower()}")
    assert set(scene.radiometry.offsets.values()) == {-1000.0}
    assert sum(f"baseline {baseline} is newer than any" in note for note in scene.notes) == doubts
    manifest = (product.path / "manifest.safe").read_text()
    assert f"<safe:nssdcIdentifier>{acquisition.nssdc_id}</safe:nssdcIdentifier>" in manifest


def test_the_short_product_holds_each_band_once(tmp_path: Path) -> None:
    product, _ = _write(tmp_path, complete=False)
    assert len([*product.path.rglob("IMG_DATA/**/*.jp2")]) == 13
    assert open_scene(product.path).band_names == L2A_STACK


def test_strips_of_any_height_give_the_same_pixels(new: SimulatedProduct, tmp_path: Path) -> None:
    again, _ = _write(tmp_path, strip_rows=96)
    for name in ("B04_10m", "B12_20m", "B09_60m", "B03_60m", "SCL_60m", "TCI_20m", "AOT_10m"):
        assert _image(again, name).read_bytes() == _image(new, name).read_bytes(), name


def test_a_product_is_not_written_over_unless_asked(tmp_path: Path) -> None:
    product, _ = _write(tmp_path, complete=False)
    before = (product.path / "simulation.json").stat().st_mtime_ns
    with pytest.raises(SceneError, match="exists already"):
        _write(tmp_path, complete=False)
    assert (product.path / "simulation.json").stat().st_mtime_ns == before
    _write(tmp_path, complete=False, overwrite=True)
    assert (product.path / "simulation.json").stat().st_mtime_ns > before


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(window: Window) -> _Strip:
        if window.row_off:
            raise KeyboardInterrupt
        return _render(window)

    acquisition = resolve_acquisition(seed=4, size=_SIZE, baseline="05.11", crs="EPSG:32630")
    source = SceneSource(render=fail, compute_shoreline=_shoreline)
    with pytest.raises(KeyboardInterrupt):
        write_simulated_product(
            tmp_path / "out", source=source, acquisition=acquisition, options=ProductOptions(strip_rows=60)
        )
    assert [*(tmp_path / "out").iterdir()] == []


def test_a_disk_without_room_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: shutil._ntuple_diskusage(10**6, 10**6 - 1, 1))
    with pytest.raises(ProductWriteError, match=r"about 2 MB are needed for a while, the disk has 0 MB"):
        _write(tmp_path)
    assert [*tmp_path.iterdir()] == []


def test_a_folder_that_cannot_be_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ProductWriteError, match="Choose a folder that you may write to") as caught:
        _write(tmp_path / "file" / "out")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("limit", [4_000, 25_000, 60_000, 100_000])
def test_a_disk_that_fills_up_is_one_clear_line_and_leaves_nothing(tmp_path: Path, limit: int) -> None:
    allowed = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, allowed[1]))
    try:
        with pytest.raises(ProductWriteError, match="Could not write the product") as caught:
            _write(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, allowed)
        signal.signal(signal.SIGXFSZ, handler)
    assert "\n" not in str(caught.value)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("size", [60, 126])
def test_a_landscape_makes_the_same_product_twice(size: int, tmp_path: Path) -> None:
    options, told = ProductOptions(cloud_cover=0.3), list[tuple[str, float]]()
    first = simulate_scene(tmp_path / "first", seed=5, size=size, crs="EPSG:32755", options=options)
    second = simulate_scene(
        tmp_path / "second", seed=5, size=size, crs="EPSG:32755", options=options,
        progress=lambda stage, share: told.append((stage, share)),
    )  # fmt: skip
    assert told == sorted(told, key=lambda step: (step[0] == "encoding", step[1])), "it only goes on"
    assert ("rendering", 1.0) in told
    images = [file.relative_to(first.path) for file in first.path.rglob("*.jp2")]
    assert len(images) > 36
    for image in images:
        assert (first.path / image).read_bytes() == (second.path / image).read_bytes(), image
    assert (first.truth / "water_fraction.tif").read_bytes() == (second.truth / "water_fraction.tif").read_bytes()
    scene = open_scene(first.path)
    assert scene.simulated
    assert scene.grid.crs.to_epsg() == 32755
    assert scene.radiometry.doubts == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 50}, "from 60 to 10980"),
        ({"crs": "EPSG:4326"}, "Expected a UTM zone"),
        ({"baseline": "7"}, "processing baseline"),
        ({"options": {"kind": "moon"}}, "no kind of landscape"),
        ({"options": {"cloud_cover": 3.0}}, "cloud cover from 0 to 1"),
        ({"options": {"swath": "half"}}, "swath: .*found 'half'"),
        ({"options": {"strip_rows": 100}}, "multiple of 6 rows"),
    ],
)
def test_bad_wishes_are_refused_in_one_line(options: dict[str, object], message: str, tmp_path: Path) -> None:
    def attempt() -> None:
        chosen = ProductOptions(**options.get("options", {}))  # type: ignore[arg-type]
        wishes = {"size": 60} | options | {"options": chosen}
        simulate_scene(tmp_path / "out", seed=0, **wishes)  # type: ignore[arg-type]

    with pytest.raises((SceneError, GridError, OptionError), match=message) as caught:
        attempt()
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()
