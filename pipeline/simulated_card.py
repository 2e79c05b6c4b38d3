"""The card of a model that was trained on simulated scenes."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from models.card import Figure, ModelCard, Training
from pipeline.model_report import Report
from pipeline.simulated_chips import HELD_OUT_SEED
from pipeline.training_state import Progress
from tiles.bands import L2A_STACK

__all__ = ["write_card"]

_KNOWN_FAILURES = (
    "It learned from simulated scenes alone: no real pixel was labelled.",
    "Under cloud, haze that hides the ground, and deep shadow it guesses; mask them.",
    "Sea ice, floating vegetation and wet tidal flats are called water or land without warning.",
    "L1C (top of atmosphere) is not what it was trained on.",
)


def write_card(
    name: str, progress: Progress, *, seed: int, report: Report | None, optional: tuple[str, ...] = ()
) -> ModelCard:
    """Write the card of a model that was trained on simulated scenes.

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
