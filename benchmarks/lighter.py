"""What would a lighter network cost, and save? Narrower ones that learn from the bundled one, and kernels of 8 bits.

    python -m benchmarks.lighter distil --width 12 --scenes ../shared/data/scenes --out RUN [--steps 2500]
    python -m benchmarks.lighter measure --models strandline-small,RUN/FILE --scenes ../shared/data/scenes --out DIR
    python -m benchmarks.lighter draw

A narrower network begins with the channels of the bundled one whose norms scale most, and learns its answers beside
the labels (Hinton, Vinyals & Dean 2015, arXiv:1503.02531). Kernels and features of 8 bits are NNCF's (``pip install
nncf``), calibrated on simulated scenes; *but for some*: all but the encoder's first two stages, the decoder's last one
and the head, whose rounding moves the shore most; *bfloat16* is what the product takes where the processor multiplies
it. Measured: processor seconds of one tile on one thread, and their share of those of the bundled network in fp32, in
turns; pixels that change class and how far the shore moves from where the bundled network has them in fp32, on
simulated scenes that the calibration did not see; accuracy and boundary IoU on labelled ports that no training saw, and
on simulated chips. Results are appended to ``benchmarks/results/lighter.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.precision import compare
from models.networks.checkpoint import Model, save_model
from models.networks.unet import UNet
from models.runtimes.openvino_predictor import OpenVinoRuntime
from models.runtimes.predictor import Predictor
from models.runtimes.registry import load_model, resolve_path
from pipeline.bench.record import describe_machine
from pipeline.evaluation.answers import NetworkMethod
from pipeline.evaluation.evaluate import EvaluationOptions, evaluate
from pipeline.mapping.options import MapOptions
from pipeline.mapping.plan_scene import plan_scene, prepare_prediction
from pipeline.predict.rows import predict_rows
from pipeline.predict.tile import Prediction
from pipeline.samples.simulate_chip import HELD_OUT_SEED
from pipeline.samples.sources import resolve_places, resolve_source
from pipeline.training import train as training
from pipeline.training.data import Batch
from pipeline.training.module import TrainingModule
from tiles.masks import VALID
from tiles.samples.sample import SampleSource
from tiles.simulate.product.simulate import ProductOptions, simulate_scene

RESULTS = Path(__file__).parent / "results" / "lighter.jsonl"
PICTURE = Path(__file__).parents[1] / "docs" / "lighter.png"
TEACHER = "strandline-small"
TEACHING = 2.0
TILE_PX, MARGIN_PX = 1248, 112
CALIBRATED_ON = range(401, 407)
COMPARED_ON = (301, 303, 305)
WAYS = ("fp32", "bfloat16", "8 bits", "8 bits but for some")
MARKERS = {"fp32": "o", "bfloat16": "s", "8 bits": "^", "8 bits but for some": "D"}
BOUND_PERCENT = 0.05
Floats = NDArray[np.float32]


def main() -> None:
    """Train a narrower network, measure all, or draw what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("distil", "measure", "draw"))
    parser.add_argument("--width", type=int, default=12)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--models", default=TEACHER)
    parser.add_argument("--ways", default=",".join(WAYS), help="bfloat16 only where the processor multiplies it")
    parser.add_argument("--scenes", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    match arguments.what:
        case "distil":
            print(distil(arguments.width, arguments.steps, scenes=arguments.scenes, run=arguments.out))
        case "measure":
            models, ways = arguments.models.split(","), arguments.ways.split(",")
            measure(models, ways, scenes=arguments.scenes, work=arguments.out)
        case "draw":
            draw([json.loads(line) for line in RESULTS.read_text().splitlines()], PICTURE)


class Distilled(TrainingModule):
    """Learns the teacher's probabilities beside the labels, also where there are none."""

    def __init__(self, *arguments: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments)
        self.teacher = [load_model(TEACHER).network.eval()]  # in a list: none of its weights is this module's

    def _compute_loss(self, batch: Batch, answer: Tensor) -> Tensor:
        image = batch["image"]
        present = image.isfinite().any(dim=(2, 3))  # (B, 12)
        with torch.no_grad():
            told: Tensor = torch.softmax(self.teacher[0](self.normalise(image), present), dim=1)
        known = image.isfinite().any(dim=1)  # (B, H, W)
        distance = nn.functional.cross_entropy(answer, told, reduction="none")[known].mean()
        loss: Tensor = super()._compute_loss(batch, answer) + TEACHING * distance
        return loss


def distil(width: int, steps: int, *, scenes: Path, run: Path) -> Path:
    """Train a narrower network by the recipe of the bundled one's last stage."""
    run.mkdir(parents=True, exist_ok=True)
    teacher = load_model(TEACHER)
    start = run / "start" / "start.safetensors"
    start.parent.mkdir(exist_ok=True)
    save_model(start, prune(teacher, width), teacher.card)
    vars(training)["TrainingModule"] = Distilled
    changes = [
        f"data.root={scenes}",
        f"model.network.width={width}",
        f"model.name=strandline-{width}",
        f"model.start={start.parent}",
        "model.keep=0",
        f"trainer.steps={steps}",
        "trainer.round_steps=250",
    ]
    return training.train("small_shore", run / "training", changes=changes, notify=print)


def prune(model: Model, width: int) -> UNet:
    """The channels of each stage whose norms scale most, in their order."""
    network = model.network
    if not isinstance(network, UNet):
        raise SystemExit("Only a U-Net can be made narrower here.")
    config = replace(network.config, width=width)
    old, new = network.state_dict(), UNet(config).state_dict()

    def keep(norm: str) -> Tensor:
        scale = old[f"{norm}.weight"].abs()
        strongest: Tensor = scale.topk(len(new[f"{norm}.weight"])).indices.sort().values
        return strongest

    def carry(name: str, outputs: Tensor, inputs: Tensor) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            if f"{name}.{part}" in old:
                values = old[f"{name}.{part}"][outputs]
                new[f"{name}.{part}"] = values[:, inputs] if values.ndim > 1 else values

    def carry_stage(stage: str, inputs: Tensor) -> Tensor:
        for place in (0, 3):
            outputs = keep(f"{stage}.{place + 1}")
            carry(f"{stage}.{place}", outputs, inputs)
            carry(f"{stage}.{place + 1}", outputs, torch.arange(1))
            inputs = outputs
        return inputs

    kept = [carry_stage("encoder.stages.0", torch.arange(config.in_channels))]
    first = keep("encoder.stages.0.1")
    new["encoder.absence.weight"] = old["encoder.absence.weight"][first]
    for level in range(1, config.depth + 1):
        kept.append(carry_stage(f"encoder.stages.{level}", kept[-1]))
    below = kept[-1]
    for level, skip in enumerate(reversed(kept[:-1])):
        up = f"decoder.ups.{level}"
        whole = old[f"{up}.weight"].shape[1]  # (in, out, 2, 2)
        strength = old[f"{up}.weight"][below].abs().sum(dim=(0, 2, 3))
        fine = strength.topk(new[f"{up}.weight"].shape[1]).indices.sort().values
        new[f"{up}.weight"] = old[f"{up}.weight"][below][:, fine]
        new[f"{up}.bias"] = old[f"{up}.bias"][fine]
        below = carry_stage(f"decoder.stages.{level}", torch.cat((skip, fine + whole)))
    new["head.weight"], new["head.bias"] = old["head.weight"][:, below], old["head.bias"]
    narrow = UNet(config)
    narrow.load_state_dict(new)
    return narrow


class Rounded(OpenVinoRuntime):
    """A runtime whose graph NNCF has quantised, or left as it is.

    Args:
        path: The model's file.
        way: One of ``WAYS``.
        seen: Tiles of all channels to calibrate on.
        channels: Which of them are read.
    """

    def __init__(self, path: Path, way: str, seen: Sequence[Floats], channels: Sequence[int] | None = None) -> None:
        super().__init__(path, precision="bf16" if way == "bfloat16" else "fp32", channels=channels)
        self.way = way
        self.seen = seen if channels is None else [tile[:, list(channels)] for tile in seen]
        self.graphs: dict[int, Any] = {}

    def build_graph(self, margin: int) -> Any:  # noqa: ANN401
        """Quantised once, for it takes half a minute."""
        if margin not in self.graphs:
            graph = super().build_graph(margin)
            self.graphs[margin] = self.quantise(graph) if self.way.startswith("8 bits") else graph
        return self.graphs[margin].clone()

    def quantise(self, graph: Any) -> Any:  # noqa: ANN401
        """Round kernels and features to 8 bits, all or some."""
        import nncf  # type: ignore[import-not-found, unused-ignore]  # not among what the project needs

        kinds = ("Convolution", "ConvolutionBackpropData")
        layers = [op.get_friendly_name() for op in graph.get_ordered_ops() if op.get_type_name() in kinds]
        spared = [*layers[:4], *layers[-3:]] if self.way == "8 bits but for some" else []
        return nncf.quantize(
            graph,
            nncf.Dataset(self.seen),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(self.seen),
            fast_bias_correction=False,
            ignored_scope=nncf.IgnoredScope(names=spared) if spared else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LighterMethod(NetworkMethod):
    """A model that runs in one of the ways.

    Attributes:
        way: One of ``WAYS``.
        seen: Tiles to calibrate on.
    """

    way: str
    seen: Sequence[Floats]

    def _get_predictor(self, inputs: tuple[str, ...]) -> Predictor:
        found = self._predictors.get(inputs)
        if not isinstance(found, Rounded):
            channels = [self.whole.card.inputs.index(name) for name in inputs]
            found = self._predictors[inputs] = Rounded(Path(self.model), self.way, self.seen, channels)
        return found


def measure(models: list[str], ways: list[str], *, scenes: Path, work: Path) -> None:
    """Measure every model in every way, each beside the bundled one in fp32."""
    seen = [tile for seed in CALIBRATED_ON for tile in grab_tiles(simulate(work, seed, 780))]
    products = [simulate(work, seed, 1302) for seed in COMPARED_ON]
    bundled = OpenVinoRuntime(resolve_path(TEACHER), precision="fp32")
    wanted = [predict(product, bundled) for product in products]
    ports = resolve_places(resolve_source(f"labels:{scenes}:ports"), "held-out")
    chips = resolve_source(f"simulated:{HELD_OUT_SEED}-{HELD_OUT_SEED + 63}")
    for name in models:
        path = resolve_path(name)
        for way in ways:
            runtime = Rounded(path, way, seen)
            pairs = [(predict(product, runtime)[0], *old) for product, old in zip(products, wanted, strict=True)]
            found, reference, valid = (np.concatenate([np.ravel(pair[part]) for pair in pairs]) for part in range(3))
            changed = ((found >= 0.5) != (reference >= 0.5)) & valid
            ours, base = time_tiles(runtime, bundled)
            record = {
                "model": runtime.card.name,
                "way": way,
                "processor": describe_machine()["processor"],
                "core_s": round(ours, 3),
                "of_bundled": round(ours / base, 3),
                "class_changes_percent": round(100 * float(changed.sum() / valid.sum()), 4),
                "scenes": [compare(*pair) for pair in pairs],
                "ports": summarise(LighterMethod(name=way, model=str(path), way=way, seen=seen), ports),
                "chips": summarise(LighterMethod(name=way, model=str(path), way=way, seen=seen), chips),
            }
            print(json.dumps(record), flush=True)
            with RESULTS.open("a") as file:
                file.write(json.dumps(record) + "\n")


def simulate(work: Path, seed: int, size: int) -> str:
    """A product of a seed; made once."""
    folder = work / f"seed-{seed}"
    if not folder.is_dir():
        simulate_scene(folder, seed=seed, size=size, options=ProductOptions())
    return str(next(folder.glob("*.SAFE")))


def prepare(scene: str, runtime: Predictor, out: str) -> Prediction:
    """What it takes to run a runtime on a scene."""
    job = plan_scene(scene, out, options=MapOptions(device="cpu", runtime="openvino", precision="fp32"))
    return replace(prepare_prediction(job), runtime=runtime)


def grab_tiles(scene: str) -> list[Floats]:
    """What a network is given of a scene, in pieces of 512 pixels at the most."""
    tiles: list[Floats] = []

    class Grabbing(OpenVinoRuntime):
        def predict(self, batch: Floats, *, margin: int = 0) -> Floats:
            tiles.append(batch[:, :, :512, :512].copy())
            return super().predict(batch, margin=margin)

    with TemporaryDirectory() as out:
        for _ in predict_rows(prepare(scene, Grabbing(resolve_path(TEACHER), precision="fp32"), out)):
            pass
    return tiles


def predict(scene: str, runtime: Predictor) -> tuple[Floats, NDArray[np.bool_]]:
    """Probability of water and validity, (row, col)."""
    with TemporaryDirectory() as out:
        rows = list(predict_rows(prepare(scene, runtime, out)))
    return np.concatenate([r.probability for r in rows]), np.concatenate([r.state for r in rows]) == VALID


def time_tiles(*runtimes: Predictor) -> list[float]:
    """Median processor seconds of a tile, runtimes in turns, in this thread alone."""
    image = np.random.default_rng(0).random((1, 12, TILE_PX, TILE_PX), np.float32) * np.float32(0.3)
    seconds: list[list[float]] = [[] for _ in runtimes]
    for number in range(6):
        for runtime, times in zip(runtimes, seconds, strict=True):
            runtime.enter_worker()
            began = time.process_time()
            runtime.predict(image, margin=MARGIN_PX)
            if number:  # the first is compiled
                times.append(time.process_time() - began)
    return [statistics.median(times) for times in seconds]


def summarise(method: LighterMethod, source: SampleSource) -> dict[str, float]:
    """Accuracy and boundary IoU."""
    figures = evaluate([method], source, options=EvaluationOptions(pictures=0)).networks[0].figures
    return {name: round(figures[name], 5) for name in ("accuracy", "iou", "boundary_iou")}


def draw(records: list[dict[str, Any]], path: Path) -> None:
    """Accuracy and the line beside time, a point a way."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9.5, 4.6), layout="constrained")
    figures: tuple[tuple[str, Callable[[dict[str, Any]], float]], ...] = (
        ("boundary IoU, labelled ports unseen", lambda one: one["ports"]["boundary_iou"]),
        ("pixels that change class, %", lambda one: one["class_changes_percent"]),
    )
    for axis, (label, get) in zip(axes, figures, strict=True):
        for (model, way), one in {(one["model"], one["way"]): one for one in records}.items():  # the last of each
            colour, marker = "C0" if model == TEACHER else "C1", MARKERS[way]
            axis.plot(one["of_bundled"], get(one), marker, color=colour, ms=8, alpha=0.8, label=f"{model}, {way}")
        axis.set(xlabel="time of a tile, of the bundled one's in fp32 there", ylabel=label, xlim=(0, 1.1))
        axis.margins(y=0.15)
        axis.grid(alpha=0.3)
    axes[1].set_yscale("symlog", linthresh=0.01)
    axes[1].axhline(BOUND_PERCENT, color="0.5", ls="--", lw=1)
    axes[1].annotate("bound of 8 bits", (0.03, BOUND_PERCENT), fontsize=7, va="bottom", color="0.4")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    main()
