"""What a scene is once its metadata is understood, and before a pixel is read.

These are values: the openers (``safe``, ``stac``, ``stack``) make them, ``reader`` turns them into pixels,
``pipeline`` records them. Nothing here does any I/O.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Self

from tiles.bands import BANDS, L2A_STACK
from tiles.errors import BandError, SceneError
from tiles.grid import Grid

__all__ = ["BandSource", "Level", "NodataRule", "Radiometry", "Scene"]

Level = Literal["L1C", "L2A", "unknown"]
NodataRule = Literal["any", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BandSource:
    """Where the pixels of one band (or of the scene classification) lie.

    Attributes:
        name: Band name as in ``tiles.bands``, or ``SCL``.
        path: What GDAL opens: a file, ``/vsizip/...``, ``/vsicurl/...``.
        index: Band number within that file, from 1.
        grid: Native grid of the file, before any resampling.
        masks: What in the file says which pixels are valid: 0 the band's own mask (internal, or a ``.msk`` beside it),
            else the number of an alpha band. Empty: nodata alone says it.
        is_warped: The file lies on another grid, and is brought to this one, each pixel as the one at its centre.
    """

    name: str
    path: str
    index: int
    grid: Grid
    masks: tuple[int, ...] = ()
    is_warped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Radiometry:
    """How digital numbers (DN) become reflectance, and who says so.

    ``reflectance = (DN + offset[band]) / quantification``; nodata is decided on the DN, before the offset.

    Attributes:
        quantification: DN per unit of reflectance, usually 10000; 1 where pixels hold reflectance already.
        offsets: DN to add, a band (usually -1000 from processing baseline 04.00 on, else 0).
        nodata: DN that marks missing pixels (0 in products), or ``None`` where only NaN does. NaN is always missing.
        quantifications: The bands of another quantification, by name.
        markers: The bands of another nodata, by name.
        fills: Further DN of missing pixels, which no ground reflects and no tag names.
        nodata_rule: ``any``: a pixel is missing where any band has the marker. ``all``: only where every band has
            it, for stacks in which dark water was clipped to the marker's value.
        source: Who says so, e.g. ``MTD_MSIL2A.xml BOA_ADD_OFFSET`` or ``--offset``.
        doubts: Where metadata and pixels disagree, a sentence each.
    """

    quantification: float
    offsets: Mapping[str, float]
    source: str
    nodata: float | None = 0
    nodata_rule: NodataRule = "any"
    doubts: tuple[str, ...] = ()
    quantifications: Mapping[str, float] = field(default_factory=dict)
    markers: Mapping[str, float | None] = field(default_factory=dict)
    fills: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for value in (self.quantification, *self.quantifications.values()):
            if not value > 0:
                raise SceneError(f"A quantification value must be positive, found {value} ({self.source}).")

    @classmethod
    def gather(
        cls,
        *,
        quantifications: Mapping[str, float],
        markers: Mapping[str, float | None],
        offsets: Mapping[str, float],
        source: str,
        nodata_rule: NodataRule,
        doubts: tuple[str, ...] = (),
        fills: Iterable[float] = (),
    ) -> Self:
        """What holds for most bands, and what for single ones, from what holds for each.

        Args:
            quantifications: DN per unit of reflectance, a band.
            markers: Nodata, a band.
            offsets: As the attributes, like those that follow.
            source: Who says so.
            nodata_rule: When a pixel is missing.
            doubts: A sentence each.
            fills: Further markers, of all bands.
        """
        usual = Counter(quantifications.values()).most_common(1)[0][0]  # the first of several
        nodata = Counter(markers.values()).most_common(1)[0][0]
        return cls(
            quantification=usual,
            offsets=offsets,
            source=source,
            nodata=nodata,
            nodata_rule=nodata_rule,
            doubts=doubts,
            quantifications={name: value for name, value in quantifications.items() if value != usual},
            markers={name: value for name, value in markers.items() if value != nodata},
            fills=tuple(fills),
        )

    def get_quantification(self, band: str) -> float:
        """DN per unit of reflectance of a band."""
        return self.quantifications.get(band, self.quantification)

    def get_offset(self, band: str) -> float:
        """DN to add to a band's."""
        return self.offsets.get(band, 0.0)

    def get_nodata(self, band: str) -> float | None:
        """DN that marks missing pixels of a band, or ``None`` where only NaN does."""
        return self.markers.get(band, self.nodata)

    def is_missing_alone(self, band: str) -> bool:
        """Whether a pixel is missing where this band alone has its marker: dark water is clipped to 0, to no other."""
        return self.nodata_rule == "any" or self.markers.get(band, 0) != 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for records; what most scenes have nothing of only where there is such."""
        rare = {
            "quantifications": dict(self.quantifications),
            "markers": dict(self.markers),
            "fills": list(self.fills),
        }
        return {
            "quantification": self.quantification,
            "offsets": dict(self.offsets),
            "nodata": self.nodata,
            "nodata_rule": self.nodata_rule,
            "source": self.source,
            "doubts": list(self.doubts),
            **{name: value for name, value in rare.items() if value},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One acquisition, ready to be read.

    Attributes:
        id: Name of the product or item or file, without its ending; safe as a folder name.
        source: What the user gave.
        kind: Which reader understood it.
        level: Processing level.
        bands: The bands found, in the order of ``tiles.bands.BANDS``, one source a band at its finest resolution.
        grid: The finest grid among the bands, on which the scene is mapped.
        radiometry: From DN to reflectance.
        classification: The scene classification (SCL), where there is one.
        acquired: Time of sensing in UTC, where known; at midnight where only the day is.
        date_source: Who says so, such as ``name of the file`` or ``--date``; ``None`` where it is not known.
        baseline: Processing baseline such as ``05.11``, where known.
        platform: ``sentinel-2a`` …, where known.
        cloud_percent: Cloud cover that the metadata states, 0 to 100.
        files: Local files (or URLs) that a checksum should cover, metadata included.
        notes: What the user should be told, a sentence each.
        simulated: The scene is simulated, and must not be taken for a measurement.
        other_mission: What says that it is not of Sentinel-2, such as ``platform landsat-9``, and was allowed.
        hosts: Where the product is to be had, where there are several, in the order in which they are asked.
        host: That of these which it is read from.
        stated: What its item states of orbit, grid and product (``sat:``, ``grid:``, ``s2:``), for records of its map.
        origin: Where its item belongs by its link ``self``, which others can reach; ``source`` may be a copy of it.
    """

    id: str
    source: str
    kind: Literal["safe", "stac", "stack", "eopf"]
    level: Level
    bands: tuple[BandSource, ...]
    grid: Grid
    radiometry: Radiometry
    classification: BandSource | None = None
    acquired: datetime | None = None
    date_source: str | None = None
    baseline: str | None = None
    platform: str | None = None
    cloud_percent: float | None = None
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    simulated: bool = False
    other_mission: str | None = None
    hosts: tuple[str, ...] = ()
    host: str | None = None
    stated: Mapping[str, Any] = field(default_factory=dict, repr=False)
    origin: str | None = None

    def __post_init__(self) -> None:
        if not self.bands:
            raise BandError(f"No Sentinel-2 band was found in {self.source}.")
        order = [list(BANDS).index(source.name) for source in self.bands]
        if order != sorted(set(order)):
            raise SceneError(f"Bands must be unique and in order, found {', '.join(self.band_names)}.")

    @property
    def band_names(self) -> tuple[str, ...]:
        """Names of the bands found, in order."""
        return tuple(source.name for source in self.bands)

    def require_bands(self, wanted: tuple[str, ...] = L2A_STACK) -> tuple[BandSource, ...]:
        """The sources of the bands that a model wants, in the model's order.

        Raises:
            BandError: One is missing; the message names it, and says what was found.
        """
        sources = {source.name: source for source in self.bands}
        missing = [name for name in wanted if name not in sources]
        if missing:
            raise self._explain_missing(missing)
        return tuple(sources[name] for name in wanted)

    def select_bands(
        self, wanted: tuple[str, ...] = L2A_STACK, *, required: tuple[tuple[str, ...], ...] = ()
    ) -> tuple[BandSource, ...]:
        """The sources of those bands that a model wants and the scene has, in the model's order.

        Args:
            wanted: What the model reads where it is there.
            required: Groups of bands of which there must be one each; empty: the model needs all that it wants.

        Raises:
            BandError: A group has none; the message names it, and says what was found.
        """
        if not required:
            return self.require_bands(wanted)
        sources = {source.name: source for source in self.bands}
        missing = [" or ".join(group) for group in required if not sources.keys() & set(group)]
        if missing:
            raise self._explain_missing(missing)
        return tuple(sources[name] for name in wanted if name in sources)

    def _explain_missing(self, missing: list[str]) -> BandError:
        x_m = self.grid.resolution[0]
        at = f" at {x_m:g} m" if self.grid.crs.is_projected else ""
        hint = (
            " A 60 m product has no B08: use one with R10m, or a model that does without it (strandline models)."
            if "B08" in missing and self.kind == "safe" and x_m >= 60
            else " Use a complete product, or a model that does without it (strandline models)."
        )
        return BandError(
            f"Band {', '.join(missing)} is not in {self.source} (found {', '.join(self.band_names)}{at}).{hint}"
        )
