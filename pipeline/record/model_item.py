"""Describe a model as a STAC Item of its own, beside its weights, so that catalogues can list it.

Source: STAC 1.1.0 with the extensions mlm 1.4.0, file 2.1.0, eo 2.0.0 and classification 2.0.0.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pystac

from models.networks.architecture import describe
from models.networks.checkpoint import Model
from pipeline.errors import output_errors
from pipeline.record.links import make_relative_href
from pipeline.record.model_record import build_mlm_properties, build_model_asset
from strandline import __version__
from tiles.times import FIRST_LIGHT

__all__ = ["build_model_item", "write_model_item"]

_EXTENSIONS = [
    f"https://stac-extensions.github.io/{name}/schema.json"
    for name in ("mlm/v1.4.0", "file/v2.1.0", "eo/v2.0.0", "classification/v2.0.0")
]
_WORLD = (-180.0, -90.0, 180.0, 90.0)
# What the model is meant for: any place and day that Sentinel-2 sees, from the launch of its first satellite on.
_NO_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def build_model_item(model: Model, *, torch_version: str) -> pystac.Item:
    """Build the item of a model; the same file always gives the same item.

    Args:
        model: The model.
        torch_version: Of the library that it was made with.

    Returns:
        A STAC Item over the whole world, whose asset is the file, named relative to the item.
    """
    card, path = model.card, Path(model.source)
    west, south, east, north = _WORLD
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    asset = build_model_asset(card, make_relative_href(path.name), model.sha256)
    asset.extra_fields["file:size"] = path.stat().st_size
    return pystac.Item(
        id=path.stem,
        geometry={"type": "Polygon", "coordinates": [ring]},
        bbox=list(_WORLD),
        datetime=None,
        start_datetime=FIRST_LIGHT,
        end_datetime=_NO_END,
        properties=_build_properties(model, torch_version),
        stac_extensions=_EXTENSIONS,
        assets={"model": asset},
    )


def write_model_item(model: Model, path: Path, *, torch_version: str) -> Path:
    """Write the item of a model.

    Args:
        model: The model.
        path: The JSON file; beside the weights, which it names relative to itself.
        torch_version: Of the library that the model was made with.

    Returns:
        The file.

    Raises:
        OutputError: It cannot be written.
    """
    item = build_model_item(model, torch_version=torch_version).to_dict(transform_hrefs=False)
    with output_errors(path):
        path.write_text(json.dumps(item, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _build_properties(model: Model, torch_version: str) -> dict[str, Any]:
    card = model.card
    network = model.network
    return {
        "title": f"{card.name} {card.version}",
        "description": card.description,
        "version": card.version,
        "license": card.licence,
        **build_mlm_properties(card, describe(network.config), {"PyTorch": torch_version}),
        "mlm:total_parameters": sum(tensor.numel() for tensor in network.parameters()),
        "mlm:accelerator_constrained": False,
        "strandline:version": __version__,
        "strandline:required_inputs": [list(group) for group in card.required_inputs],
        "strandline:training": card.training.model_dump(mode="json"),
        "strandline:figures": [figure.model_dump(mode="json") for figure in card.figures],
        "strandline:known_failures": list(card.known_failures),
    }
