"""Record where a map came from, as a STAC Item beside it: inputs, model, versions, choices, decisions.

The item is written last and at one stroke: where it stands, the outputs are whole.

Source: STAC 1.1.0, with the extensions eo 2.0.0, projection 2.0.0, raster 2.0.0, classification 2.0.0, file 2.1.0,
processing 1.2.0 and mlm 1.4.0.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pystac
import rasterio

from models.card import ModelCard
from pipeline.checksums import Basis, format_multihash
from pipeline.record.assets import RENDER_SCHEMA, build_assets, describe_class_render, describe_share_render
from pipeline.record.footprint import compute_footprint
from pipeline.record.links import make_whole_href
from pipeline.record.model_record import build_mlm_properties, build_model_asset, name_architecture
from pipeline.record.result import (
    COPERNICUS,
    ITEM_NAME,
    UNDATED,
    describe_interval,
    describe_projection,
    name_schemas,
    write_json,
)
from strandline import __version__
from tiles.datum import INSTANTANEOUS
from tiles.grid import Grid
from tiles.products.name import parse_product_name
from tiles.scene import Scene

__all__ = ["Provenance", "build_item", "write_item"]

_SCHEMAS = name_schemas(
    "eo/v2.0.0",
    "projection/v2.0.0",
    "raster/v2.0.0",
    "classification/v2.0.0",
    RENDER_SCHEMA,
    "file/v2.1.0",
    "processing/v1.2.0",
    "mlm/v1.4.0",
)

_ORBIT = re.compile(r"_R(\d{3})_")
"""Relative orbit in the name of a product."""

_GPU_DECODER = "nvidia-nvimgcodec-cu13"
_COPERNICUS_PROVIDER = {
    "name": "European Union / ESA / Copernicus",
    "roles": ["licensor"],
    "url": "https://dataspace.copernicus.eu",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """All that the record says beyond what the output files say themselves.

    Attributes:
        scene: What was mapped.
        grid: Grid of the outputs, which an area of interest may have cut.
        inputs: Checksums of the scene's files by path, see ``compute_checksums``.
        card: What the model says about itself, of the bands that it read.
        hyperparameters: Of the network.
        model_source: The model's file.
        model_sha256: Its checksum.
        parameters: Choices that change the result, as JSON can hold them.
        runtime: How it was run, without changing the result beyond a stated bound: device, precision, tile size.
        software: The libraries that ran the model, with their versions; what computes the network comes first.
        basis: All that decided the result.
        tide_m: Height of the tide at the moment of sensing, where known; what says it is among the parameters.
        statistics: Shares and counts worth keeping, such as ``nodata_percent``.
        notes: What the user was told, a sentence each.
        absent_bands: Bands that the model knows and the scene lacks; the network was told so.
        created: When the map was made; ``None``: now.
    """

    scene: Scene
    grid: Grid
    inputs: Mapping[str, str]
    card: ModelCard
    hyperparameters: Mapping[str, Any]
    model_source: str
    model_sha256: str
    parameters: Mapping[str, Any]
    basis: Basis
    runtime: Mapping[str, Any] = field(default_factory=dict)
    software: Mapping[str, str] = field(default_factory=dict)
    tide_m: float | None = None
    statistics: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    absent_bands: tuple[str, ...] = ()
    created: datetime | None = None


def write_item(folder: Path, provenance: Provenance) -> Path:
    """Write ``item.json`` into the folder that holds the outputs; the last step of a map.

    Args:
        folder: Where the outputs stand, whole.
        provenance: Where they came from.

    Returns:
        The file.

    Raises:
        OutputError: It cannot be written.
    """
    return write_json(folder / ITEM_NAME, build_item(folder, provenance).to_dict(transform_hrefs=False))


def build_item(folder: Path, provenance: Provenance) -> pystac.Item:
    """Build the record of the outputs in a folder; hrefs are relative to it.

    Args:
        folder: Where the outputs stand.
        provenance: Where they came from.

    Returns:
        A STAC 1.1 Item whose geometry is the convex hull of the pixels with data.
    """
    created = (provenance.created or datetime.now(UTC)).replace(microsecond=0)
    geometry, bbox = compute_footprint(provenance.grid, folder / "water.tif")
    acquired = provenance.scene.acquired
    item = pystac.Item(
        id=provenance.scene.id,
        geometry=geometry,
        bbox=bbox,
        datetime=acquired,
        properties={
            **({UNDATED: False} if acquired else describe_interval((None,), created=created)),
            **_build_properties(provenance, created),
        },
        stac_extensions=[*_SCHEMAS, *_name_more_schemas(provenance.scene)],
        assets={
            **build_assets(folder, provenance.grid),
            "model": build_model_asset(
                provenance.card, make_whole_href(provenance.model_source), provenance.model_sha256
            ),
        },
    )
    item.add_link(pystac.Link("derived_from", _find_origin(provenance.scene), title=f"Input: {provenance.scene.id}"))
    return item


def _build_properties(provenance: Provenance, created: datetime) -> dict[str, Any]:
    return {
        "title": f"Land, water and coastline of {provenance.scene.id}",
        "description": _attribution(provenance.scene),
        "created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "license": "other",
        **({"providers": [_COPERNICUS_PROVIDER]} if provenance.scene.other_mission is None else {}),
        **_build_sensor_properties(provenance.scene),
        **describe_projection(provenance.grid),
        "renders": {
            "water": describe_class_render("water_tif", "Land and water"),
            "probability": describe_share_render("probability_tif", "Probability of water"),
        },
        **_build_processing_properties(provenance),
        **build_mlm_properties(provenance.card, provenance.hyperparameters, provenance.software),
        **_build_own_properties(provenance),
    }


def _attribution(scene: Scene) -> str:
    if scene.simulated:
        return "A simulated scene: it shows no place on Earth."
    if scene.other_mission is not None:
        return f"Made from data of another mission than Sentinel-2 ({scene.other_mission}): see there for its licence."
    year = f" {scene.acquired:%Y}" if scene.acquired else ""
    return f"{COPERNICUS}{year}."


def _build_sensor_properties(scene: Scene) -> dict[str, Any]:
    ours = scene.other_mission is None
    sensor: dict[str, Any] = {"constellation": "sentinel-2", "instruments": ["msi"]} if ours else {}
    if scene.platform:
        sensor["platform"] = scene.platform
    if scene.cloud_percent is not None:
        sensor["eo:cloud_cover"] = scene.cloud_percent
    named = parse_product_name(scene.id) if ours else None
    if named is not None and named.tile:
        sensor["grid:code"] = f"MGRS-{named.tile}"
    if orbit := _ORBIT.search(scene.id) if ours else None:
        sensor["sat:relative_orbit"] = int(orbit[1])
    return sensor | dict(scene.stated)


def _name_more_schemas(scene: Scene) -> list[str]:
    """Addresses of the schemas of what a scene may state of itself."""
    stated = _build_sensor_properties(scene)
    return [
        address
        for prefix, address in zip(("sat:", "grid:"), name_schemas("sat/v1.0.0", "grid/v1.1.0"), strict=True)
        if any(name.startswith(prefix) for name in stated)
    ]


def _build_processing_properties(provenance: Provenance) -> dict[str, Any]:
    kind = name_architecture(provenance.hyperparameters)
    runs = [f"{name} {number}" for name, number in provenance.software.items()]
    decoder = {_GPU_DECODER: _version(_GPU_DECODER)} if provenance.runtime.get("decoder") == "nvimgcodec" else {}
    return {
        "processing:lineage": (
            f"{_name_pixels(provenance.scene)} of {provenance.scene.id}, brought to one grid; {kind} "
            f"{provenance.card.name} {provenance.card.version}{f', run by {runs[0]}' if runs else ''}; contour of the "
            "water probability between pixel centres."
        ),
        "processing:software": {
            "Strandline": __version__,
            "GDAL": str(rasterio.__gdal_version__),
            **provenance.software,
            **decoder,
            "Python": platform.python_version(),
        },
    }


def _name_pixels(scene: Scene) -> str:
    return "Top-of-atmosphere reflectance" if scene.level == "L1C" else "Surface reflectance"


def _build_own_properties(provenance: Provenance) -> dict[str, Any]:
    scene = provenance.scene
    own = {
        "fingerprint": provenance.basis.fingerprint,
        "basis": provenance.basis.to_dict(),
        "simulated": scene.simulated,
        "date_source": scene.date_source,
        "datum": INSTANTANEOUS,
        "tide_m": provenance.tide_m,
        "source": {
            "href": _find_origin(scene),
            "kind": scene.kind,
            "level": scene.level,
            "baseline": scene.baseline,
            "bands": list(scene.band_names),
            **({"host": scene.host, "hosts": list(scene.hosts)} if scene.hosts else {}),
        },
        "inputs": [
            {"href": _find_origin(scene) if name == scene.source else make_whole_href(name)}
            | ({"file:checksum": format_multihash(checksum)} if len(checksum) == 64 else {})
            for name, checksum in provenance.inputs.items()
        ],
        "radiometry": scene.radiometry.to_dict(),
        "absent_bands": list(provenance.absent_bands),
        "model_sha256": provenance.model_sha256,
        "probability_rmse": provenance.card.probability_rmse,
        "parameters": dict(provenance.parameters),
        "runtime": {**provenance.runtime, "software": dict(provenance.software)},
        "statistics": dict(provenance.statistics),
        "notes": list(provenance.notes),
    }
    return {f"strandline:{name}": value for name, value in own.items()}


def _find_origin(scene: Scene) -> str:
    """Where others find what was mapped: a batch opens items from copies of its own."""
    return make_whole_href(scene.origin or scene.source)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
