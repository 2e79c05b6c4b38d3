"""Measure a model file on simulated chips that it never saw, and write its card from what was found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.card import Figure, ModelCard, Training
from models.checkpoint import load_model
from models.metrics import Confusion, compute_confusion, compute_near_shore, compute_temperature
from models.runtime import Runtime
from pipeline.chips import Chip
from pipeline.shoreline_error import compute_shoreline_distances
from pipeline.simulated_chips import HELD_OUT_SEED, simulate
from pipeline.training_state import Progress
from tiles.bands import L2A_STACK

__all__ = ["Report", "compute_report", "write_card"]

Floats = NDArray[np.float32]
_GREEN, _NIR = L2A_STACK.index("B03"), L2A_STACK.index("B08")
_KNOWN_FAILURES = (
    "It learned from simulated scenes alone: no real pixel was labelled.",
    "Under cloud, haze that hides the ground, and deep shadow it guesses; mask them.",
    "Sea ice, floating vegetation and wet tidal flats are called water or land without warning.",
    "L1C (top of atmosphere) is not what it was trained on.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was measured on held-out chips, over pixels that are seen.

    Attributes:
        chips: How many.
        iou: Intersection over union of water.
        ndwi_iou: The same for the water index (green and near infrared, threshold 0) on the same pixels.
        accuracy: Share of the pixels that are right.
        shoreline_median_m: Distance from mapped to true shoreline, median; infinite where nothing was mapped.
        shoreline_p95_m: The same, 95th percentile.
        shoreline_found: Share of the true shoreline with a mapped one within 20 m.
        probability_rmse: Error of the water fraction within two pixels of the shoreline.
        temperature: What logits should be divided by.
    """

    chips: int
    iou: float
    ndwi_iou: float
    accuracy: float
    shoreline_median_m: float
    shoreline_p95_m: float
    shoreline_found: float
    probability_rmse: float
    temperature: float


def compute_report(path: Path, *, count: int, seed: int = HELD_OUT_SEED) -> Report:
    """Measure a model file, in fp32.

    Args:
        path: The file.
        count: How many chips.
        seed: Seed of the first chip.
    """
    runtime = Runtime(load_model(path), device="cpu", precision="fp32")
    return compute_report_on((simulate(seed + index) for index in range(count)), runtime)


def compute_report_on(chips: Iterable[Chip], runtime: Runtime) -> Report:
    """Measure a model on given chips; their margin, as wide as the network's reach, only feeds it.

    Args:
        chips: Larger than twice the reach.
        runtime: The model.
    """
    network, index = Confusion(), Confusion()
    parts: dict[str, list[NDArray[Any]]] = {"off": [], "missed": [], "error": [], "margin": [], "fraction": []}
    count = 0
    for chip in chips:
        count += 1
        inside = _interior(chip, runtime.reach_px or 0)
        probability = runtime.predict(chip.reflectance[None])[0][inside]
        fraction, valid = chip.fraction[inside], chip.valid[inside]
        network += compute_confusion(probability > 0.5, fraction > 0.5, valid)
        index += compute_confusion(_is_ndwi_water(chip.reflectance)[inside], fraction > 0.5, valid)
        parts["off"].append(compute_shoreline_distances(probability, fraction, valid))
        parts["missed"].append(compute_shoreline_distances(fraction, probability, valid))
        shore = compute_near_shore(fraction) & valid
        parts["error"].append((probability - fraction)[shore])
        parts["margin"].append(_to_margin(probability[valid])[::7] * runtime.model.card.temperature)
        parts["fraction"].append(fraction[valid][::7])
    joined = {name: np.concatenate(values) for name, values in parts.items()}
    off = joined["off"] if len(joined["off"]) else np.array([np.inf])
    median, p95 = np.quantile(off, (0.5, 0.95), method="lower")
    return Report(
        chips=count,
        iou=network.iou,
        ndwi_iou=index.iou,
        accuracy=network.accuracy,
        shoreline_median_m=float(median),
        shoreline_p95_m=float(p95),
        shoreline_found=float(np.mean(joined["missed"] <= 20)) if len(joined["missed"]) else 1.0,
        probability_rmse=float(np.sqrt(np.mean(joined["error"] ** 2))) if len(joined["error"]) else 0.0,
        temperature=compute_temperature(joined["margin"], joined["fraction"]),
    )


def _interior(chip: Chip, reach_px: int) -> tuple[slice, slice]:
    height, width = chip.fraction.shape
    return slice(reach_px, height - reach_px), slice(reach_px, width - reach_px)


def _is_ndwi_water(reflectance: Floats) -> NDArray[np.bool_]:
    # (green - nir) / (green + nir) > 0; source: McFeeters 1996, doi:10.1080/01431169608948714
    water: NDArray[np.bool_] = reflectance[_GREEN] > reflectance[_NIR]
    return water


def _to_margin(probability: Floats) -> NDArray[np.float64]:
    clipped = np.clip(probability.astype(np.float64), 1e-7, 1 - 1e-7)
    return np.log(clipped) - np.log1p(-clipped)


def write_card(
    name: str, progress: Progress, *, seed: int, report: Report | None, optional: tuple[str, ...] = ()
) -> ModelCard:
    """The card of a model that was trained on simulated scenes.

    Args:
        name: Of the model.
        progress: Of its training.
        seed: Of its training.
        report: What was measured; ``None`` for a draft.
        optional: Bands that may be missing.
    """
    on = f"{report.chips} simulated chips of 10 m from seed {HELD_OUT_SEED} on, fp32" if report else "nothing yet"
    units = {"m": "m"}
    measured = asdict(report) if report else {}
    figures = tuple(
        Figure(name=key, value=round(value, 5), unit=units.get(key.rsplit("_", 1)[-1], "1"), on=on)
        for key, value in measured.items()
        if key != "chips" and np.isfinite(value)
    )
    return ModelCard(
        name=name,
        version="1",
        description="A small U-Net for the 12 bands of an L2A scene, trained on simulated coasts, rivers and lakes.",
        inputs=L2A_STACK,
        optional_inputs=optional,
        resolution_m=(10.0, 60.0),
        mean=progress.mean,
        std=progress.std,
        temperature=report.temperature if report else 1.0,
        probability_rmse=round(report.probability_rmse, 4) if report else 0.5,
        licence="MIT",
        training=Training(
            data="Simulated scenes (tiles.landscape, tiles.spectra), parts of them coarsened to 20, 30 and 60 m.",
            script="pipeline.train_simulated",
            seed=seed,
            steps=progress.step,
            minutes=round(progress.seconds / 60, 1),
        ),
        figures=figures,
        known_failures=_KNOWN_FAILURES,
    )
