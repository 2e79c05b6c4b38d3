"""Whatever decides an answer makes another result: docs/reruns.md, option by option and input by input."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import typer.main

from models.networks.unet import UNetConfig
from pipeline.batch.record import resolve_record
from pipeline.change.compute_change import ChangeOptions, compute_change
from pipeline.checksums import (
    ANSWERS,
    Basis,
    compute_basis,
    compute_checksums,
    compute_listing_sha256,
    compute_source_sha256,
)
from pipeline.errors import StaleResultError
from pipeline.export.export_result import ExportOptions
from pipeline.mapping.options import MapOptions
from pipeline.mapping.plan_scene import plan_scene
from pipeline.mosaic.build_mosaic import MosaicOptions, build_mosaic
from pipeline.record.result import is_result_there
from pipeline.timeseries import compute_timeseries
from pipeline.timeseries.options import TimeseriesOptions
from tests.pipeline.mapped_folder import Ground, make_grid, write_mapped
from tests.pipeline.tiny_models import write_model
from tests.tiles.products.small_products import dark_water, write_product, write_raster
from tiles.products.open import open_scene
from tiles.products.stack import StackOptions
from workflows.cli import app
from workflows.runs.map import read_options, read_stack

PAGE = Path(__file__).parents[2] / "docs" / "reruns.md"
BANDS = ("B02", "B03", "B04", "B08")
ROW = re.compile(r"^\| `(\S+?)`(?:, `(\S+)`)? \| (yes|no) \|", re.MULTILINE)


def read_table(heading: str) -> dict[str, bool]:
    """By option: whether another value makes another result, as the page says."""
    section = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return {name: row[2] == "yes" for row in ROW.findall(section) for name in row[:2] if name}


def list_options(*commands: str) -> dict[str, str]:
    """Names of the parameters of commands by the words that a user writes."""
    group: Any = typer.main.get_command(app)
    words = {}
    for command in commands:
        for parameter in group.commands[command].params:
            is_option = parameter.param_type_name == "option"
            words[parameter.opts[0] if is_option else parameter.metavar] = parameter.name
    words.pop("--help", None)
    return words


@pytest.mark.parametrize("commands", [("map", "batch"), ("mosaic",), ("change",), ("timeseries",), ("export",)])
def test_every_option_of_a_command_has_a_line(commands: tuple[str, ...]) -> None:
    assert sorted(read_table(", ".join(commands))) == sorted(list_options(*commands))


@pytest.fixture(autouse=True)
def bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that multiplies it, as not all do."""
    monkeypatch.setattr("models.runtimes.torch_predictor._cpu_has_bf16", lambda: True)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    wider = UNetConfig(depth=1, width=8, any_channels=True)
    return [write_model(folder / "one.safetensors"), write_model(folder / "two.safetensors", wider)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_raster(tmp_path_factory.mktemp("scene") / "s.tif", dark_water((4, 40, 48)), descriptions=BANDS)


@pytest.fixture(scope="module")
def ocean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_polygon(tmp_path_factory.mktemp("ocean") / "ocean.gpkg")


def write_polygon(path: Path, *, size: float = 1.0) -> Path:
    frame = gpd.GeoDataFrame(geometry=[shapely.box(13, 46, 13 + size, 46 + size)], crs=4326)
    frame.to_file(path)
    return path


DEFAULTS: dict[str, Any] = {
    "device": "cpu",
    "precision": "fp32",
    "runtime": "torch",
    "cloud_classes": "3,8,9,10",
    "formats": "gpkg",
    "bands": None,
    "date": None,
    "only": None,
    "scale": None,
    "offset": 0.0,
    "any_platform": False,
}


def compute_map_basis(scene: Path, said: Mapping[str, Any]) -> Basis:
    """What decides a map, from what the command line read to the first pixel."""
    words = {**DEFAULTS, **said}
    return plan_scene(scene, "out", options=read_options(words), stack=read_stack(words)).basis


OTHER_MAP: dict[str, Any] = {
    "bands": "B08,B03,B04,B02",
    "cloud_classes": "8",
    "crs": "EPSG:3035",
    "date": "2024-06-01",
    "dissolve": True,
    "cloud_buffer_m": 50.0,
    "doubtful": "keep",
    "mask_classes": "2",
    "formats": "gpkg,fgb",
    "min_area_m2": 5.0,
    "min_length_m": 5.0,
    "nodata": -9999.0,
    "only": "sea",
    "offset": -1000.0,
    "points_every_m": 100.0,
    "precision": "bf16",
    "scale": 0.001,
    "simplify_m": 1.0,
    "smooth_m": 60.0,
    "threshold": 0.4,
    "tides": "tides.csv",
}
FREE_MAP: dict[str, Any] = {
    "any_platform": True,
    "decoder": "nvimgcodec",
    "device": "auto",
    "overwrite": True,
    "runtime": "openvino",
    "threads": 2,
    "tile_size": 96,
}


TESTED_APART = {"scene", "scenes", "tide_model", "tide_folder"}


@pytest.mark.parametrize("name", sorted({*list_options("map", "batch").values()} - TESTED_APART))
def test_each_option_of_a_map(name: str, stack: Path, ocean: Path, models: list[Path]) -> None:
    words = {parameter: word for word, parameter in list_options("map", "batch").items()}
    decides = read_table("map, batch")[words[name]]
    bounds = plan_scene(stack, "out", options=MapOptions(model=str(models[0]))).grid.bounds
    inner = gpd.GeoSeries([shapely.box(*bounds).buffer(-60)], crs=32633).to_crs(4326).total_bounds
    others = OTHER_MAP | {"aoi": ",".join(map(str, inner)), "ocean": ocean, "model": str(models[1])}
    said = {"model": str(models[0])}
    if name in {"mask", "mask_classes"}:
        others["mask"], mask = (write_raster(stack.with_name(f"{k}.tif"), np.full((1, 40, 48), k)) for k in (1, 2))
        said |= {"mask": str(mask), "mask_classes": "1"}
        others["mask"] = str(others["mask"])
    if decides:
        changed = compute_map_basis(stack, said | {name: others[name]})
        assert compute_map_basis(stack, said).fingerprint != changed.fingerprint
    elif name in FREE_MAP:
        pytest.importorskip("openvino")
        assert compute_map_basis(stack, said) == compute_map_basis(stack, said | {name: FREE_MAP[name]})
    else:  # what is no choice of the library cannot reach it
        assert name not in {*MapOptions.model_fields, *StackOptions.model_fields}


def write_heights(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["time,height_m", *rows]))
    return path


