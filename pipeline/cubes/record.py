"""What a mapped cube says of itself: flags, CRS, model, and how its values were understood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from models.card import ModelCard
from pipeline.cubes.chunks import ModelKey
from pipeline.cubes.layout import CubeLayout
from pipeline.cubes.radiometry import CubeRadiometry
from pipeline.output.classes import CLASS_NAMES, NODATA
from strandline import __version__
from tiles.scene import Radiometry

__all__ = ["CubeRecord", "describe_result"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CubeRecord:
    """What is written down beside a map.

    Attributes:
        layout: The cube.
        radiometry: How its values became reflectance.
        model: What was asked.
        card: Its card.
        precision: What it multiplied in.
        threshold: Probability from which a pixel is water.
        cloud_classes: Classes of the scene classification that hid the ground.
        cloud_buffer_m: How far around them it was hidden too.
        absent: What to tell of bands that the cube lacks.
    """

    layout: CubeLayout
    radiometry: CubeRadiometry
    model: ModelKey
    card: ModelCard
    precision: str
    threshold: float
    cloud_classes: frozenset[int]
    cloud_buffer_m: float
    absent: tuple[str, ...] = ()


def describe_result(dataset: xr.Dataset, record: CubeRecord) -> xr.Dataset:
    """Say in the attributes what the values mean and where they come from.

    Args:
        dataset: ``water`` and ``probability``; changed and given back.
        record: All that there is to say.

    Source: CF conventions 1.11, sections 3.5 (flags) and 5.6 (grid mappings).
    """
    dataset = _write_crs(dataset, record.layout)
    steps = record.radiometry.steps
    dataset["water"].attrs = {
        "long_name": "land and water",
        "flag_values": np.array(list(CLASS_NAMES), dtype=np.uint8),
        "flag_meanings": " ".join(CLASS_NAMES.values()),
        "_FillValue": np.uint8(NODATA),
    }
    dataset["probability"].attrs = {"long_name": "probability of water", "units": "1", "valid_range": [0.0, 1.0]}
    dataset.attrs = {
        "Conventions": "CF-1.11",
        "title": "Land and water from Sentinel-2",
        "source": f"Strandline {__version__}, model {record.card.name} {record.card.version}",
        "strandline_version": __version__,
        "strandline_model": record.card.name,
        "strandline_model_version": record.card.version,
        "strandline_model_sha256": record.model.sha256,
        "strandline_bands": " ".join(record.model.inputs),
        "strandline_threshold": record.threshold,
        "strandline_cloud_classes": " ".join(map(str, sorted(record.cloud_classes))),
        "strandline_cloud_buffer_m": record.cloud_buffer_m,
        "strandline_precision": record.precision,
        "strandline_scale": 1 / steps[0].quantification,
        "strandline_scale_source": record.radiometry.scale_source,
        "strandline_offset_dn": [min(step.offsets.values()) for step in steps],
        "strandline_offset_source": "; ".join(dict.fromkeys(step.source for step in steps)),
        "strandline_nodata": "NaN" if steps[0].nodata is None else steps[0].nodata,
        "strandline_notes": " ".join((*record.layout.notes, *record.absent, *record.radiometry.warnings)),
    }
    dataset.attrs |= _describe_single_bands(steps[0])
    return dataset


def _describe_single_bands(radiometry: Radiometry) -> dict[str, str]:
    """Scale and nodata of the bands that have another than most; nothing where none has."""
    scales = ", ".join(f"{name} {1 / value:g}" for name, value in radiometry.quantifications.items())
    markers = ", ".join(f"{name} {'NaN' if v is None else f'{v:g}'}" for name, v in radiometry.markers.items())
    described = {"strandline_scale_of_bands": scales, "strandline_nodata_of_bands": markers}
    return {name: text for name, text in described.items() if text}


def _write_crs(dataset: xr.Dataset, layout: CubeLayout) -> xr.Dataset:
    """A CF grid mapping, the cube's own where it has one."""
    name = next((str(n) for n, c in layout.coords.items() if c.ndim == 0 and "crs_wkt" in c.attrs), "spatial_ref")
    if name not in dataset.coords:
        wkt = layout.grid.crs.to_wkt()
        attrs = {"crs_wkt": wkt, "spatial_ref": wkt, "GeoTransform": _describe_transform(layout)}
        dataset = dataset.assign_coords({name: xr.DataArray(np.int32(0), attrs=attrs)})
    for variable in dataset.data_vars.values():
        variable.encoding["grid_mapping"] = name
    return dataset


def _describe_transform(layout: CubeLayout) -> str:
    """GDAL's six numbers, in the cube's own order of rows and columns."""
    left, bottom, right, top = layout.grid.bounds
    step_x, step_y = layout.grid.resolution
    rows, cols = (dim in layout.flipped for dim in layout.dims)
    numbers = (right if cols else left, -step_x if cols else step_x, 0, bottom if rows else top, 0)
    return " ".join(f"{value:.15g}" for value in (*numbers, step_y if rows else -step_y))
