"""Many scenes on a real cluster on loopback, whose workers, scheduler and client are killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.warp import transform_bounds

from pipeline.atomic import open_workspace
from pipeline.batch.record import hold_batch, read_journal
from pipeline.batch.run_batch import run_batch
from pipeline.batch.summary import BatchSummary, read_status
from pipeline.batch.units import SceneUnit, map_unit
from pipeline.cluster.client import ClusterError, ClusterOptions
from pipeline.cluster.tasks import SchedulerLostError
from pipeline.errors import BusyError, OutputError, StaleResultError
from pipeline.mapping.options import MapOptions
from pipeline.record.result import read_fingerprint
from tests.pipeline.cluster.dask_processes import DaskProcesses, wait_until
from tests.pipeline.small_scenes import compare_results, simulate_scenes, truncate_band
from tests.pipeline.tiny_models import write_model
from tests.tiles.products.small_products import write_raster

ROOT = Path(__file__).resolve().parents[3]
OPTIONS = MapOptions(tile_size=64, precision="fp32")
CLIENT = """
import sys
from pathlib import Path
from pipeline.batch.run_batch import run_batch
from pipeline.cluster.client import ClusterOptions
from pipeline.mapping.options import MapOptions
source, out, address = sys.argv[1:]
options = MapOptions(tile_size=64, precision="fp32")
run_batch(source, out, options=options, cluster=ClusterOptions(scheduler=address),
          report=lambda event: print(event["event"], flush=True))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    simulate_scenes(folder, 3)
    return folder


