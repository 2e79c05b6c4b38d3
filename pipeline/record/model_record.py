"""Describe a model in the words of STAC's machine learning extension.

Source: STAC extension mlm, v1.4.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pystac

from models.card import ModelCard
from pipeline.checksums import format_multihash
from tiles.bands import BANDS

__all__ = ["build_mlm_properties", "build_model_asset", "name_architecture"]

_SEMANTIC = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?")
_TASKS = ["semantic-segmentation"]
_ARCHITECTURES = {"unet": "U-Net", "autoencoder": "Autoencoder", "classifier": "Pixel classifier"}
_FORMATS = {
    ".safetensors": ("application/vnd.safetensors", "safetensors.torch.save_file"),
    ".onnx": ("application/octet-stream; application=onnx", "torch.onnx.export"),
    ".pt2": ("application/octet-stream; application=pytorch", "torch.export.save"),
}


def name_architecture(hyperparameters: Mapping[str, Any]) -> str:
    """What kind of network it is, for people.

    Args:
        hyperparameters: Of the network; without ``architecture`` a U-Net, as the first model files have it.
    """
    architecture = str(hyperparameters.get("architecture", "unet"))
    if architecture == "smp" and "name" in hyperparameters:
        return f"smp:{hyperparameters['name']}"
    return _ARCHITECTURES.get(architecture, architecture)


def build_mlm_properties(
    card: ModelCard, hyperparameters: Mapping[str, Any], software: Mapping[str, str]
) -> dict[str, Any]:
    """Describe a model as item properties, with the bands that it reads.

    Args:
        card: What the model says about itself.
        hyperparameters: Of the network.
        software: The libraries that ran it, or made it, with their versions; what computes the network comes first.

    Returns:
        Fields ``mlm:*`` and the common field ``bands``.
    """
    framework = {
        word: value
        for name, version in [*software.items()][:1]
        for word, value in (("mlm:framework", name), ("mlm:framework_version", _format_version(version)))
    }
    return {
        "mlm:name": card.name,
        "mlm:architecture": name_architecture(hyperparameters),
        "mlm:tasks": _TASKS,
        **framework,
        "mlm:pretrained": True,
        "mlm:pretrained_source": card.training.data,
        "mlm:hyperparameters": {name: _to_json(value) for name, value in hyperparameters.items()},
        "mlm:input": [_describe_input(card)],
        "mlm:output": [_describe_output(card)],
        "bands": _describe_bands(card),
    }


def build_model_asset(card: ModelCard, source: str, sha256: str) -> pystac.Asset:
    """Describe the model's file, which stays where it is.

    Args:
        card: What the model says about itself.
        source: The file.
        sha256: Its checksum, hexadecimal.
    """
    media_type, artifact_type = _FORMATS.get(Path(source).suffix, _FORMATS[".safetensors"])
    return pystac.Asset(
        source,
        title=f"Model {card.name} {card.version}",
        description=card.description,
        media_type=media_type,
        roles=["mlm:model", "mlm:weights"],
        extra_fields={
            "mlm:artifact_type": artifact_type,
            "file:checksum": format_multihash(sha256),
            # STAC 1.1 allows bands of an item only where an asset has some.
            "bands": _describe_bands(card),
        },
    )


def _describe_input(card: ModelCard) -> dict[str, Any]:
    low, high = card.reflectance_range
    return {
        "name": "surface reflectance",
        "bands": list(card.inputs),
        "input": {
            "shape": [-1, len(card.inputs), -1, -1],
            "dim_order": ["batch", "bands", "height", "width"],
            "data_type": "float32",
        },
        "description": f"Surface reflectance, clamped to {low:g} to {high:g}, then standardised a band.",
        "value_scaling": [
            {"type": "z-score", "mean": mean, "stddev": std} for mean, std in zip(card.mean, card.std, strict=True)
        ],
        "resize_type": None,
    }


def _describe_output(card: ModelCard) -> dict[str, Any]:
    return {
        "name": "class scores",
        "tasks": _TASKS,
        "result": {
            "shape": [-1, len(card.classes), -1, -1],
            "dim_order": ["batch", "class", "height", "width"],
            "data_type": "float32",
        },
        "description": f"Logits; divided by {card.temperature:g}, their softmax is the probability of each class.",
        "classification:classes": [
            {"value": value, "name": name.replace(" ", "_"), "description": name}
            for value, name in enumerate(card.classes)
        ],
    }


def _describe_bands(card: ModelCard) -> list[dict[str, Any]]:
    return [
        {"name": name, "eo:center_wavelength": round(BANDS[name].wavelength_nm / 1000, 4)}
        if name in BANDS
        else {"name": name}
        for name in card.inputs
    ]


def _format_version(text: str) -> str:
    """A version as semantic versioning has it, which the extension demands: ``2025.1`` is 2025.1.0."""
    if _SEMANTIC.fullmatch(text):
        return text
    numbers = [int(number) for number in re.findall(r"\d+", text.partition("+")[0])[:3]]
    return ".".join(str(number) for number in [*numbers, 0, 0, 0][:3])


def _to_json(value: Any) -> Any:  # noqa: ANN401 (whatever a hyperparameter is)
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)
