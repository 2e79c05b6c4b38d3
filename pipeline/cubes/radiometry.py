"""How the values of a cube become reflectance: nodata, scale and offset, and who says so.

A loader may have scaled already, may have left scale and offset beside the values, or may have lost both; and of a
cube in DN without a word about its dates nobody can know whether ESA's offset of 1000 is in. Who is believed:

1. The caller's ``scale``, ``offset`` and ``nodata``.
2. The STAC items that the cube was loaded from: baseline, the host's flag, ``raster:bands`` (as
``tiles.products.stac_item``).
3. What the loader left: STAC properties among the coordinates (stackstac), ``scale_factor`` and ``add_offset``.
4. The pixels of a few windows, which are then computed at once; a warning says so.

Where even the pixels cannot tell, the cube is refused: nothing is guessed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pipeline.cubes.layout import CubeLayout
from pipeline.cubes.statements import Statements
from tiles.errors import SceneError
from tiles.products.radiometry import (
    EVIDENCE_BANDS,
    OFFSET_DN,
    QUANTIFICATION,
    OffsetEvidence,
    compute_offset_evidence,
    resolve_nodata_rule,
)
from tiles.scene import Radiometry

__all__ = ["CubeRadiometry", "StatedRadiometry", "resolve_radiometry"]

_MOST_STEPS = 8
"""Dates that are judged by their pixels at most: each costs the loading of some chunks."""

_PLACES, _WINDOW = 3, 192
"""Windows each way and their size that are looked at on a date; a smaller cube is looked at whole."""
_SMALL = (_PLACES * _WINDOW) ** 2

_TWICE, _MANY = -0.05, 0.01
"""A reflectance below this in this share of pixels of two bands: the offset was taken off twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedRadiometry:
    """The caller's word: ``reflectance = (value + offset) * scale``.

    Attributes:
        scale: Reflectance a DN, usually 0.0001; 1 where values are reflectance. ``None``: as found.
        offset: DN to add before scaling, usually -1000 or 0, for all dates or one a date. ``None``: as found.
        nodata: Value of missing pixels; NaN always is. ``None``: as found.

    Raises:
        SceneError: The scale is not positive, or the offset is no DN.
    """

    scale: float | None = None
    offset: float | tuple[float, ...] | None = None
    nodata: float | None = None

    def __post_init__(self) -> None:
        if self.scale is not None and not (self.scale > 0 and math.isfinite(self.scale)):
            raise SceneError(f"Expected a scale above 0 (reflectance a DN, usually 0.0001), found {self.scale}.")
        offsets = self.offset if isinstance(self.offset, tuple) else (self.offset,)
        wrong = [value for value in offsets if value is not None and not math.isfinite(value)]
        small = [value for value in offsets if value is not None and 0 < abs(value) < 1]
        if wrong or (small and self.scale not in (None, 1)):
            raise SceneError(
                f"Expected an offset in DN, added before the scale (usually -1000 or 0), found {[*wrong, *small][0]}. "
                "An offset of -0.1 in reflectance is -1000 in DN."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class CubeRadiometry:
    """What was decided.

    Attributes:
        steps: From value to reflectance, a date.
        scale_source: Who says the scale.
        warnings: What makes the result doubtful, a sentence each.
    """

    steps: tuple[Radiometry, ...]
    scale_source: str
    warnings: tuple[str, ...] = ()


def resolve_radiometry(layout: CubeLayout, *, stated: StatedRadiometry, statements: Statements) -> CubeRadiometry:
    """Decide how the values of a cube become reflectance.

    Args:
        layout: The cube.
        stated: The caller's word.
        statements: What the items or the loader say of each date.

    Raises:
        SceneError: Nobody says it and the pixels cannot tell.
    """
    return _Resolver(layout, stated, statements).resolve()


@dataclass(slots=True, eq=False)
class _Resolver:
    """The decisions, one after the other; keeps the pixels that were looked at."""

    layout: CubeLayout
    stated: StatedRadiometry
    statements: Statements
    nodata: float | None = None
    marker: float | None = None
    warnings: list[str] = field(default_factory=list)
    samples: dict[int, dict[str, NDArray[Any]]] = field(default_factory=dict)

    def resolve(self) -> CubeRadiometry:
        """All decisions in their order; see the module's docstring."""
        self.nodata, self.marker = self._resolve_nodata()
        quantification, scale_source = self._resolve_scale()
        offsets = self._resolve_offsets(quantification)
        steps = tuple(
            self._make_step(step, quantification, offset, source) for step, (offset, source) in enumerate(offsets)
        )
        self._warn_of_contradictions(steps, [source for _, source in offsets])
        return CubeRadiometry(steps=steps, scale_source=scale_source, warnings=tuple(dict.fromkeys(self.warnings)))

    def _make_step(self, step: int, quantification: float, offset: Mapping[str, float], source: str) -> Radiometry:
        old = self.statements.is_before_offsets(step)
        least = min(offset.values())
        rule = resolve_nodata_rule(nodata=self.marker, offset=least, clipped=not old)
        return Radiometry(
            quantification=quantification, offsets=offset, source=source, nodata=self.nodata, nodata_rule=rule
        )

    def _resolve_nodata(self) -> tuple[float | None, float | None]:
        """The marker among the values as they are, and the one that the files had before a loader made it NaN."""
        if self.stated.nodata is not None:
            value = None if math.isnan(self.stated.nodata) else self.stated.nodata
            return value, value
        arrays = self.layout.bands
        markers = {_read_nodata(array) for array in arrays.values()} - {None}
        numbers = {value for value in markers if value is not None and not math.isnan(value)}
        if len(numbers) > 1:
            raise SceneError(f"Expected one nodata value for all bands, found {sorted(numbers)}. Say it: nodata=0.")
        floating = any(array.dtype.kind == "f" for array in arrays.values())
        if numbers:
            value = numbers.pop()
            return value, value
        if floating:
            return None, self.statements.nodata
        return 0.0, 0.0  # Nothing said: 0 is missing by the custom of Sentinel-2.

    def _resolve_scale(self) -> tuple[float, str]:
        """DN per unit of reflectance, and who says so."""
        if self.stated.scale is not None:
            return round(1 / self.stated.scale, 6), "scale="
        kinds = {array.dtype.kind for array in self.layout.bands.values()}
        scale = self.statements.scale
        if self.statements.is_decoded:
            return 1.0, "scale_factor, which the loader applied"
        if "f" in kinds:
            return self._resolve_scale_by_pixels(scale)
        if scale is not None:
            return round(1 / scale, 6), self.statements.scale_source
        if any(array.dtype.itemsize == 1 for array in self.layout.bands.values()):
            raise SceneError(
                "Expected reflectance or DN of 16 bits, found a cube of 8 bits, which is a picture more than a "
                "measurement. If it is one, say its scale: scale=0.004."
            )
        return QUANTIFICATION, "whole numbers, so 10000 as in all products"

    def _resolve_scale_by_pixels(self, scale: float | None) -> tuple[float, str]:
        """Fractions and DN can both be floating-point: their size tells which."""
        steps = sorted({0, self.layout.steps // 2, self.layout.steps - 1})
        values = [band for step in steps for band in self._load_samples(step).values() if band.size]
        top = max((float(np.percentile(band, 99)) for band in values), default=math.nan)
        if top <= 2:
            return 1.0, f"values up to {top:.2g}, so reflectance already"
        if top >= 100:
            return (
                (round(1 / scale, 6), self.statements.scale_source)
                if scale is not None
                else (QUANTIFICATION, f"values up to {top:.0f}, so 10000 as in all products")
            )
        span = "no valid pixels where it was looked" if math.isnan(top) else f"values up to {top:.3g}"
        raise SceneError(
            f"Expected reflectance (up to about 1) or DN (up to about 10000) in the cube, found {span}. Say which: "
            "scale=0.0001 for DN, scale=1 for reflectance."
        )

    def _resolve_offsets(self, quantification: float) -> list[tuple[Mapping[str, float], str]]:
        """The DN to add a band, and who says so, a date."""
        names, steps = tuple(self.layout.bands), range(self.layout.steps)
        if self.stated.offset is not None:
            values = self.stated.offset if isinstance(self.stated.offset, tuple) else (self.stated.offset,) * len(steps)
            if len(values) != len(steps):
                raise SceneError(f"Expected one offset, or one for each of {len(steps)} dates, found {len(values)}.")
            return [(dict.fromkeys(names, value), "offset=") for value in values]
        statements = [self.statements.state_offset(step, names, quantification) for step in steps]
        unstated = [step for step in steps if statements[step] is None]
        judged = self._resolve_offsets_by_pixels(unstated, quantification) if unstated else {}
        return [
            statement if statement is not None else (dict.fromkeys(names, judged[step][0]), judged[step][1])
            for step, statement in enumerate(statements)
        ]

    def _resolve_offsets_by_pixels(
        self, unstated: Sequence[int], quantification: float
    ) -> dict[int, tuple[float, str]]:
        """Ask the pixels of the dates of which nobody says anything."""
        if len(unstated) > _MOST_STEPS:
            self._raise_unknown_offset(unstated, f"{len(unstated)} dates are too many to judge by their pixels")
        full = OFFSET_DN * quantification / QUANTIFICATION
        evidence = {step: self._find_evidence(step, quantification) for step in unstated}
        known = {step: full if e.verdict == "present" else 0.0 for step, e in evidence.items() if e.verdict in _SURE}
        if not known or (len(known) < len(unstated) and len({*known.values()}) > 1):
            unsure = [step for step in unstated if step not in known]
            self._raise_unknown_offset(unsure, evidence[unsure[0]].sentence)
        alike = next(iter(known.values()))
        result = {
            step: (known[step], f"pixels ({evidence[step].sentence})")
            if step in known
            else (alike, "the pixels of the other dates")
            for step in unstated
        }
        for offset in sorted({*known.values()}):
            dates = ", ".join(self.layout.name_step(step) for step in unstated if result[step][0] == offset)
            self.warnings.append(
                f"No metadata says whether an offset of 1000 DN is in the values of {dates}; the pixels say "
                f"{'that it is' if offset else 'that it is not'}. Give items= or offset={offset:g} to be sure."
            )
        return result

    def _raise_unknown_offset(self, steps: Sequence[int], why: str) -> None:
        raise SceneError(
            f"Expected to know whether the radiometric offset of 1000 DN is in the values of "
            f"{self.layout.name_step(steps[0])}, found nothing that says so: {why}. Give the items that the cube was "
            "loaded from (items=items), or the offset: -1000 for DN of baseline 04.00 and later as ESA and Planetary "
            "Computer serve them, 0 for older ones or where the host took it off."
        )

    def _find_evidence(self, step: int, quantification: float) -> OffsetEvidence:
        return compute_offset_evidence(self._load_samples(step), quantification=quantification)

    def _load_samples(self, step: int) -> dict[str, NDArray[Any]]:
        """Valid values a band of some windows of a date; loaded once."""
        if step not in self.samples:
            self.samples[step] = _read_samples(self.layout, step, self.nodata)
        return self.samples[step]

    def _warn_of_contradictions(self, steps: Sequence[Radiometry], sources: Sequence[str]) -> None:
        """Where pixels are at hand, say where they disagree with what was said; they do not overrule it here."""
        if not self.layout.is_lazy:
            for step in range(min(len(steps), _MOST_STEPS)):
                self._load_samples(step)
        for step in self.samples:
            radiometry = steps[step]
            evidence = self._find_evidence(step, radiometry.quantification)
            stated_in = min(radiometry.offsets.values()) < 0
            if evidence.verdict == "present" and not stated_in:
                self.warnings.append(
                    f"{sources[step]} says that no offset is left in the values of {self.layout.name_step(step)}, but "
                    f"{evidence.sentence}. Give offset= if the pixels are right."
                )
            if evidence.verdict == "absent" and stated_in:
                self.warnings.append(
                    f"{sources[step]} says that an offset of {min(radiometry.offsets.values()):g} is to be added on "
                    f"{self.layout.name_step(step)}, but {evidence.sentence}. Give offset=0 if the pixels are right."
                )
            self._warn_of_double_offset(step, radiometry)

    def _warn_of_double_offset(self, step: int, radiometry: Radiometry) -> None:
        shares = [
            float(np.mean(values.astype(np.float64) + radiometry.offsets[name] < _TWICE * radiometry.quantification))
            for name, values in self._load_samples(step).items()
            if values.size
        ]
        if sum(share >= _MANY for share in shares) >= 2:
            self.warnings.append(
                f"Reflectance lies below {_TWICE} in many pixels of {self.layout.name_step(step)}: the offset seems "
                "to have been taken off twice, by host and loader. Give scale= and offset= to correct it."
            )


_SURE = ("present", "absent")


def _read_nodata(array: xr.DataArray) -> float | None:
    """The marker that an array's own attributes name: CF's, odc's, rioxarray's."""
    for word in ("_FillValue", "missing_value", "nodata"):
        if array.attrs.get(word) is not None:
            return float(np.asarray(array.attrs[word]).ravel()[0])
    if array.dtype.kind != "f" and array.encoding.get("_FillValue") is not None:
        return float(array.encoding["_FillValue"])
    return None


def _read_samples(layout: CubeLayout, step: int, nodata: float | None) -> dict[str, NDArray[Any]]:
    """Valid values a band, one-dimensional; a pixel is missing where all bands have the marker."""
    names = [name for name in layout.bands if name in EVIDENCE_BANDS] or list(layout.bands)
    pieces: list[dict[str, NDArray[Any]]] = []
    for place in _list_windows(layout.grid.shape):
        window = dict(zip(layout.dims, place, strict=True)) | ({layout.time_dim: step} if layout.time_dim else {})
        cut = {
            name: layout.bands[name].isel(window).reset_coords(drop=True).drop_vars(layout.dims, errors="ignore")
            for name in names
        }
        loaded = xr.Dataset(cut)
        loaded = loaded.load() if layout.is_lazy else loaded  # all bands at once
        pieces.append({name: np.asarray(loaded[name].data).ravel() for name in names})
    values = {name: np.concatenate([piece[name] for piece in pieces]) for name in names}
    missing = np.logical_and.reduce([_is_missing(band, nodata) for band in values.values()])
    return {name: band[~missing & np.isfinite(band)] for name, band in values.items()}


def _list_windows(shape: tuple[int, int]) -> list[tuple[slice, slice]]:
    """Windows that depend on the size of the cube alone, so that lazy and loaded cubes are judged alike."""
    if shape[0] * shape[1] <= _SMALL:
        return [(slice(None), slice(None))]
    starts = [np.linspace(0, max(0, length - _WINDOW), _PLACES, dtype=int) for length in shape]
    return [
        (slice(int(row), int(row) + _WINDOW), slice(int(col), int(col) + _WINDOW))
        for row in starts[0]
        for col in starts[1]
    ]


def _is_missing(values: NDArray[Any], nodata: float | None) -> NDArray[np.bool_]:
    missing: NDArray[np.bool_] = ~np.isfinite(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)
    return missing if nodata is None else missing | (values == nodata)
