"""Whether the map depends on the tile size, and what each size costs: one scene, many sizes, in fp32.

    python benchmarks/tile_size.py SCENE --sizes 256,333,512,1024

compares the network's own probabilities (not the steps of ``probability.tif``) with those of the first size.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from models.runtimes.registry import load_model
from models.runtimes.torch_predictor import Runtime
from pipeline.clock import StageClock
from pipeline.predict.area import Area
from pipeline.predict.rows import Prediction, predict_rows
from tiles.masks import CLOUD_CLASSES, VALID
from tiles.pixels.reader import ReadPlan
from tiles.products.open import open_scene
from tiles.scene import Scene


def main() -> None:
    """Predict with each size, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene")
    parser.add_argument("--sizes", default="256,333,512,1024")
    parser.add_argument("--precision", default="fp32")
    arguments = parser.parse_args()
    scene = open_scene(arguments.scene)
    runtime = Runtime(load_model(), precision=arguments.precision)
    sizes = [int(word) for word in arguments.sizes.split(",")]
    table = Table("tile", "s", "largest difference", "classes differ")
    first: NDArray[np.float32] | None = None
    for size in sizes:
        probability, seconds = predict(scene, runtime, size)
        first = probability if first is None else first
        worst = float(np.nanmax(np.abs(probability - first)))
        table.add_row(
            str(size), f"{seconds:.1f}", f"{worst:.2e}", str(int(((probability >= 0.5) != (first >= 0.5)).sum()))
        )
    Console().print(table)


def predict(scene: Scene, runtime: Runtime, size: int) -> tuple[NDArray[np.float32], float]:
    """Probability of the whole scene, NaN where not valid, and the seconds it took."""
    clock = StageClock()
    bands = scene.require_bands(runtime.model.card.inputs)
    plan = ReadPlan(scene=scene, bands=bands, obscured_classes=CLOUD_CLASSES)
    prediction = Prediction(
        plan=plan, runtime=runtime, area=Area(window=scene.grid.window), tile_size=size, clock=clock
    )
    rows = list(predict_rows(prediction))
    for row in rows:
        row.probability[row.state != VALID] = np.nan
    return np.concatenate([row.probability for row in rows]), clock.total_s


if __name__ == "__main__":
    main()