def test_the_tide_of_a_map_counts_by_its_height(stack: Path, models: list[Path], tmp_path: Path) -> None:
    said = {"model": str(models[0]), "date": "2024-06-01T11:20Z", "tides": tmp_path / "tides.csv"}
    write_heights(said["tides"], "2024-06-01T11:20Z,0.4")
    before = compute_map_basis(stack, said)
    write_heights(said["tides"], "2024-06-01T11:20Z,0.4", "2024-06-02T11:20Z,0.9")
    assert compute_map_basis(stack, said) == before
    write_heights(said["tides"], "2024-06-01T11:20Z,0.5")
    assert compute_map_basis(stack, said).describe_differences(before.to_dict()) == ["tide_m (0.4, now 0.5)"]


def test_the_tide_model_of_a_map_counts_by_its_height(
    stack: Path, models: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heights = {"EOT20": 0.4, "GOT5.6": 0.4, "FES2022": 0.5}
    monkeypatch.setattr("pipeline.mapping.tide.compute_model_heights", lambda name, *_, **__: [heights[name]])
    table = read_table("map, batch")
    said = {"model": str(models[0]), "date": "2024-06-01T11:20Z", "tide_model": "EOT20", "tide_folder": tmp_path}
    plain = compute_map_basis(stack, said)
    assert table["--tide-model"]
    assert not table["--tide-folder"]
    assert compute_map_basis(stack, said | {"tide_folder": tmp_path / "other"}) == plain
    other = compute_map_basis(stack, said | {"tide_model": "GOT5.6"})
    assert other.describe_differences(plain.to_dict()) == ["tides (EOT20, now GOT5.6)"]
    assert "tide_m (0.4, now 0.5)" in compute_map_basis(stack, said | {"tide_model": "FES2022"}).describe_differences(
        plain.to_dict()
    )


@pytest.mark.parametrize("name", ["bands", "scale", "offset", "nodata", "date"])
def test_a_batch_does_not_mix_maps_of_other_stacks(name: str, models: list[Path]) -> None:
    value: Any = {"bands": ("B02",), "date": "2024-06-01"}.get(name, 0.5)
    options = MapOptions(model=str(models[0]))
    plain, other = resolve_record(options), resolve_record(options, StackOptions(**{name: value}))
    assert plain.parameters != other.parameters
    assert resolve_record(options, StackOptions(any_platform=True)).parameters == plain.parameters


OTHER_OPTIONS: dict[str, Any] = {
    "ocean": "ocean.gpkg",
    "only": frozenset({"sea"}),
    "grid": "EPSG:3035:10",
    "statistic": "latest",
    "dates": "2024",
    "crs": "EPSG:3035",
    "formats": ("fgb",),
    "tides": "tides.csv",
    "tide_model": "GOT5.6",
    "tide_folder": "model",
    "transects": "lines.gpkg",
    "reference": "lines.gpkg",
    "crossing": "seaward",
    "outliers": "drop",
    "confidence": 0.9,
    "beach_slope": 0.1,
}


@pytest.mark.parametrize(
    ("command", "kind"), [("mosaic", MosaicOptions), ("change", ChangeOptions), ("export", ExportOptions)]
)
def test_each_option_of_a_mosaic_and_of_a_change(
    command: str, kind: type[MosaicOptions] | type[ChangeOptions] | type[ExportOptions], tmp_path: Path
) -> None:
    table = read_table(command)
    for word, name in list_options(command).items():
        if name not in kind.model_fields:
            assert not table[word] or not word.startswith("--"), word
        elif name not in {"tides", "tide_model", "tide_folder"}:
            changed = kind(**{name: change_value(getattr(kind(), name), name)})
            assert (kind().result_parameters() != changed.result_parameters()) == table[word]
    if kind is ChangeOptions:
        (tmp_path / "tides.csv").write_text("time,height_m\n2024-06-01T11:20Z,0.4\n")
        tables = [ChangeOptions(tides=tmp_path / "tides.csv").result_parameters() for _ in range(2)]
        (tmp_path / "tides.csv").write_text("time,height_m\n2024-06-01T11:20Z,0.5\n")
        tables.append(ChangeOptions(tides=tmp_path / "tides.csv").result_parameters())
        for model, words in (("GOT5.6", "one"), ("EOT20", "one"), ("EOT20", "other")):
            (tmp_path / "model").mkdir(exist_ok=True)
            (tmp_path / "model" / "m2.nc").write_text(words)
            tables.append(ChangeOptions(tide_model=model, tide_folder=tmp_path / "model").result_parameters())
        assert tables[0] == tables[1]
        assert all(one != other for number, one in enumerate(tables[1:]) for other in tables[number + 2 :])


def change_value(value: object, name: str) -> object:
    if name in OTHER_OPTIONS:
        return OTHER_OPTIONS[name]
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, (int, float)) else 7.0


