"""Whether a GPU gives what the processor gives: the network on chips, and the whole way of a map on a small product."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.gpu import DeviceRows
from benchmarks.precision import compare
from models.networks.checkpoint import Model
from models.runtimes.registry import load_model
from models.runtimes.torch_predictor import Runtime, resolve_precision
from pipeline.mapping.options import MapOptions
from pipeline.mapping.plan_scene import plan_scene, prepare_prediction
from pipeline.predict.rows import predict_rows
from pipeline.samples.simulate_chip import HELD_OUT_SEED, simulate
from tiles.masks import VALID
from tiles.simulate.product.simulate import ProductOptions, simulate_scene

CHIPS = 4


def predict_exactly(model: Model, image: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probability of water in float64, from the network as it was trained: no norm folded, no layout chosen.

    Args:
        model: The model.
        image: Reflectance (B, C, H, W).
    """
    card = model.card
    mean, std = (torch.tensor(values, dtype=torch.float64)[:, None, None] for values in (card.mean, card.std))
    tensor = torch.from_numpy(image).double()
    inputs = ((tensor.clamp(*card.reflectance_range) - mean) / std).nan_to_num(nan=0.0)
    with torch.inference_mode():
        logits = model.network.double().eval()(inputs)  # (B, classes, H, W)
        answer: NDArray[np.float64] = torch.softmax(logits / card.temperature, dim=1)[:, card.water_class].numpy()
    model.network.float()
    return answer


def check_network(name: str, device: str) -> Iterator[dict[str, Any]]:
    """The device in fp32 and bfloat16, and the processor in fp32, beside float64 on the processor.

    Args:
        name: Of the model.
        device: ``cpu`` or ``cuda``.
    """
    model = load_model(name)
    image = np.stack([simulate(HELD_OUT_SEED + index).reflectance for index in range(CHIPS)])  # (B, C, H, W)
    reference = predict_exactly(model, image)
    ways = [("cpu", "fp32"), *((device, precision) for precision in list_precisions(device))]
    for where, precision in dict.fromkeys(ways):
        answer = Runtime(model, device=where, precision=precision).predict(image)  # type: ignore[arg-type]
        yield {
            "device": where,
            "precision": precision,
            "beside": "float64",
            "pixels": answer.size,
            "largest_difference": float(np.abs(answer - reference).max()),
            "changed": int(((answer >= 0.5) != (reference >= 0.5)).sum()),
        }


def list_precisions(device: str) -> list[Literal["fp32", "bf16"]]:
    """What a device multiplies natively."""
    return ["fp32", "bf16"] if resolve_precision("auto", device) == "bf16" else ["fp32"]


def check_maps(name: str, device: str, *, work: Path, size: int) -> Iterator[dict[str, Any]]:
    """The map that the pool for devices gives, beside the processor's in fp32.

    Args:
        name: Of the model.
        device: ``cpu`` or ``cuda``.
        work: Folder for the product.
        size: Pixels a side of the product.
    """
    product = simulate_scene(work, seed=5, size=size, options=ProductOptions(complete=False))
    reference, valid = _map(product.path, work, MapOptions(model=name, runtime="torch", device="cpu", precision="fp32"))
    for precision in list_precisions(device):
        options = MapOptions(model=name, runtime="torch", device=device, precision=precision)
        found, also_valid = _map(product.path, work, options, rows=DeviceRows("gdal"))
        if not np.array_equal(valid, also_valid):
            raise SystemExit("The pool for devices masks other pixels than the processor.")
        yield {"device": device, "precision": precision, **compare(found, reference, valid)}


def _map(
    scene: Path, work: Path, options: MapOptions, *, rows: DeviceRows | None = None
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Probability of water and validity, (row, col)."""
    job = plan_scene(scene, work / "maps", options=options)
    mapped = list(rows(job) if rows else predict_rows(prepare_prediction(job)))
    return np.concatenate([r.probability for r in mapped]), np.concatenate([r.state for r in mapped]) == VALID