@pytest.fixture(scope="module")
def quiet(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenes mapped one after the other, without Dask."""
    out = tmp_path_factory.mktemp("quiet")
    for scene in folder.iterdir():
        map_unit(SceneUnit(source=str(scene), out=str(out), options=OPTIONS))
    return out


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskProcesses]:
    cluster = DaskProcesses(tmp_path_factory.mktemp("cluster"), workers=2)
    yield cluster
    cluster.stop()


def run_on(
    cluster: DaskProcesses,
    source: Path,
    out: Path,
    events: list[Mapping[str, Any]] | None = None,
    **choices: object,
) -> BatchSummary:
    job = partial(
        run_batch,
        source=source,
        out=out,
        options=OPTIONS.model_copy(update=choices),
        cluster=ClusterOptions(scheduler_file=cluster.file),
        retries=1,
    )
    return job(report=(events if events is not None else []).append)


def require_same(quiet: Path, out: Path) -> None:
    names = {path.name for path in quiet.iterdir()}
    assert names == {path.name for path in out.glob("[!.]*/")}
    for name in names:
        assert compare_results(quiet / name, out / name) == []
        assert read_fingerprint(out / name) == read_fingerprint(quiet / name) is not None
    assert list(out.glob(".S2*")) == []


def test_a_folder_of_scenes_with_a_broken_one(
    folder: Path, quiet: Path, cluster: DaskProcesses, tmp_path: Path
) -> None:
    source, out, events = tmp_path / "scenes", tmp_path / "out", list[Mapping[str, Any]]()
    shutil.copytree(folder, source)
    broken = sorted(source.iterdir())[1]
    truncate_band(broken)
    (source / "notes.txt").write_text("clouds on Tuesday")
    write_raster(source / "dem.tif", np.ones((1, 20, 20), dtype=np.int16))
    (source / "cut.tif").write_text("no raster")
    summary = run_on(cluster, source, out, events)
    assert summary.counts == {"failed": 2, "mapped": 2, "no scene": 2}
    failure, cut = sorted((e for e in summary.problems if e.kind == "failed"), key=lambda e: e.id)
    assert (cut.id, "cut.tif" in cut.reason) == ("cut", True)
    assert (failure.id, failure.tries) == (broken.stem, 2)
    assert "B03" in failure.reason
    assert not (out / broken.stem).exists()
    assert json.loads((out / "summary.json").read_text())["counts"] == summary.counts
    assert [event["event"] for event in events if event["event"] != "part"] == ["started", *["scene"] * 5, "finished"]
    assert json.loads(json.dumps(events)) == events
    assert events[0]["dashboard"].startswith("http://")
    status = read_status(out)
    assert (status.left, status.running, status.counts) == (0, False, summary.counts)
    # The download is repeated, and the same command does the rest alone.
    shutil.rmtree(broken)
    shutil.copytree(folder / broken.name, broken)
    (source / "cut.tif").unlink()
    assert run_on(cluster, source, out).counts == {"already mapped": 2, "mapped": 1, "no scene": 2}
    require_same(quiet, out)


def test_the_items_of_a_plan_are_kept_and_mapped(cluster: DaskProcesses, shared: Path, tmp_path: Path) -> None:
    plan = write_plan(shared / "stac" / "29RKH", tmp_path)
    with rasterio.open(shared / "stac" / "29RKH" / "B02.tif") as band:
        x, y = band.xy(band.height // 2, band.width // 2)
        box = transform_bounds(band.crs, "OGC:CRS84", x - 1500, y - 1500, x + 1500, y + 1500)
    choices = {"tile_size": 512, "aoi": ",".join(map(str, box))}  # a whole tile of it takes half a minute
    summary = run_on(cluster, plan, tmp_path / "out", **choices)
    assert summary.counts == {"mapped": 1}, summary.problems
    (result,) = (tmp_path / "out").glob("[!.]*/")
    (item,) = (tmp_path / "out" / ".items").iterdir()
    assert item.stem == result.name
    assert run_on(cluster, plan, tmp_path / "out", **choices).counts == {"already mapped": 1}


def write_plan(folder: Path, where: Path) -> Path:
    (item,) = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    local = {band.stem: band for band in folder.glob("B*.tif")}
    keys = {"coastal": "B01", "blue": "B02", "green": "B03", "red": "B04", "nir": "B08", "swir16": "B11"}
    assets = {key: asset for key, asset in item["assets"].items() if keys.get(key) in local}
    for key, asset in assets.items():
        asset["href"] = str(local[keys[key]])
    plan = {
        "strandline_plan": 1,
        "source": {"href": "items.json", "kind": "items"},
        "query": {"aoi": "-10,29,-9,30", "dates": "2022"},
        "items": [{**item, "assets": assets}],
    }
    (where / "plan.json").write_text(json.dumps(plan))
    return where / "plan.json"


def test_a_scene_outside_the_area_is_no_failure(folder: Path, cluster: DaskProcesses, tmp_path: Path) -> None:
    assert run_on(cluster, folder, tmp_path, aoi="100,0,101,1").counts == {"empty": 3}


def test_a_folder_of_another_model_or_other_choices_is_refused(
    folder: Path, quiet: Path, cluster: DaskProcesses, tmp_path: Path
) -> None:
    out, model = tmp_path / "out", write_model(tmp_path / "other.safetensors")
    shutil.copytree(quiet, out)  # mapped by `strandline map`
    with pytest.raises(StaleResultError, match=r"model \(tiny 1\)"):
        run_on(cluster, folder, out, model=str(model))
    assert run_on(cluster, folder, out).counts == {"already mapped": 3}
    with pytest.raises(StaleResultError, match=r"threshold \(0\.5, now 0\.6\)"):
        run_on(cluster, folder, out, threshold=0.6)
    require_same(quiet, out)


def test_a_scene_that_another_run_is_making_is_waited_for(
    folder: Path, quiet: Path, cluster: DaskProcesses, tmp_path: Path
) -> None:
    busy, events = sorted(path.stem for path in quiet.iterdir())[0], list[Mapping[str, Any]]()
    other = open_workspace(tmp_path, busy)
    other.__enter__()

    def end_the_other(event: Mapping[str, Any]) -> None:
        events.append(event)
        if event["event"] == "scene" and event["done"] == 2:
            assert event["id"] != busy
            other.__exit__(None, None, None)

    job = partial(
        run_batch, source=folder, out=tmp_path, options=OPTIONS, cluster=ClusterOptions(scheduler=cluster.address)
    )
    assert job(report=end_the_other).counts == {"mapped": 3}
    require_same(quiet, tmp_path)


def test_two_batches_do_not_work_in_one_folder(folder: Path, cluster: DaskProcesses, tmp_path: Path) -> None:
    with hold_batch(tmp_path), pytest.raises(BusyError, match="Another batch"):
        run_on(cluster, folder, tmp_path)


def test_resources_that_workers_declare_are_heeded(folder: Path, tmp_path: Path) -> None:
    scarce = DaskProcesses(tmp_path, workers=1, resources="READ=1")
    try:
        events: list[Mapping[str, Any]] = []
        run_on(scarce, folder / sorted(path.name for path in folder.iterdir())[0], tmp_path / "out", events)
    finally:
        scarce.stop()
    assert (events[0]["resources"], events[0]["workers"]) == ({"READ": 1.0}, 1)


def test_a_worker_is_killed(folder: Path, quiet: Path, cluster: DaskProcesses, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill_one(event: Mapping[str, Any]) -> None:
        if event["event"] == "scene" and not killed:
            killed.append(cluster.workers()[0])
            os.kill(killed[0], signal.SIGKILL)

    job = partial(
        run_batch, source=folder, out=tmp_path, options=OPTIONS, cluster=ClusterOptions(scheduler=cluster.address)
    )
    summary = job(report=kill_one)
    assert killed
    assert summary.done == 3
    require_same(quiet, tmp_path)


def test_the_client_is_killed(folder: Path, quiet: Path, cluster: DaskProcesses, tmp_path: Path) -> None:
    command = [sys.executable, "-c", CLIENT, str(folder), str(tmp_path), cluster.address]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        wait_until(lambda: list(tmp_path.glob(".S2*")) or client.poll() is not None)
        assert read_status(tmp_path).running
        client.kill()
    for visible in tmp_path.glob("[!.]*/"):
        assert compare_results(quiet / visible.name, visible) == []
    status = read_status(tmp_path)
    assert not status.running
    assert status.left > 0
    assert run_on(cluster, folder, tmp_path).done == 3
    require_same(quiet, tmp_path)


def test_the_scheduler_is_killed(folder: Path, quiet: Path, cluster: DaskProcesses, tmp_path: Path) -> None:
    """The last of these tests, for it takes the cluster with it."""

    def kill_it(event: Mapping[str, Any]) -> None:
        if event["event"] == "scene":
            cluster.scheduler.kill()

    job = partial(
        run_batch, source=folder, out=tmp_path, options=OPTIONS, cluster=ClusterOptions(scheduler=cluster.address)
    )
    with pytest.raises(SchedulerLostError):
        job(report=kill_it)
    assert not json.loads((tmp_path / "summary.json").read_text())["complete"]
    assert "mapped" in {entry.kind for entry in read_journal(tmp_path).values()}
    # Where no cluster is, this machine goes on.
    local = partial(run_batch, source=folder, out=tmp_path, options=OPTIONS, cluster=ClusterOptions(workers=1))
    assert local(report=lambda _: None).done == 3
    require_same(quiet, tmp_path)


def test_no_worker_sees_a_folder_of_another_machine(folder: Path, tmp_path: Path) -> None:
    from distributed import LocalCluster

    from pipeline.cluster import client as module

    with (
        pytest.MonkeyPatch.context() as patch,
        LocalCluster(n_workers=1, processes=False, dashboard_address=None) as one,
    ):
        patch.setattr(module, "_is_folder", lambda _: False)
        job = partial(run_batch, source=folder, out=tmp_path, cluster=ClusterOptions(scheduler=one.scheduler_address))
        with pytest.raises(ClusterError, match="do not see the folder"):
            job(report=lambda _: None)


def test_status_of_a_folder_without_a_batch(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="found no"):
        read_status(tmp_path)
