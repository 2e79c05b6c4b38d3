"""Make a bundled model of a trained one: ``python -m benchmarks.release_model RUN --scenes ../shared/data/scenes``.

The model is measured as users will run it, on simulated seeds that no training uses (harbours among them), on labelled
ports and on all labelled places that it held out, beside every water index; the figures and their intervals go into its
card, the worst tiles into a picture.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from models.card import Figure, ModelCard
from models.networks.checkpoint import read_model, save_model
from pipeline.evaluation.answers import NetworkMethod
from pipeline.evaluation.evaluate import Evaluation, EvaluationOptions, MethodResult, evaluate
from pipeline.record.model_item import write_model_item
from pipeline.samples.simulate_chip import HELD_OUT_SEED
from pipeline.samples.sources import resolve_places, resolve_source
from tiles.bands import L2A_STACK
from tiles.samples.sample import Sample, SampleSource

__all__ = ["FewBands", "Remarks", "list_figures", "release"]

LOG = logging.getLogger("release")
_NAMES = {
    "iou": "iou",
    "accuracy": "accuracy",
    "boundary_iou": "boundary_iou",
    "calibration_error": "calibration_error",
    "shoreline_median_m": "mapped_to_true_median_m",
    "shoreline_p95_m": "mapped_to_true_p95_m",
    "shore_missed_p95_m": "true_to_mapped_p95_m",
}
"""Figure of the card by figure of the evaluation."""

_TWO_BANDS = ("B03", "B08")


@dataclass(frozen=True, slots=True, kw_only=True)
class FewBands:
    """A source whose samples have lost all bands but a few.

    Attributes:
        whole: The source.
        bands: What is left.
    """

    whole: SampleSource
    bands: tuple[str, ...]

    @property
    def name(self) -> str:
        """The source's name, and the bands."""
        return f"{self.whole.name} ({' '.join(self.bands)})"

    @property
    def places(self) -> tuple[str, ...]:
        """Those of the source."""
        return self.whole.places

    def restrict(self, places: frozenset[str]) -> FewBands:
        """The same bands of some places."""
        return FewBands(whole=self.whole.restrict(places), bands=self.bands)

    def draw(self, rng: np.random.Generator, *, size: int) -> Sample:
        """A sample of the source, less its other bands."""
        return self._lose(self.whole.draw(rng, size=size))

    def tiles(self, *, size: int) -> Iterator[Sample]:
        """The tiles of the source, less their other bands."""
        return (self._lose(sample) for sample in self.whole.tiles(size=size))

    def _lose(self, sample: Sample) -> Sample:
        kept = np.array([name in self.bands for name in L2A_STACK])[:, None, None]
        return Sample(
            reflectance=np.where(kept, sample.reflectance, np.float32(np.nan)),
            fraction=sample.fraction,
            valid=sample.valid,
            place=sample.place,
            source=sample.source,
            resolution_m=sample.resolution_m,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Remarks:
    """What no measurement can say of a model.

    Attributes:
        failures: Sentences that say where not to trust it; empty keeps those of the card.
        data: What it learned from, in words; empty keeps the card's.
        script: How it was trained; empty keeps the card's.
        minutes: Wall time of all stages of its training; ``None`` keeps the card's.
    """

    failures: tuple[str, ...] = ()
    data: str = ""
    script: str = ""
    minutes: float | None = None

    def apply(self, card: ModelCard, figures: Sequence[Figure]) -> ModelCard:
        """The card with what was told and measured."""
        training = {"data": self.data, "script": self.script, "minutes": self.minutes}
        values = card.model_dump()
        values["training"] |= {name: value for name, value in training.items() if value}
        values["figures"] = tuple(figure.model_dump() for figure in figures)
        values["known_failures"] = self.failures or card.known_failures
        return ModelCard.model_validate(values)


def release(model: Path, into: Path, *, scenes: Path, chips: int = 64, remarks: Remarks | None = None) -> Path:
    """Measure a model, write it with its figures, and a STAC item and a picture of its worst tiles beside it.

    Args:
        model: A model file.
        into: Folder of the bundled models.
        scenes: The scenes whose labelled crops are measured.
        chips: How many simulated chips are measured.
        remarks: What else its card should say.

    Returns:
        The bundled file.
    """
    loaded = read_model(model)
    name = loaded.card.name
    method = NetworkMethod(name=name, model=str(model), precision="fp32")
    options = EvaluationOptions(pictures=12)
    figures: list[Figure] = []
    gallery: list[Image.Image] = []
    for source, on in _list_sources(scenes, chips):
        evaluation = evaluate([method], source, options=options)
        figures += list_figures(evaluation, on)
        LOG.info("%s: %s", on, json.dumps({figure.name: round(figure.value, 4) for figure in figures[-9:]}))
        gallery.append(_join_worst(evaluation))
    card = (remarks or Remarks()).apply(loaded.card, figures)
    path = into / f"{name}.safetensors"
    save_model(path, loaded.network, card)
    gallery[-1].save(into / f"{name}-worst-real.jpg", quality=80)
    gallery[0].save(into / f"{name}-worst-simulated.jpg", quality=80)
    write_model_item(read_model(path), into / f"{name}.json", torch_version=torch.__version__)
    return path


def _list_sources(scenes: Path, chips: int) -> Iterator[tuple[SampleSource, str]]:
    """What is measured, and how the card calls it: simulated chips first, all real places last."""
    seeds = f"{HELD_OUT_SEED}-{HELD_OUT_SEED + chips - 1}"
    simulated = resolve_source(f"simulated:{seeds}")
    yield simulated, f"{chips} simulated chips, seeds {seeds}"
    yield FewBands(whole=simulated, bands=_TWO_BANDS), f"the same chips, {' and '.join(_TWO_BANDS)} alone"
    harbours = max(1, chips // 2)
    seeds = f"{HELD_OUT_SEED}-{HELD_OUT_SEED + harbours - 1}"
    yield resolve_source(f"simulated:{seeds}:harbour"), f"{harbours} simulated harbours, seeds {seeds}"
    ports = resolve_places(resolve_source(f"labels:{scenes}:ports"), "held-out")
    yield ports, f"{len(ports.places)} labelled real ports that no training saw"
    labels = resolve_places(resolve_source(f"labels:{scenes}"), "held-out")
    yield labels, f"{len(labels.places)} labelled real places that no training saw"


def list_figures(evaluation: Evaluation, on: str) -> list[Figure]:
    """The figures of an evaluation's first network for a card, and the best index beside it.

    Args:
        evaluation: The evaluation.
        on: What it was measured on, in words.
    """
    network = evaluation.networks[0]
    figures = [_build_figure(network, name, key, on) for name, key in _NAMES.items()]
    indices = [method for method in evaluation.whole if method.kind == "index"]
    for name, key in (("iou", "iou"), ("accuracy", "accuracy")):
        best = max(indices, key=lambda method: method.figures[key], default=None)
        if best is not None:
            figures.append(_build_figure(best, f"best_index_{name}", key, f"{on}; {best.name}"))
    return [figure for figure in figures if figure is not None]


def _build_figure(method: MethodResult, name: str, key: str, on: str) -> Figure | None:
    value = method.figures[key]
    if not np.isfinite(value):
        return None
    low, high = method.intervals[key]
    known = np.isfinite(low) and np.isfinite(high)
    return Figure(
        name=name,
        value=round(value, 5),
        unit="m" if name.endswith("_m") else "1",
        on=on,
        interval=(round(float(low), 5), round(float(high), 5)) if known else None,
    )


def _join_worst(evaluation: Evaluation, *, columns: int = 4, side: int = 160) -> Image.Image:
    """The worst tiles: true colour above error, a column each."""
    shown = evaluation.gallery.tiles[: 2 * columns]
    rows = -(-len(shown) // columns)
    sheet = Image.new("RGB", (columns * side, max(1, 2 * rows) * side), "white")
    for index, tile in enumerate(shown):
        row, col = divmod(index, columns)
        for below, data in enumerate((tile.pictures.colour, tile.pictures.error)):
            picture = Image.open(io.BytesIO(data)).convert("RGB").resize((side - 4, side - 4), Image.Resampling.BOX)
            sheet.paste(picture, (col * side + 2, (2 * row + below) * side + 2))
    return sheet


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make a bundled model of a trained one, with measured figures.")
    parser.add_argument("model", type=Path, help="a model file")
    parser.add_argument("--scenes", type=Path, required=True, help="the scenes of the labelled crops")
    parser.add_argument("--into", type=Path, default=Path("models/weights"), help="folder of the bundled models")
    parser.add_argument("--chips", type=int, default=64, help="simulated chips that are measured (default 64)")
    parser.add_argument("--failures", type=Path, help="a text file, a sentence a line: where not to trust it")
    parser.add_argument("--data", default="", help="what it learned from, in words")
    parser.add_argument("--script", default="", help="how it was trained")
    parser.add_argument("--minutes", type=float, help="wall time of all stages of its training")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    failures = tuple(arguments.failures.read_text().splitlines()) if arguments.failures else ()
    remarks = Remarks(failures=failures, data=arguments.data, script=arguments.script, minutes=arguments.minutes)
    LOG.info(release(arguments.model, arguments.into, scenes=arguments.scenes, chips=arguments.chips, remarks=remarks))


if __name__ == "__main__":
    main()
