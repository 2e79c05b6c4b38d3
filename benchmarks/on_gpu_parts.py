"""The parts of ``benchmarks/on_gpu.py``, each in a process: ``python -m benchmarks.on_gpu_parts PART CHOICES``."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.on_gpu import RESULTS_NAME, Results

FILE_MB = 16.0
"""The largest file that is given out."""

PILOT_PX = 480
SAFETY = 0.8
"""Share of the time that a plan fills, since what was measured on a small piece is not the whole."""

BOUND_FP32, BOUND_CHANGED_PERCENT, BOUND_SHIFT_M = 1e-3, 0.02, 0.2
"""How far the GPU's answer may be: probability in fp32; changed pixels and median shift of the shore in bfloat16."""

NEEDED = (
    "affine", "contourpy", "defusedxml", "filelock", "geopandas", "jinja2", "lightning", "matplotlib", "numpy",
    "pandas", "PIL", "pyarrow", "pydantic", "pyogrio", "pyproj", "pystac", "rasterio", "safetensors", "scipy",
    "shapely", "tensorboard", "threadpoolctl", "torch", "torchmetrics", "torchvision", "yaml",
)  # fmt: skip
"""What simulating, mapping and training import."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the call asks of a part.

    Attributes:
        out: Folder of the results.
        work: Folder for what is not kept.
        limit_s: Seconds that the part may take.
        size: Pixels a side of the scene.
        small: The same of the scene of the checks.
        model: Whose network.
        recipe: What is trained.
        changes: Settings of the recipe.
    """

    out: Path
    work: Path
    limit_s: float
    size: int
    small: int
    model: str
    recipe: str
    changes: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> Choices:
        """From the JSON of the call."""
        given = json.loads(text)
        paths = {name: Path(given[name]) for name in ("out", "work")}
        rest = {name: given[name] for name in ("limit_s", "size", "small", "model", "recipe")}
        return cls(**paths, **rest, changes=tuple(given["changes"]))


Emit = Callable[..., None]