def test_each_option_of_a_time_series() -> None:
    table, options = read_table("timeseries"), list_options("timeseries")
    for word, name in options.items():
        if name not in TimeseriesOptions.model_fields:
            assert not table[word] or not word.startswith("--"), word
            continue
        with_tides: dict[str, Any] = {"tides": "t.csv"} if name == "beach_slope" else {}
        if name in {"tide_model", "tide_folder"}:
            pair = {"tide_model": "EOT20", "tide_folder": "here"}
            one, other = pair, pair | {name: OTHER_OPTIONS[name]}
        else:
            value = change_value(getattr(TimeseriesOptions(), name), name)
            one, other = with_tides, with_tides | {name: value}
        parameters = [TimeseriesOptions(**choices).result_parameters() for choices in (one, other)]
        assert (parameters[0] != parameters[1]) == table[word], word


def darken(path: Path) -> None:
    with rasterio.open(path, "r+") as dataset:
        dataset.write(dataset.read() + 1)


def test_each_file_that_a_map_rests_on(tmp_path: Path, models: list[Path]) -> None:
    source = write_raster(tmp_path / "pixels" / "p.tif", dark_water((4, 40, 48)), descriptions=BANDS)
    vrt = tmp_path / "s.vrt"
    from rasterio.shutil import copy

    copy(str(source), str(vrt), driver="VRT")
    said = {"model": str(models[0])}
    plain = compute_map_basis(vrt, said)
    darken(source)
    assert plain.describe_differences(compute_map_basis(vrt, said).to_dict()) == ["the input p.tif"]
    # What a viewer leaves beside a raster changes nothing.
    again = compute_map_basis(source, said)
    Path(f"{source}.aux.xml").write_text("<PAMDataset><Metadata><MDI key='seen'>1</MDI></Metadata></PAMDataset>")
    assert compute_map_basis(source, said) == again


