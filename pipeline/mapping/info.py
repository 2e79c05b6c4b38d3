"""What a scene is, for a person or a machine: metadata, radiometric decision, and shares of nodata and cloud."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from tiles.bands import BANDS
from tiles.masks import combine_validity, compute_band_validity, read_declared_validity
from tiles.products.headers import open_quietly
from tiles.scene import BandSource, Radiometry, Scene

__all__ = ["SceneInfo", "describe_scene"]

_CLOUD = (8, 9, 10)
_SHADOW = (3,)
_OVERVIEW_PX = 512
"""Pixels each way on which nodata is counted in a large raster."""

_WHOLE_PX = 4_000_000
"""A band of at most this size, such as any at 60 m, is read whole. The overviews of JPEG 2000 are wavelet averages that
swing below their pixels: where dark water is clipped to 1 they show 0, which is no nodata (2.4% of the Fiji scene)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneInfo:
    """A scene and what a quick look at it shows.

    Attributes:
        scene: The scene, as opened.
        nodata_share: Share (0 to 1) of pixels without data; approximate where no band is as small as 60 m makes it.
        cloud_share: Share (0 to 1) of the classified pixels that are cloud (SCL 8, 9, 10), or ``None`` without SCL.
        shadow_share: The same for cloud shadow (SCL 3).
    """

    scene: Scene
    nodata_share: float
    cloud_share: float | None = None
    shadow_share: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain values that JSON can hold."""
        scene = self.scene
        return {
            "id": scene.id,
            "source": scene.source,
            "kind": scene.kind,
            "simulated": scene.simulated,
            "level": scene.level,
            "baseline": scene.baseline,
            "platform": scene.platform,
            "acquired": scene.acquired.isoformat() if scene.acquired else None,
            "date_source": scene.date_source,
            "crs": scene.grid.crs.to_string(),
            "grid": _describe_grid(scene),
            "bands": [_describe_band(band, scene) for band in scene.bands],
            "classification": scene.classification.path if scene.classification else None,
            "radiometry": scene.radiometry.to_dict(),
            "nodata_share": round(self.nodata_share, 6),
            "cloud_share": self.cloud_share if self.cloud_share is None else round(self.cloud_share, 6),
            "shadow_share": self.shadow_share if self.shadow_share is None else round(self.shadow_share, 6),
            "cloud_percent_stated": scene.cloud_percent,
            "files": list(scene.files),
            "notes": list(scene.notes),
        }


def describe_scene(scene: Scene) -> SceneInfo:
    """Take a quick look at a scene's pixels: seconds on a full product.

    Args:
        scene: The scene, as opened.

    Returns:
        The scene with its shares of nodata and cloud.

    Raises:
        RasterReadError: A file cannot be read.
    """
    classes = _count_classes(scene.classification) if scene.classification else None
    classified = float(classes[1:].sum()) if classes is not None else 0.0
    if classes is None or not classified:
        return SceneInfo(scene=scene, nodata_share=_measure_nodata(scene))
    return SceneInfo(
        scene=scene,
        nodata_share=_measure_nodata(scene),
        cloud_share=float(classes[list(_CLOUD)].sum()) / classified,
        shadow_share=float(classes[list(_SHADOW)].sum()) / classified,
    )


def _describe_grid(scene: Scene) -> dict[str, Any]:
    grid = scene.grid
    return {
        "width": grid.width,
        "height": grid.height,
        "resolution": list(grid.resolution),
        "bounds": dict(zip(("left", "bottom", "right", "top"), grid.bounds, strict=True)),
        "transform": list(grid.transform)[:6],
    }


def _describe_band(band: BandSource, scene: Scene) -> dict[str, Any]:
    return {
        "name": band.name,
        "wavelength_nm": BANDS[band.name].wavelength_nm,
        "resolution": list(band.grid.resolution),
        "width": band.grid.width,
        "height": band.grid.height,
        "offset": scene.radiometry.get_offset(band.name),
        "quantification": scene.radiometry.get_quantification(band.name),
        "nodata": scene.radiometry.get_nodata(band.name),
        "path": band.path,
        "index": band.index,
    }


def _measure_nodata(scene: Scene) -> float:
    """Share of missing pixels by the scene's own rule: of one band where any settles it, else of all together."""
    radiometry = scene.radiometry
    coarsest = min(scene.bands, key=lambda band: band.grid.width * band.grid.height)
    alike = radiometry.nodata_rule == "any" and not radiometry.markers and not any(band.masks for band in scene.bands)
    whole = coarsest.grid.width * coarsest.grid.height <= _WHOLE_PX
    shape = coarsest.grid.shape if whole else _compute_overview_shape(coarsest.grid.shape)
    bands = (coarsest,) if alike else scene.bands
    known = chain.from_iterable(_read_validity(band, radiometry, shape) for band in bands)
    return 1.0 - float(combine_validity(known, shape=shape).mean())


def _read_validity(
    band: BandSource, radiometry: Radiometry, shape: tuple[int, int]
) -> Iterator[tuple[NDArray[np.bool_] | None, bool]]:
    """Where a band has data by its DN, and by what its file declares; and whether that takes a pixel away alone."""
    with open_quietly(band.path) as dataset:
        dn = np.asarray(dataset.read(band.index, out_shape=shape))
        if band.masks:
            yield read_declared_validity(dataset, band.index, band.masks, out_shape=shape), True
    nodata = radiometry.get_nodata(band.name)
    yield compute_band_validity(dn, nodata, radiometry.fills), radiometry.is_missing_alone(band.name)


def _compute_overview_shape(shape: tuple[int, int]) -> tuple[int, int]:
    factor = max(1, min(shape) // _OVERVIEW_PX)
    return max(1, shape[0] // factor), max(1, shape[1] // factor)


def _count_classes(source: BandSource) -> NDArray[np.int64]:
    """Pixels a class, at native resolution: overviews of a JPEG 2000 file would average the class numbers."""
    counts = np.zeros(256, dtype=np.int64)
    with open_quietly(source.path) as dataset:
        rows = max(256, dataset.block_shapes[source.index - 1][0])
        for row in range(0, dataset.height, rows):
            window = rasterio.windows.Window(0, row, dataset.width, min(rows, dataset.height - row))
            block = np.asarray(dataset.read(source.index, window=window)).astype(np.int64).clip(0, 255)
            counts += np.bincount(block.ravel(), minlength=256)
    return counts
