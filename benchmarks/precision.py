"""How far each runtime and precision is from fp32 in PyTorch, on whole scenes: pixels that change class, and the shore.

    PYTHONPATH=. python benchmarks/precision.py SCENE [SCENE ...] [--model strandline-small]

``--precision auto`` is bound to move at most 0.02% of the pixels across the threshold, and the coastline by a median of
at most 0.2 m: from the middle of each piece of one line to the other line, and back. Results are appended to
``benchmarks/results/precision.jsonl``, a line a scene and way.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import shapely
from contourpy import contour_generator
from numpy.typing import NDArray

from models.errors import DeviceError
from pipeline.mapping.options import MapOptions
from pipeline.mapping.plan_scene import plan_scene, prepare_prediction
from pipeline.predict.rows import predict_rows
from tiles.masks import VALID

RESULTS = Path(__file__).parent / "results" / "precision.jsonl"
WAYS = (("torch", "bf16"), ("openvino", "fp32"), ("openvino", "bf16"), ("openvino", "int8"))
PIXEL_M = 10


def predict(scene: str, model: str, runtime: str, precision: str) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Probability of water and validity, (row, col)."""
    with TemporaryDirectory() as out:
        options = MapOptions(model=model, device="cpu", runtime=runtime, precision=precision)
        job = plan_scene(scene, out, options=options)
        rows = list(predict_rows(prepare_prediction(job)))
    return np.concatenate([r.probability for r in rows]), np.concatenate([r.state for r in rows]) == VALID


def trace(values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The pieces of the line between land and water, (N, 2 ends, x and y) in pixels."""
    masked = np.ma.masked_array(np.where(valid, values, 0).astype(np.float64), mask=~valid)
    lines = [line for line in contour_generator(z=masked).lines(0.5) if len(line) > 1]
    pieces = [np.stack([line[:-1], line[1:]], axis=1) for line in lines]
    return np.concatenate(pieces) if pieces else np.empty((0, 2, 2))


def measure_distances(pieces: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """From the middle of each piece to the nearest place on the other line, in pixels."""
    if len(pieces) == 0 or len(others) == 0:
        return np.full(len(pieces), np.inf)
    tree = shapely.STRtree(shapely.linestrings(others))
    found: NDArray[np.float64] = tree.query_nearest(
        shapely.points(pieces.mean(axis=1)), return_distance=True, all_matches=False
    )[1]
    return found


def compare(
    found: NDArray[np.float32], reference: NDArray[np.float32], valid: NDArray[np.bool_]
) -> dict[str, float | int | None]:
    """Share of valid pixels that change class, largest difference, and the distance between the lines."""
    changed = ((found >= 0.5) != (reference >= 0.5)) & valid
    ours, theirs = (trace(values, valid) for values in (found, reference))
    moved = np.concatenate([measure_distances(ours, theirs), measure_distances(theirs, ours)]) * PIXEL_M
    return {
        "valid_pixels": int(valid.sum()),
        "class_changes_percent": round(100 * float(changed.sum() / max(valid.sum(), 1)), 5),
        "largest_difference": round(float(np.abs(found - reference)[valid].max(initial=0)), 5),
        "shift_median_m": round(float(np.median(moved)), 3) if len(moved) else None,
        "shift_p95_m": round(float(np.percentile(moved, 95)), 3) if len(moved) else None,
    }


def main() -> None:
    """Predict each scene in fp32 and in each other way, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", nargs="+")
    parser.add_argument("--model", default="strandline-small")
    given = parser.parse_args()
    for scene in given.scenes:
        reference, valid = predict(scene, given.model, "torch", "fp32")
        for runtime, precision in WAYS:
            try:
                found, _ = predict(scene, given.model, runtime, precision)
            except DeviceError as error:
                print(error)
                continue
            record = {"scene": Path(scene).name, "model": given.model, "runtime": runtime, "precision": precision}
            record |= compare(found, reference, valid)
            print(json.dumps(record), flush=True)
            with RESULTS.open("a") as file:
                file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
