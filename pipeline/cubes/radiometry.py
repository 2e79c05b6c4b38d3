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
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pipeline.cubes.layout import CubeLayout, read_nodata
from pipeline.cubes.statements import Statements
from tiles.errors import SceneError
from tiles.products.dn_samples import DnSamples
from tiles.products.fills import describe_fills, is_beyond_reflectance, resolve_fills
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
    markers: dict[str, float | None] = field(default_factory=dict)
    quantifications: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    samples: dict[int, DnSamples] = field(default_factory=dict)

    def resolve(self) -> CubeRadiometry:
        """All decisions in their order; see the module's docstring."""
        self.markers = {name: self._resolve_nodata(array) for name, array in self.layout.bands.items()}
        scales = self._resolve_scales()
        self.quantifications = {name: quantification for name, (quantification, _) in scales.items()}
        offsets = self._resolve_offsets()
        steps = tuple(self._make_step(step, offset, source) for step, (offset, source) in enumerate(offsets))
        self._warn_of_contradictions(steps, [source for _, source in offsets])
        self._warn_of_fills()
        sources = dict.fromkeys(source for _, source in scales.values())
        return CubeRadiometry(
            steps=steps, scale_source="; ".join(sources), warnings=tuple(dict.fromkeys(self.warnings))
        )

    @property
    def usual(self) -> float:
        """DN per unit of reflectance of most bands."""
        return Counter(self.quantifications.values()).most_common(1)[0][0]

    def _make_step(self, step: int, offset: Mapping[str, float], source: str) -> Radiometry:
        old = self.statements.is_before_offsets(step)
        least = 0.0 if 0 in offset.values() else min(offset.values())
        # The markers that the files had before a loader made NaN of them.
        markers = [self.statements.nodata if value is None else value for value in self.markers.values()]
        marker = 0.0 if 0 in markers else markers[0]
        return Radiometry.gather(
            quantifications=self.quantifications,
            markers=self.markers,
            offsets=offset,
            source=source,
            nodata_rule=resolve_nodata_rule(nodata=marker, offset=least, clipped=not old),
        )

    def _resolve_nodata(self, array: xr.DataArray) -> float | None:
        """The marker among a band's values as they are: its own, else that of other bands, else 0 or NaN."""
        if self.stated.nodata is not None:
            return None if math.isnan(self.stated.nodata) else self.stated.nodata
        all_bands = (array, *self.layout.bands.values())
        marker = next((value for band in all_bands if (value := read_nodata(band)) is not None), None)
        if marker is not None and not math.isnan(marker):
            return marker
        return None if array.dtype.kind == "f" else 0.0  # Nothing said: 0 is missing by the custom of Sentinel-2.

    def _resolve_scales(self) -> dict[str, tuple[float, str]]:
        """DN per unit of reflectance, and who says so, a band."""
        by_pixels: tuple[bool, str] | None = None
        scales = {}
        for name, array in self.layout.bands.items():
            scale = self.statements.get_scale(name)
            if self.stated.scale is not None:
                scales[name] = round(1 / self.stated.scale, 6), "scale="
            elif self.statements.is_decoded:
                scales[name] = 1.0, "scale_factor, which the loader applied"
            elif array.dtype.kind == "f":
                by_pixels = by_pixels or self._judge_size()
                fractions, why = by_pixels
                quantification = 1.0 if fractions else QUANTIFICATION if scale is None else round(1 / scale, 6)
                scales[name] = quantification, why if fractions or scale is None else self.statements.scale_source
            elif scale is not None:
                scales[name] = round(1 / scale, 6), self.statements.scale_source
            elif array.dtype.itemsize == 1:
                raise SceneError(
                    "Expected reflectance or DN of 16 bits, found a cube of 8 bits, which is a picture more than a "
                    "measurement. If it is one, say its scale: scale=0.004."
                )
            else:
                scales[name] = QUANTIFICATION, "whole numbers, so 10000 as in all products"
        return scales

    def _judge_size(self) -> tuple[bool, str]:
        """Fractions and DN can both be floating-point: whether these are fractions, and why."""
        steps = sorted({0, self.layout.steps // 2, self.layout.steps - 1})
        values = [band for step in steps for band in self._select_unscaled(step).values() if band.size]
        top = max((float(np.percentile(band, 99)) for band in values), default=math.nan)
        if top <= 2:
            return True, f"values up to {top:.2g}, so reflectance already"
        if top >= 100:
            return False, f"values up to {top:.0f}, so 10000 as in all products"
        span = "no valid pixels where it was looked" if math.isnan(top) else f"values up to {top:.3g}"
        raise SceneError(
            f"Expected reflectance (up to about 1) or DN (up to about 10000) in the cube, found {span}. Say which: "
            "scale=0.0001 for DN, scale=1 for reflectance."
        )

    def _resolve_offsets(self) -> list[tuple[Mapping[str, float], str]]:
        """The DN to add a band, and who says so, a date."""
        names, steps = tuple(self.layout.bands), range(self.layout.steps)
        if self.stated.offset is not None:
            values = self.stated.offset if isinstance(self.stated.offset, tuple) else (self.stated.offset,) * len(steps)
            if len(values) != len(steps):
                raise SceneError(f"Expected one offset, or one for each of {len(steps)} dates, found {len(values)}.")
            return [(dict.fromkeys(names, value), "offset=") for value in values]
        statements = [self._state_offset(step) for step in steps]
        unstated = [step for step in steps if statements[step] is None]
        judged = self._resolve_offsets_by_pixels(unstated, self.usual) if unstated else {}
        return [
            statement if statement is not None else (self._spread_offset(judged[step][0]), judged[step][1])
            for step, statement in enumerate(statements)
        ]

    def _state_offset(self, step: int) -> tuple[dict[str, float], str] | None:
        """What is said of a date, if something is said of all bands, whatever their scales."""
        offsets: dict[str, float] = {}
        sources: list[str] = []
        for quantification in dict.fromkeys(self.quantifications.values()):
            alike = [name for name, other in self.quantifications.items() if other == quantification]
            statement = self.statements.state_offset(step, alike, quantification)
            if statement is None:
                return None
            offsets |= statement[0]
            sources.append(statement[1])
        return {name: offsets[name] for name in self.layout.bands}, "; ".join(dict.fromkeys(sources))

    def _spread_offset(self, offset: float) -> dict[str, float]:
        """An offset in DN of most bands, in each band's own."""
        return {name: round(offset * own / self.usual, 6) for name, own in self.quantifications.items()}

    def _resolve_offsets_by_pixels(
        self, unstated: Sequence[int], quantification: float
    ) -> dict[int, tuple[float, str]]:
        """Ask the pixels of the dates of which nobody says anything."""
        if len(unstated) > _MOST_STEPS:
            self._raise_unknown_offset(unstated, f"{len(unstated)} dates are too many to judge by their pixels")
        full = OFFSET_DN * quantification / QUANTIFICATION
        evidence = {step: self._find_evidence(step) for step in unstated}
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

    def _find_evidence(self, step: int) -> OffsetEvidence:
        usual = self.usual
        alike = {
            name: values if self.quantifications[name] == usual else values * (usual / self.quantifications[name])
            for name, values in self._select_samples(step).items()
        }
        return compute_offset_evidence(alike, quantification=usual)

    def _load_samples(self, step: int) -> DnSamples:
        """Values a band of some windows of a date; loaded once."""
        if step not in self.samples:
            self.samples[step] = _read_samples(self.layout, step)
        return self.samples[step]

    def _select_samples(self, step: int) -> dict[str, NDArray[Any]]:
        """The valid values a band."""
        return self._load_samples(step).select_valid(self.markers, fills=self._find_fills(step))

    def _select_unscaled(self, step: int) -> dict[str, NDArray[Any]]:
        """The valid values a band before the scale is known: a value that all bands have is more likely fill."""
        samples = self._load_samples(step)
        fills = [value for value in samples.compute_repeated_values() if is_beyond_reflectance(value, 1)]
        valid = samples.select_valid(self.markers, fills=fills)
        return valid if any(values.size for values in valid.values()) else samples.select_valid(self.markers)

    def _find_fills(self, step: int) -> dict[float, float]:
        """The share of pixels of a date by values that no ground reflects and no tag names."""
        repeated = self._load_samples(step).compute_repeated_values()
        return resolve_fills(repeated, quantifications=self.quantifications.values(), markers=self.markers.values())

    def _warn_of_fills(self) -> None:
        """Say what is taken as nodata though nobody says so, where pixels are at hand."""
        fills: dict[float, float] = {}
        for step in self.samples:
            for value, share in self._find_fills(step).items():
                fills[value] = max(share, fills.get(value, 0.0))
        self.warnings += [sentence.replace("--nodata", "nodata=") for sentence in describe_fills(fills)]

    def _warn_of_contradictions(self, steps: Sequence[Radiometry], sources: Sequence[str]) -> None:
        """Where pixels are at hand, say where they disagree with what was said; they do not overrule it here."""
        if not self.layout.is_lazy:
            for step in range(min(len(steps), _MOST_STEPS)):
                self._load_samples(step)
        for step in self.samples:
            radiometry = steps[step]
            evidence = self._find_evidence(step)
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
            float(np.mean(values.astype(np.float64) + radiometry.offsets[name] < _TWICE * self.quantifications[name]))
            for name, values in self._select_samples(step).items()
            if values.size
        ]
        if sum(share >= _MANY for share in shares) >= 2:
            self.warnings.append(
                f"Reflectance lies below {_TWICE} in many pixels of {self.layout.name_step(step)}: the offset seems "
                "to have been taken off twice, by host and loader. Give scale= and offset= to correct it."
            )


_SURE = ("present", "absent")


def _read_samples(layout: CubeLayout, step: int) -> DnSamples:
    """Values a band, one-dimensional, at the same places."""
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
    return DnSamples(
        dn=values,
        known={name: np.isfinite(band) for name, band in values.items()},
        shapes=dict.fromkeys(names, layout.grid.shape),
    )


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
