"""What an error means for a scene, and how a worker keeps to its share."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pipeline import errors as work
from pipeline.batch import units
from pipeline.batch.sources import SceneSource
from pipeline.batch.units import SceneUnit, compute_unit_part, describe_failure, map_unit, write_item_file
from pipeline.errors import OutputError
from strandline import MapOptions, StrandlineError
from tests.tiles.products.small_products import dark_water, write_raster
from tiles import errors as pixels
from tiles.errors import AreaOutsideSceneError, NoValidPixelsError, RasterReadError, SceneError
from tiles.products.open import open_scene


class KilledWorker(Exception):  # noqa: N818 (the name that Dask gives it)
    pass


def scene(*, is_product: bool = True, item: dict[str, object] | None = None) -> SceneSource:
    return SceneSource(id="a", source="a.SAFE", item=item, is_product=is_product)


@pytest.mark.parametrize(
    ("error", "is_product", "expected"),
    [
        (NoValidPixelsError("all\n nodata"), True, ("empty", "all nodata")),
        (AreaOutsideSceneError("elsewhere"), False, ("empty", "elsewhere")),
        (SceneError("no bands"), False, ("no scene", "no bands")),
        (SceneError("no bands"), True, ("failed", "no bands")),
        (OutputError("disk full"), False, ("failed", "disk full")),
        (ZeroDivisionError(), True, ("failed", "ZeroDivisionError: no reason given")),
        (SceneError(), True, ("failed", "no reason given")),
    ],
)
def test_an_error_means_a_kind_and_a_reason(error: Exception, is_product: bool, expected: tuple[str, str]) -> None:
    assert describe_failure(error, scene(is_product=is_product), tries=1) == expected


def test_a_worker_that_died_is_no_fault_of_the_scene() -> None:
    kind, reason = describe_failure(KilledWorker("a-1"), scene(), tries=3)
    assert kind == "failed"
    assert reason.startswith("The worker died while it was mapped, 3 times: killed for its memory")


def test_an_item_is_kept_as_a_file_and_written_again_only_where_it_differs(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / ".items"
    path = Path(write_item_file(folder, scene(item={"b": "ä", "a": 1})))
    assert path == folder / "a.json"
    assert path.read_text(encoding="utf-8") == '{\n  "a": 1,\n  "b": "ä"\n}\n'
    os.utime(path, ns=(0, 0))
    write_item_file(folder, scene(item={"a": 1, "b": "ä"}))
    assert path.stat().st_mtime_ns == 0
    write_item_file(folder, scene(item={"a": 2}))
    assert (json.loads(path.read_text()), [file.name for file in folder.iterdir()]) == ({"a": 2}, ["a.json"])


@pytest.mark.parametrize(("asked", "threads"), [(0, "1"), (3, "3")])
def test_a_worker_keeps_to_its_share_of_cores_and_memory(
    monkeypatch: pytest.MonkeyPatch, asked: int, threads: str
) -> None:
    names = ("OMP_NUM_THREADS", "GDAL_CACHEMAX", "GDAL_NUM_THREADS")
    for name in names:
        monkeypatch.setenv(name, "before")
        monkeypatch.delenv(name)
    told: list[object] = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 99)
    monkeypatch.setattr(torch, "set_num_threads", told.append)
    result = SimpleNamespace(folder="/out/a", already_made=True, notes=("note",))
    monkeypatch.setattr(units, "map_scene", lambda *_, **__: result)
    monkeypatch.setattr(units, "remove_scratch", told.append)
    job = SimpleNamespace(scene=SimpleNamespace(id="a"), basis=None)
    empty = SimpleNamespace(is_there=lambda *_, **__: False)
    monkeypatch.setattr(SceneUnit, "open_place", lambda _: empty)
    monkeypatch.setattr(units, "plan_scene", lambda *_, **__: job)
    monkeypatch.setattr(units, "compute_part", lambda job, *, part, parts: (job, part, parts))
    unit = SceneUnit(source="a", out="/out", options=MapOptions(threads=asked))
    done = map_unit(unit)
    assert [os.environ[name] for name in names] == [threads, "128", threads]
    assert told == [int(threads), "/out/a"]
    assert (done.folder, done.already_made, done.notes) == ("/out/a", True, ("note",))
    assert 0 <= done.seconds < 60
    assert 10 < done.peak_rss_mib < 100_000
    assert done.worker == f"{os.uname().nodename}:{os.getpid()}"
    assert compute_unit_part(unit, 1, 4) == (job, 1, 4)  # type: ignore[comparison-overlap]


def test_threads_that_are_right_already_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "before")
    monkeypatch.setenv("GDAL_CACHEMAX", "7")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: pytest.fail("set again"))
    units._prepare(2)
    assert os.environ["GDAL_CACHEMAX"] == "7"


def test_errors_have_exit_codes_on_which_scripts_rest() -> None:
    codes = {
        kind.__name__: kind.exit_code for module in (pixels, work) for kind in vars(module).values() if is_error(kind)
    }
    others = {
        "NoValidPixelsError": 3,
        "RasterReadError": 4,
        "HostDownError": 4,
        "BlockDecodeError": 4,
        "ProductWriteError": 5,
        "OutputError": 5,
        "BusyError": 5,
        "StaleResultError": 5,
        "StrandlineError": 1,
    }
    assert codes == dict.fromkeys(codes, 2) | others  # 2: what was asked for cannot be done


def is_error(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, StrandlineError)


def explain(path: Path, *, is_product: bool = False) -> str:
    with pytest.raises(StrandlineError) as caught:
        open_scene(path)
    source = SceneSource(id=path.stem, source=str(path), is_product=is_product)
    return describe_failure(caught.value, source, tries=1)[0]


def test_only_what_cannot_be_a_scene_is_none(tmp_path: Path) -> None:
    write_raster(tmp_path / "dem.tif", np.ones((1, 20, 20), dtype=np.int16))
    write_raster(tmp_path / "picture.tif", np.ones((4, 20, 20), dtype=np.uint8))
    write_raster(tmp_path / "stack.tif", dark_water((5, 20, 20)))
    (tmp_path / "cut.tif").write_text("no raster")
    (tmp_path / "cut.json").write_text("{")
    kinds = {path.name: explain(path) for path in tmp_path.iterdir() if path.suffix == ".tif"}
    assert kinds == {"dem.tif": "no scene", "picture.tif": "no scene", "stack.tif": "failed", "cut.tif": "failed"}
    assert explain(tmp_path / "dem.tif", is_product=True) == "failed"
    assert explain(tmp_path / "cut.json", is_product=True) == "failed"


def test_a_scene_beside_the_area_is_empty_and_a_crash_is_named_by_its_kind() -> None:
    source = SceneSource(id="a", source="a.tif")
    assert describe_failure(NoValidPixelsError("none  of\nthem"), source, tries=1) == ("empty", "none of them")
    assert describe_failure(RasterReadError(""), source, tries=1) == ("failed", "no reason given")
    assert describe_failure(ZeroDivisionError("by 0"), source, tries=1) == ("failed", "ZeroDivisionError: by 0")