def find_device() -> str:
    """The GPU where torch sees one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def run_machine(_choices: Choices, emit: Emit) -> None:
    """What there is, what is missing, and the two ceilings."""
    import torch

    from benchmarks.on_gpu_network import measure_ceilings

    device = find_device()
    emit(
        device=torch.cuda.get_device_name() if device == "cuda" else "cpu",
        machine=platform.machine(),
        cores=os.cpu_count(),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        gpu_memory_gib=round(torch.cuda.get_device_properties(0).total_memory / 2**30) if device == "cuda" else None,
        python=platform.python_version(),
        torch=str(torch.__version__),
        cuda=torch.version.cuda if device == "cuda" else None,
        versions={name: _find_version(name) for name in ("rasterio", "numpy", "nvidia-nvimgcodec-cu13", "tensorrt")},
        missing=[name for name in NEEDED if importlib.util.find_spec(name) is None],
    )
    for name, figure in measure_ceilings(device).items():
        emit(ceiling=name, value=round(figure, 3))


def _find_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def run_simulate(choices: Choices, emit: Emit) -> None:
    """A product as large as the time allows, by what a small one took."""
    from tiles.simulate.product.simulate import ProductOptions, simulate_scene

    options = ProductOptions(complete=False, cloud_cover=0.02, swath="full")
    began = time.perf_counter()
    pilot = min(PILOT_PX, choices.size)
    simulate_scene(choices.work / "pilot", seed=1, size=pilot, options=options)
    mpx_s = (time.perf_counter() - began) / (pilot / 1000) ** 2
    affordable = int(1000 * (SAFETY * choices.limit_s / mpx_s) ** 0.5) // 6 * 6
    size = max(60, min(choices.size, affordable))
    began = time.perf_counter()
    simulate_scene(choices.work / "scene", seed=1, size=size, options=options)
    seconds = time.perf_counter() - began
    emit(size=size, wanted=choices.size, simulated_s=round(seconds, 1), s_per_mpx=round(seconds / size**2 * 1e6, 2))


def _find_product(folder: Path) -> str:
    found = sorted(folder.glob("*.SAFE"))
    if not found:
        raise SystemExit(f"No product is in {folder}: simulating it failed, or took too long.")
    return str(found[0])


def run_checks(choices: Choices, emit: Emit) -> None:
    """The network on chips, then a whole map, on the device against the processor in fp32."""
    from benchmarks.on_gpu_checks import check_maps, check_network

    for found in check_network(choices.model, find_device()):
        holds = found["largest_difference"] <= BOUND_FP32 and found["changed"] == 0
        emit(check="network", **found, holds=holds if found["precision"] != "bf16" else None)
    for found in check_maps(choices.model, find_device(), work=choices.work / "checks", size=choices.small):
        if found["precision"] == "bf16":
            shift_m = found["shift_median_m"] or 0.0
            holds = found["class_changes_percent"] <= BOUND_CHANGED_PERCENT and shift_m <= BOUND_SHIFT_M
        else:
            holds = found["largest_difference"] <= BOUND_FP32 and found["class_changes_percent"] == 0
        emit(check="map", **found, holds=holds)


def run_network(choices: Choices, emit: Emit) -> None:
    """Tiles a second of the network alone, way by way."""
    from benchmarks.on_gpu_network import measure_ways

    for found in measure_ways(choices.model, find_device(), limit_s=choices.limit_s):
        emit(**found)


def run_scene(choices: Choices, emit: Emit) -> None:
    """The product end to end, decoder by decoder, and its decoding alone."""
    from benchmarks.gpu import measure
    from pipeline.bench.decoding import measure_decoding
    from pipeline.mapping.map_scene import MapOptions
    from strandline import StrandlineError

    scene = _find_product(choices.work / "scene")
    options = MapOptions(runtime="torch", model=choices.model)
    decoding = measure_decoding(scene, options)
    emit(alone="decoding", wall_s=round(decoding.wall_s, 2), cpu_s=round(decoding.cpu_s, 1))
    began = time.perf_counter()
    for run, decoder in enumerate(("gdal", "gdal", "nvimgcodec", "nvimgcodec")):
        if time.perf_counter() - began > choices.limit_s / 2:
            emit(decoder=decoder, run=run, error="no time was left")
            continue
        out = choices.work / f"map-{run}"
        try:
            emit(run=run, **measure(scene, out, options, "gdal" if decoder == "gdal" else "nvimgcodec"))
        except StrandlineError as error:
            emit(decoder=decoder, run=run, error=str(error))
        shutil.rmtree(out, ignore_errors=True)


def run_steps(choices: Choices, emit: Emit) -> None:
    """Training steps a second, of the small network and one twice as wide, batch by batch."""
    from benchmarks.on_gpu_training import measure_steps

    for found in measure_steps(find_device(), limit_s=choices.limit_s):
        emit(**found)


def run_train(choices: Choices, emit: Emit) -> None:
    """Chips first, on all cores; then by the recipe, as many steps as the time will hold."""
    import lightning  # noqa: F401 (what cannot be trained should be known at once)

    from benchmarks.on_gpu_training import measure_steps, plan_recipe, time_chip
    from pipeline.training.train import train

    ended = time.monotonic() + choices.limit_s
    device = find_device()
    recipe = plan_recipe(choices.recipe, choices.changes, cores=os.cpu_count() or 1, on_gpu=device == "cuda")
    planned = recipe.plan_chips(time_chip(), seconds=choices.limit_s, cache=choices.work / "chips")
    emit(recipe=choices.recipe, changes=list(planned.changes), chips=planned.chips)
    with ProcessPoolExecutor(max(1, planned.workers), mp_context=get_context("spawn")) as pool:
        list(pool.map(planned.simulate, range(planned.chips)))
    rate = next(measure_steps(device, limit_s=20.0, only=planned.batch))["steps_per_s"]
    timed = planned.plan_steps(rate, seconds=ended - time.monotonic())
    emit(steps=timed.steps, steps_per_s=rate, round_steps=timed.round_steps)
    run = choices.work / "run"
    with Handout(run, choices.out, emit):
        path = train(choices.recipe, run, changes=timed.changes, notify=print)
    emit(model=path.name, metrics=_read_last_metrics(run))


class Handout:
    """Brings a training's weights out every minute, while it runs and at its end; a context.

    The averaged weights alone: with the optimiser's memory the state of a small network is 31 MB.

    Args:
        run: Folder of the run.
        out: Where to.
        emit: Told of each copy.
    """

    every_s = 60.0

    def __init__(self, run: Path, out: Path, emit: Emit) -> None:
        self.run, self.out, self.emit = run, out, emit
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Handout:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.copy()

    def _watch(self) -> None:
        while not self._over.wait(self.every_s):
            self.copy()

    def copy(self) -> None:
        """What there is now: the weights, the finished model, the measures."""
        state = self.run / "last.ckpt"
        if state.is_file():
            self.emit(weights=write_weights(state, self.out / "train_weights.safetensors"))
        for path in (*self.run.glob("*.safetensors"), *self.run.glob("log/*/metrics.csv")):
            if path.stat().st_size <= FILE_MB * 1e6:
                _replace(path, self.out / f"train_{path.name}")


def _replace(source: Path, target: Path) -> None:
    draft = target.with_name(f".{target.name}")
    shutil.copyfile(source, draft)
    draft.replace(target)


def write_weights(state: Path, path: Path) -> dict[str, Any]:
    """The weights alone, in bfloat16 where they would else be too large; returns the step and the size."""
    import torch
    from safetensors.torch import save_file

    held = torch.load(state, map_location="cpu", weights_only=False)
    weights = {name: tensor.contiguous() for name, tensor in held["state_dict"].items() if name.startswith("network.")}
    if sum(tensor.numel() * tensor.element_size() for tensor in weights.values()) > FILE_MB * 1e6:
        weights = {
            name: tensor.bfloat16() if tensor.is_floating_point() else tensor for name, tensor in weights.items()
        }
    draft = path.with_name(f".{path.name}")
    save_file(weights, draft)
    draft.replace(path)
    return {"step": held["global_step"], "mb": round(path.stat().st_size / 1e6, 2)}


def _read_last_metrics(run: Path) -> dict[str, float]:
    """The last value of each measure of the training."""
    import csv

    last: dict[str, float] = {}
    for path in sorted(run.glob("log/*/metrics.csv")):
        for row in csv.DictReader(path.open(encoding="utf-8")):
            last |= {name: round(float(value), 5) for name, value in row.items() if value}
    return last


RUN: dict[str, Callable[[Choices, Emit], None]] = {
    "machine": run_machine, "simulate": run_simulate, "checks": run_checks, "network": run_network,
    "scene": run_scene, "steps": run_steps, "train": run_train,
}  # fmt: skip


def main() -> None:
    """Run the part that is named."""
    name, choices = sys.argv[1], Choices.read(sys.argv[2])
    results = Results(choices.out / RESULTS_NAME)
    RUN[name](choices, lambda **record: results.add({"part": name, **record}))


if __name__ == "__main__":
    main()
