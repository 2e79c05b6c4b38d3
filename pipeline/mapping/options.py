"""What a user may choose about a map, validated once, at the edge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from models.runtimes.registry import DEFAULT_MODEL
from pipeline.checksums import compute_source_sha256
from pipeline.export.options import VectorOptions
from pipeline.tides import TideOptions
from pipeline.trace.ocean import resolve_ocean
from pipeline.trace.waters import ShoreKind
from tiles.masks import CLOUD_BUFFER_M, CLOUD_CLASSES, SCL_CLASSES

__all__ = ["MapOptions"]


class MapOptions(TideOptions, VectorOptions):
    """Choices for ``map_scene``; each has a sensible default.

    Attributes:
        model: Name of a bundled model, or path of a model file.
        device: ``auto`` takes a GPU where there is one.
        precision: ``auto`` takes bfloat16 where the processor has it; ``int8`` computes most of the bundled model in 8
            bits, within a bound that ``docs/performance.md`` states.
        runtime: ``torch``, ``openvino``, or ``auto``: what takes less time here. The maps differ by rounding alone.
        decoder: What decodes JPEG 2000: ``gdal``, or ``nvimgcodec`` on a GPU (``strandline[gpu]``).
        threads: Tiles that are mapped and files that are decoded at once; 0: one a processor core. Changes speed and
            memory, never the result.
        tile_size: Columns, and rows, of a tile's interior in pixels; on a processor it has 512 rows at the most.
            ``None``: chosen from memory and cores. Changes speed and memory, never the result.
        aoi: Area of interest: ``W,S,E,N`` in degrees, or a vector file with polygons; ``None``: the whole scene.
        cloud_classes: Classes of the scene classification that hide the ground.
        mask: The user's own cloud mask, read instead of the scene classification: a raster on any grid; ``{scene}`` in
            it is the scene's name. ``None``: there is none.
        mask_classes: Its values that hide the ground; must be said with it.
        cloud_buffer_m: Ground within this distance of them is hidden too, in metres.
        doubtful: ``hide`` islets that look like a cloud or a vessel, or ``keep`` them as land.
        threshold: Probability from which a pixel is water, and at which the coastline runs.
        min_area_m2: Islands and lakes smaller than this are left out of the vectors.
        min_length_m: Open lines shorter than this that end at cloud, nodata or the scene's edge are left out.
        simplify_m: Tolerance for thinning the vectors, in metres; 0 keeps every vertex.
        ocean: Polygons of the ocean, to tell sea from lake; ``None``: Natural Earth 1:10m;
            ``gshhg``: GSHHG, where it is installed.
        only: Kinds of lines and polygons that are written: ``sea``, ``river``, ``lake``, ``open``; none: all.
        crs: CRS of the vectors, as ``EPSG:3035``; ``None``: the map's own.
        smooth_m: Waves of the lines of this length lose half their height, shorter ones more; 0: none.
        dissolve: One feature of many parts for each kind.
        points_every_m: Besides, points along the lines this far apart; ``None``: none.
        formats: Vector formats besides the GeoPackage, which is always written.
        tides: CSV of heights of the tide (``time``, ``height_m``): how high it stood is recorded, not corrected for.
        tide_model: The same by a model that pyTMD reads.
        tide_folder: Where that model lies.
        overwrite: Replace a result that was made from other inputs or with other choices.
    """

    model: str = DEFAULT_MODEL
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16", "int8"] = "auto"
    runtime: Literal["auto", "torch", "openvino"] = "auto"
    decoder: Literal["gdal", "nvimgcodec"] = "gdal"
    threads: Annotated[int, Field(ge=0)] = 0
    tile_size: Annotated[int, Field(ge=32, le=16384)] | None = None
    aoi: str | None = None
    cloud_classes: frozenset[int] = CLOUD_CLASSES
    mask: str | None = None
    mask_classes: frozenset[int] = frozenset()
    cloud_buffer_m: Annotated[float, Field(ge=0, le=5000)] = CLOUD_BUFFER_M
    doubtful: Literal["hide", "keep"] = "hide"
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    min_area_m2: Annotated[float, Field(ge=0)] = 0.0
    min_length_m: Annotated[float, Field(ge=0)] = 0.0
    simplify_m: Annotated[float, Field(ge=0)] = 0.0
    ocean: Annotated[Path | None, AfterValidator(resolve_ocean)] = None
    only: frozenset[ShoreKind] = frozenset()
    formats: tuple[str, ...] = ("gpkg",)
    overwrite: bool = False

    @model_validator(mode="after")
    def _check_classes(self) -> Self:
        unknown = sorted(self.cloud_classes - SCL_CLASSES.keys())
        if unknown:
            raise ValueError(f"cloud classes must be 0 to 11 of the scene classification, found {unknown}")
        return self

    @model_validator(mode="after")
    def _check_mask(self) -> Self:
        if (self.mask is None) == bool(self.mask_classes):
            raise ValueError(
                "expected --mask FILE and --mask-classes together, found one alone: say which values hide the ground, "
                "as 1,2,3 (OmniCloudMask), 1 (s2cloudless) or 2,4 (Fmask)"
            )
        return self

    @property
    def obscured_classes(self) -> frozenset[int]:
        """What hides the ground: classes of the mask where there is one, else of the scene classification."""
        return self.mask_classes if self.mask is not None else self.cloud_classes

    def result_parameters(self) -> dict[str, object]:
        """The choices that change the result, for the record.

        Threads, tile size, device, runtime, decoder and ``overwrite`` do not. A file is known by its checksum; tides
        count by the height that comes of them, which ``plan_scene`` adds.
        """
        return {
            "aoi": _describe_source(self.aoi),
            "ocean": _describe_source(self.ocean),
            "only": sorted(self.only),
            "cloud_classes": sorted(self.cloud_classes),
            "mask_classes": sorted(self.mask_classes),
            "cloud_buffer_m": self.cloud_buffer_m,
            "doubtful": self.doubtful,
            "threshold": self.threshold,
            "min_area_m2": self.min_area_m2,
            "min_length_m": self.min_length_m,
            "simplify_m": self.simplify_m,
            "tides": self.tides.name if self.tides is not None else self.tide_model,
            "formats": sorted({"gpkg", *self.formats}),
            **self.vector_parameters(),
        }


def _describe_source(source: str | Path | None) -> str | None:
    """A file or folder by its checksum, anything else (a box, an address) by its text."""
    return None if source is None else compute_source_sha256(Path(source)) or str(source)