def test_each_file_of_a_product_counts(tmp_path: Path, models: list[Path]) -> None:
    product = write_product(tmp_path)
    said = {"model": str(models[0]), "offset": None}
    before = compute_map_basis(product, said)
    files = [Path(path) for path in open_scene(product).files]
    assert {path.suffix for path in files} == {".jp2", ".xml"}
    assert any("SCL" in path.name for path in files)
    for path in files:
        kept = path.read_bytes()
        if path.suffix == ".xml":
            path.write_bytes(kept + b"<!-- seen -->")
        else:
            with rasterio.open(path) as dataset:
                kept_profile, dn = dataset.profile, dataset.read()
            names = ("driver", "width", "height", "count", "dtype", "crs", "transform")
            profile = {name: kept_profile[name] for name in names} | {"QUALITY": "100", "REVERSIBLE": "YES"}
            with rasterio.open(path, "w", **profile) as dataset:
                dataset.write(dn + 1)
        differences = compute_map_basis(product, said).describe_differences(before.to_dict())
        assert f"the input {path.name}" in differences, path.name
        path.write_bytes(kept)
        Path(f"{path}.aux.xml").unlink(missing_ok=True)
    assert compute_map_basis(product, said) == before


def test_a_mask_beside_a_stack_counts(tmp_path: Path, models: list[Path]) -> None:
    path = write_raster(tmp_path / "s.tif", dark_water((4, 40, 48)), descriptions=BANDS)
    said = {"model": str(models[0])}
    bases = [compute_map_basis(path, said)]
    for hidden in (10, 20):
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as dataset:
            mask = np.full(dataset.shape, 255, dtype=np.uint8)
            mask[:hidden] = 0
            dataset.write_mask(mask)
        bases.append(compute_map_basis(path, said))
    assert len({basis.fingerprint for basis in bases}) == 3


@pytest.mark.parametrize("option", ["aoi", "ocean"])
def test_a_file_that_an_option_names_counts_by_what_is_in_it(
    option: str, stack: Path, models: list[Path], tmp_path: Path
) -> None:
    said = {"model": str(models[0]), option: write_polygon(tmp_path / "a.gpkg", size=3)}
    said[option] = str(said[option])
    before = compute_map_basis(stack, said)
    assert compute_map_basis(stack, said) == before
    (tmp_path / "a.gpkg").unlink()
    write_polygon(tmp_path / "a.gpkg", size=4)
    assert compute_map_basis(stack, said).describe_differences(before.to_dict()) == [option]


def test_the_metadata_of_a_product_counts(tmp_path: Path, models: list[Path]) -> None:
    product = write_product(tmp_path)
    said = {"model": str(models[0]), "offset": None}
    before = compute_map_basis(product, said)
    xml = next(product.glob("MTD_MSIL2A.xml"))
    xml.write_text(xml.read_text().replace("10000", "12000"))
    after = compute_map_basis(product, said)
    assert after.describe_differences(before.to_dict()) == [
        "the input MTD_MSIL2A.xml",
        "scale (0.0001, now 8.33333e-05)",
    ]


def edit_prj(folder: Path) -> None:
    (folder / "a.prj").write_text((folder / "a.prj").read_text().replace("WGS", "wgs"))


@pytest.mark.parametrize("edit", [edit_prj, lambda folder: write_polygon(folder / "a.shp", size=2)])
def test_a_shapefile_is_all_its_files(edit: Callable[[Path], object], tmp_path: Path) -> None:
    path = write_polygon(tmp_path / "a.shp")
    before = compute_source_sha256(path), MapOptions(ocean=path).result_parameters()
    edit(tmp_path)
    assert compute_source_sha256(path) != before[0]
    assert MapOptions(ocean=path).result_parameters() != before[1]


def test_a_folder_counts_by_what_is_in_it(tmp_path: Path) -> None:
    assert compute_source_sha256(tmp_path / "none") is None
    assert compute_listing_sha256(None) is compute_listing_sha256(tmp_path / "none") is None
    folder = tmp_path / "ocean.gdb"
    folder.mkdir()
    (folder / "a").write_text("1")
    shutil.copytree(folder, tmp_path / "copy")
    before = compute_source_sha256(folder)
    assert compute_source_sha256(tmp_path / "copy") == before
    (folder / "a").write_text("2")
    assert compute_source_sha256(folder) != before
    listed = compute_listing_sha256(folder)
    (folder / "b").write_text("")
    assert compute_listing_sha256(folder) != listed


def test_a_broken_raster_is_somebody_elses_to_report(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_text("no raster")
    assert list(compute_checksums([str(tmp_path / "a.tif"), "https://host/a.tif"])) == [
        str(tmp_path / "a.tif"),
        "https://host/a.tif",
    ]


def write_coast(folder: Path, *, water: float) -> Path:
    folder.mkdir()
    probability = np.zeros((1, 30, 30), dtype=np.uint8)
    probability[:, :, : int(water)] = 250
    profile = {"driver": "GTiff", "width": 30, "height": 30, "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    transform = rasterio.Affine(10, 0, 500_000, 0, -10, 5_000_000)
    with rasterio.open(folder / "probability.tif", "w", transform=transform, **profile) as dataset:
        dataset.scales, dataset.offsets = (1 / 250,), (0,)
        dataset.write(probability)
    return folder


def test_each_date_of_a_change_counts_and_which_is_the_old_one(tmp_path: Path) -> None:
    old, new = write_coast(tmp_path / "old", water=10), write_coast(tmp_path / "new", water=14)
    assert not compute_change(old, new, tmp_path / "out").already_made
    assert compute_change(old, new, tmp_path / "out").already_made
    with pytest.raises(
        StaleResultError,
        match=r"the input new 1 .*, the input old 1 .*, new date .*, old date ",
    ):
        compute_change(new, old, tmp_path / "out")
    darken(new / "probability.tif")
    with pytest.raises(StaleResultError, match=r"differs in the input new 1 probability\.tif: pass --overwrite"):
        compute_change(old, new, tmp_path / "out")
    with pytest.raises(StaleResultError, match=r"probability.tif, factor \(2, now 3\): pass"):
        compute_change(old, new, tmp_path / "out", options=ChangeOptions(factor=3, registration_m=2))


SHORE = Ground(distance_m=lambda lon, lat: (lon - 3.0) * 70_000)


def write_maps(folder: Path) -> Path:
    for date in range(3):
        grid = make_grid(epsg=32631, left=499_500, top=5_500_000, width=100, height=100)
        write_mapped(folder, f"scene{date}", grid, SHORE, date=date)
    return folder


def edit_map(folder: Path) -> None:
    """As if a scene had been mapped anew with another choice."""
    path = folder / "scene1" / "item.json"
    path.write_text(path.read_text().replace("fingerprint of scene1", "f" * 64))


def test_each_map_of_a_mosaic_counts_and_which_are_there(tmp_path: Path) -> None:
    maps = write_maps(tmp_path / "maps")
    assert not build_mosaic(maps, tmp_path / "mosaic").already_made
    assert build_mosaic(maps, tmp_path / "mosaic").already_made
    edit_map(maps)
    with pytest.raises(StaleResultError, match="differs in the input scene1: pass"):
        build_mosaic(maps, tmp_path / "mosaic")
    shutil.rmtree(maps / "scene2")
    with pytest.raises(StaleResultError, match="differs in the input scene1, the input scene2 "):
        build_mosaic(maps, tmp_path / "mosaic")


def test_each_input_of_a_time_series_counts(tmp_path: Path) -> None:
    maps, lines, table = write_maps(tmp_path / "maps"), tmp_path / "lines.gpkg", tmp_path / "tides.csv"
    model = tmp_path / "model"
    model.mkdir()

    def write_lines(shift: float) -> None:
        lines.unlink(missing_ok=True)
        gpd.GeoSeries([shapely.LineString([(2.9, 49.6 + shift), (3.1, 49.6)])], crs=4326).to_file(lines)

    def write_heights(name: str, height: float) -> None:
        (tmp_path / name).write_text(f"time,height_m\n2024-07-01T11:20Z,{height}\n")

    def compute(**choices: object) -> Basis:
        return compute_timeseries._make_plan(maps, TimeseriesOptions(**choices)).basis  # type: ignore[arg-type]

    write_lines(0)
    write_heights("tides.csv", 0.4)
    write_heights("model/m2.csv", 0.4)
    cases: list[tuple[dict[str, object], Callable[[], object], list[str]]] = [
        ({"transects": lines}, lambda: write_lines(0.1), ["transects"]),
        ({"reference": lines}, lambda: write_lines(0.2), ["reference"]),
        ({"tides": table}, lambda: write_heights("tides.csv", 0.5), ["tides"]),
        (
            {"tide_model": "EOT20", "tide_folder": model},
            lambda: write_heights("model/m2.csv", 0.55),
            ["tide_folder"],
        ),
        ({}, lambda: edit_map(maps), ["the input scene1"]),
    ]
    for choices, edit, expected in cases:
        before = compute(**choices)
        assert compute(**choices) == before
        edit()
        assert compute(**choices).describe_differences(before.to_dict()) == expected


def write_item(folder: Path, **properties: object) -> None:
    folder.mkdir(exist_ok=True)
    document = {"assets": {}, "properties": {f"strandline:{name}": value for name, value in properties.items()}}
    (folder / "item.json").write_text(json.dumps(document))


def test_a_release_makes_nothing_stale_unless_it_answers_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    basis = compute_basis("map", inputs={"/a/B02.tif": "1" * 64}, choices={"offset": 0.0})
    write_item(tmp_path, fingerprint=basis.fingerprint, basis=basis.to_dict())
    monkeypatch.setattr("strandline.__version__", "99.0")
    moved = compute_basis("map", inputs={"/b/B02.tif": "1" * 64}, choices={"offset": 0})
    assert is_result_there(tmp_path, moved, overwrite=False)
    monkeypatch.setattr("pipeline.checksums.ANSWERS", {"map": ANSWERS["map"] + 1})
    with pytest.raises(StaleResultError, match="differs in a release of Strandline that answered otherwise: pass"):
        is_result_there(tmp_path, basis, overwrite=False)
    assert not is_result_there(tmp_path, basis, overwrite=True)


def test_what_differs_is_named(tmp_path: Path) -> None:
    choices = {"offset": 0.0, "aoi": None, "ocean": "f" * 64, "formats": ["gpkg"]}
    inputs = {"/a/B02.tif": "1" * 64, "https://host/B03.tif": "remote"}
    basis = compute_basis("map", inputs=inputs, choices=choices)
    other = compute_basis(
        "map",
        inputs={"/a/B02.tif": "2" * 64, "/a/B03.tif": "3" * 64},
        choices={"offset": -1000.0, "aoi": "1,2,3,4", "ocean": "e" * 64, "formats": ["gpkg"]},
    )
    assert other.describe_differences(basis.to_dict()) == [
        "the input B02.tif",
        "the input B03.tif",
        "the input https://host/B03.tif (remote, now none)",
        "aoi (none, now 1,2,3,4)",
        "ocean",
        "offset (0, now -1000)",
    ]
    write_item(tmp_path, fingerprint="other", basis=basis.to_dict())
    with pytest.raises(StaleResultError, match=r"B03.tif \(remote, now none\), aoi .*, ocean, and 1 more: pass"):
        is_result_there(tmp_path, other, overwrite=False)
    for record in (None, [], {"inputs": []}):
        write_item(tmp_path, fingerprint="other", basis=record)
        with pytest.raises(StaleResultError, match="differs in its inputs or choices: pass"):
            is_result_there(tmp_path, other, overwrite=False)


def test_many_inputs_are_summed_up() -> None:
    few = compute_basis("mosaic", inputs={str(n): "1" * 64 for n in range(200)}, choices={})
    many = compute_basis("mosaic", inputs={str(n): "1" * 64 for n in range(201)}, choices={})
    assert (len(few.to_dict()["inputs"]), list(many.to_dict()["inputs"])) == (200, ["201 inputs"])
    other = compute_basis("mosaic", inputs={str(n): "2" * 64 for n in range(201)}, choices={})
    assert other.describe_differences(many.to_dict()) == ["the input 201 inputs"]


def test_files_of_one_name_are_told_apart() -> None:
    basis = compute_basis("map", inputs={"/b/a.tif": "2", "/a/a.tif": "1", "/c/a.tif": "3"}, choices={})
    assert basis.inputs == {"a.tif": "1", "a.tif (2)": "2", "a.tif (3)": "3"}
