"""Is the radiometric offset still in the digital numbers? Who says so, and do the pixels agree?

From processing baseline 04.00 on, ESA adds 1000 to every digital number (DN), so that negative reflectance survives.
Catalogues and converters take it off again, or do not, and their metadata is wrong often enough that it is checked
against the pixels. Everything here is pure: pixels come from ``tiles.products.dn_samples``, statements from the
metadata.

Who is believed:

1. ESA's own product XML, and the user's ``--offset``: always. Where the pixels clearly disagree, a doubt is recorded.
2. A baseline before 04.00: no offset ever was in. Same doubt.
3. Otherwise clear pixels win over a catalogue's flag or a file's tag, and the disagreement is recorded.
4. Pixels that cannot tell leave the metadata right. Without metadata the date of sensing is a hint: baseline 04.00 came
   into use on 2022-01-25. Where no date is known either, nothing is taken off. A doubt says so both times.

How pixels tell was measured on 28,000 windows of real crops, with the offset put in and taken off
(``benchmarks/offset_evidence.py``; the table stands in ``docs/radiometry.md``).

Source: Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD), issue 14.9, radiometric offset;
Element84/earth-search issues 66 and 71 for catalogue flags that are wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tiles.scene import NodataRule, Radiometry

__all__ = [
    "EVIDENCE_BANDS",
    "OFFSET_DN",
    "QUANTIFICATION",
    "OffsetDecision",
    "OffsetEvidence",
    "OffsetStatement",
    "Verdict",
    "add_evidence_doubt",
    "compute_offset_evidence",
    "resolve_nodata_rule",
    "resolve_offset",
]

OFFSET_DN = -1000.0
"""What ESA asks to be added to a DN from baseline 04.00 on, in all bands of all products so far."""

QUANTIFICATION = 10000.0
"""DN per unit of reflectance in all ESA products so far; the thresholds below are stated for it."""

Verdict = Literal["present", "absent", "uncertain"]
Authority = Literal["user", "bands", "scene"]

_VISIBLE = ("B02", "B03", "B04")
_NEAR_INFRARED = ("B06", "B07", "B08", "B8A")
_SHORTWAVE = ("B11", "B12")
EVIDENCE_BANDS: tuple[str, ...] = (*_VISIBLE, *_NEAR_INFRARED, *_SHORTWAVE)
"""Bands worth sampling. B01, B09 and B10 carry atmosphere more than ground."""

_IMPOSSIBLE_DN, _UNLIKELY_DN = 800.0, 850.0
"""With the offset in, DN below these are reflectances under -0.02 and -0.015: rare, a pixel here and there."""

_FEW, _TWENTIETH = 0.005, 5.0
"""A share of such values is what lossy JPEG 2000 leaves beside nodata; the percentile of one band that is enough."""

_FLOOR_DN = 985.0
"""With the offset in, first percentiles lie at 983 and above in nearly all real windows; in most, above 1000."""

_LEAST_PIXELS = 500
"""Of a band, to judge by it at all."""

_DARK_PIXELS, _EVEN_DN = 200, 40.0
"""As many pixels (1% of a large sample, a fifth of a tiny one) must be dark, for hardly a small window is without a few
that deceive; and in the infrared within this of the first percentile, for water is even."""

_FIRST_OFFSET = date(2022, 1, 25)
"""Baseline 04.00 came into use. Older scenes were reprocessed since, so a date is a hint alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _DarkSpectrum:
    """DN of the darkest ground by part of the spectrum; of several infrared bands also the lowest.

    Attributes:
        blue: B02.
        green: B03.
        red: B04.
        near: The lowest of the near infrared.
        shortwave: B11.
        shortwave_low: The lower of B11 and B12.
    """

    blue: float
    green: float
    red: float
    near: float
    shortwave: float
    shortwave_low: float

    @property
    def is_water(self) -> bool:
        """Whether this is a spectrum of water (or shadow) with the offset in, and of nothing without.

        Clear water is nearly as dark in the near infrared as in the shortwave; where it is not, mud makes it brighter
        yet in the red. Haze over water (Cartagena: nothing below 1000 for a kilometre) is far brighter in the near
        infrared than in the shortwave, not in the red, and brightest in the blue.
        """
        is_dark = min(self.blue, self.green, self.red) <= 1400 and self.near <= 1350 and self.shortwave_low <= 1250
        step, slope = self.near - self.shortwave, self.red - self.near
        is_clear = is_dark and (step <= 100 or slope >= step / 2) and self.blue - self.shortwave <= 500
        return is_clear or self._is_muddy

    @property
    def _is_muddy(self) -> bool:
        """Brightest in the green, then the red, then the infrared: no water reflects 0.12 in the shortwave."""
        return (
            self.green >= self.blue
            and self.red - max(self.near, self.shortwave) >= 40
            and self.near <= 1500
            and self.shortwave <= 1450
            and self.blue - self.shortwave <= 400
            and self.green <= 1750
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetEvidence:
    """What the pixels alone say about the offset of 1000 DN.

    Attributes:
        verdict: ``present``: still in the DN. ``absent``: never in, or taken off. ``uncertain``: they cannot tell.
        floor: First percentile of the valid DN, a band.
        below: Share (0 to 1) of valid DN under 800, a band.
    """

    verdict: Verdict
    floor: Mapping[str, float]
    below: Mapping[str, float]

    @property
    def sentence(self) -> str:
        """The evidence in words, for records and messages."""
        if not self.floor:
            return "no pixels could be sampled"
        darkest = sorted(self.floor.items(), key=lambda item: item[1])[:4]
        lows = ", ".join(f"{name} {value:.0f}" for name, value in darkest)
        meaning = {
            "present": "the darkest ground is water just above 1000, so an offset of 1000 is still in",
            "absent": "many values lie well under 1000, so no offset of 1000 is in",
            "uncertain": "nothing dark enough to tell whether an offset of 1000 is in",
        }[self.verdict]
        return f"{meaning} (first percentile of DN in the darkest bands: {lows})"


def compute_offset_evidence(
    samples: Mapping[str, NDArray[Any]], *, quantification: float = QUANTIFICATION
) -> OffsetEvidence:
    """Judge from pixels whether the offset of 1000 DN is still in them.

    ``absent`` needs values that would be a reflectance under -0.02 in two bands, or many a little higher in one.
    ``present`` needs that no band has a floor below 1000, and dark ground with a spectrum of water (or shadow) across
    the visible, the near infrared and the shortwave infrared: desert and snow are dark in one of these alone, cloud in
    none, haze brightest in the blue. Both are meant to be right when they are said. A DN of exactly 0 is what is left
    of clipping or of missing pixels, and says nothing.

    Args:
        samples: Valid pixels a band: DN, any shape, no nodata; bands other than ``EVIDENCE_BANDS`` are not used.
        quantification: DN per unit of reflectance; 1 where the values are reflectance.

    Returns:
        The verdict, and what it rests on.
    """
    dn = {name: _scale_samples(samples[name], quantification) for name in EVIDENCE_BANDS if name in samples}
    dn = {name: values for name, values in dn.items() if values.size >= _LEAST_PIXELS}
    below = {name: float(np.mean(values < _IMPOSSIBLE_DN)) for name, values in dn.items()}
    lows = {name: _find_lows(values) for name, values in dn.items()}
    floor = {name: low.first for name, low in lows.items()}
    return OffsetEvidence(verdict=_compute_verdict(lows, below), floor=floor, below=below)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lows:
    """Low percentiles of a band.

    Attributes:
        first: The first.
        dark: That of as many pixels as must be dark.
        twentieth: The fifth: what a twentieth lies below.
    """

    first: float
    dark: float
    twentieth: float


def _find_lows(values: NDArray[np.float64]) -> _Lows:
    """Percentiles of values, whose order is lost: all at once, for each search takes as long as to read them."""
    # The darkest pixels of a small sample reach well beyond its first percentile.
    wanted = (1.0, np.clip(100 * _DARK_PIXELS / values.size, 1, 20), _TWENTIETH)
    first, dark, twentieth = np.percentile(values, wanted, overwrite_input=True).tolist()
    return _Lows(first=first, dark=dark, twentieth=twentieth)


def _scale_samples(samples: NDArray[Any], quantification: float) -> NDArray[np.float64]:
    """Samples in DN of ESA's scale, without those that are exactly 0."""
    values = np.asarray(samples, dtype=np.float64).ravel()
    return np.asarray(values[values != 0] * (QUANTIFICATION / quantification))


def _compute_verdict(lows: Mapping[str, _Lows], below: Mapping[str, float]) -> Verdict:
    if not lows:
        return "uncertain"
    floor, dark = {name: low.first for name, low in lows.items()}, {name: low.dark for name, low in lows.items()}
    impossible = sum(value < _IMPOSSIBLE_DN for value in dark.values()) >= min(2, len(dark))
    if impossible or any(low.twentieth < _UNLIKELY_DN for low in lows.values()):
        return "absent"
    if max(below.values()) > _FEW or min(floor.values()) < _FLOOR_DN:
        return "uncertain"
    lowest, darkest = _resolve_spectrum(floor), _resolve_spectrum(dark)
    if lowest is None or darkest is None:
        return "uncertain"
    is_even = max(darkest.near - lowest.near, darkest.shortwave - lowest.shortwave) <= _EVEN_DN
    return "present" if is_even and lowest.is_water and darkest.is_water else "uncertain"


def _resolve_spectrum(dn: Mapping[str, float]) -> _DarkSpectrum | None:
    """The bands that stand for parts of the spectrum; ``None`` where a part has none."""
    visible, near, shortwave = (
        [dn[name] for name in names if name in dn] for names in (_VISIBLE, _NEAR_INFRARED, _SHORTWAVE)
    )
    if not (visible and near and shortwave):
        return None
    return _DarkSpectrum(
        blue=visible[0],
        green=visible[(len(visible) - 1) // 2],
        red=visible[-1],
        near=min(near),
        shortwave=shortwave[0],
        shortwave_low=min(shortwave),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetStatement:
    """What the metadata says about the offset, before the pixels are asked.

    Attributes:
        offset: DN to add, or ``None`` where the metadata does not say.
        source: Where it says so, e.g. ``earthsearch:boa_offset_applied``.
        final: True where nothing may overrule it: ESA's own XML, the user, a baseline before 04.00.
        alternative: The offset that holds if clear pixels show that the statement is wrong; 0 needs none.
        acquired: Day of sensing, or ``None``: a hint where neither metadata nor pixels tell.
        authority: Who says so, for programs: the user, of the DN as they are stored; metadata of single bands, each for
            itself; or metadata of the scene.
    """

    offset: float | None
    source: str
    final: bool = False
    alternative: float = OFFSET_DN
    acquired: date | None = None
    authority: Authority = "scene"


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetDecision:
    """The offset to use.

    Attributes:
        offset: DN to add.
        source: Who says so.
        doubts: Where metadata and pixels disagree, or neither can tell.
        authority: Who was believed, for programs.
    """

    offset: float
    source: str
    doubts: tuple[str, ...] = ()
    authority: Authority | Literal["pixels"] = "pixels"


def resolve_offset(statement: OffsetStatement, evidence: OffsetEvidence) -> OffsetDecision:
    """Decide which offset holds, from what the metadata says and what the pixels show.

    Args:
        statement: The metadata's word.
        evidence: The pixels' word.

    Returns:
        The offset, its source, and a sentence a doubt.
    """
    stated_in = statement.offset is not None and statement.offset != 0
    agrees = {"present": stated_in, "absent": not stated_in, "uncertain": True}[evidence.verdict]
    if statement.offset is not None and (statement.final or agrees):
        doubts = (
            () if agrees else (f"{statement.source} says {_format_offset(statement.offset)}, but {evidence.sentence}.",)
        )
        return OffsetDecision(
            offset=statement.offset, source=statement.source, doubts=doubts, authority=statement.authority
        )
    shown = statement.alternative if evidence.verdict == "present" else 0.0
    if statement.offset is not None:
        doubt = (
            f"{statement.source} says {_format_offset(statement.offset)}, but {evidence.sentence}: "
            f"the pixels are believed ({_format_offset(shown)})."
        )
        return OffsetDecision(offset=shown, source=_describe_pixels(evidence), doubts=(doubt,))
    if evidence.verdict == "uncertain":
        return _resolve_by_date(statement, evidence)
    return OffsetDecision(offset=shown, source=_describe_pixels(evidence))


def _resolve_by_date(statement: OffsetStatement, evidence: OffsetEvidence) -> OffsetDecision:
    """What holds where neither metadata nor pixels tell: what was usual on the day of sensing."""
    unknown = (
        f"No metadata says whether an offset of 1000 is in the DN, and the pixels cannot tell: {evidence.sentence}."
    )
    if statement.acquired is None:
        doubt = f"{unknown} None is taken off; use --offset -1000 if there is one."
        return OffsetDecision(offset=0.0, source=f"assumed ({statement.source})", doubts=(doubt,), authority="scene")
    late = statement.acquired >= _FIRST_OFFSET
    hint = f"sensed on {statement.acquired:%Y-%m-%d}, {'after' if late else 'before'} baseline 04.00 began to add one"
    advice = (
        "it is taken off; use --offset 0 if whoever made the file took it off already"
        if late
        else "none is taken off; use --offset -1000 if the scene was reprocessed since"
    )
    return OffsetDecision(
        offset=statement.alternative if late else 0.0,
        source=f"assumed ({statement.source}; {hint})",
        doubts=(f"{unknown} It was {hint}: {advice}.",),
        authority="scene",
    )


def _describe_pixels(evidence: OffsetEvidence) -> str:
    return f"pixels ({evidence.sentence})"


def _format_offset(offset: float) -> str:
    return f"offset {offset:g}" if offset else "no offset"


def add_evidence_doubt(radiometry: Radiometry, evidence: OffsetEvidence) -> Radiometry:
    """Record where the pixels clearly disagree with a decision that stands (ESA's own XML).

    Args:
        radiometry: The decision.
        evidence: The pixels' word.

    Returns:
        The same decision, with one doubt more where they disagree.
    """
    offsets = [radiometry.offsets[name] for name in EVIDENCE_BANDS if name in radiometry.offsets]
    statement = OffsetStatement(offset=min(offsets, default=0.0), source=radiometry.source, final=True)
    decision = resolve_offset(statement, evidence)
    return replace(radiometry, doubts=(*radiometry.doubts, *decision.doubts))


def resolve_nodata_rule(*, nodata: float | None, offset: float, clipped: bool) -> NodataRule:
    """Decide whether one band with the nodata marker is enough for a pixel to be missing.

    A DN of 0 cannot be ground where an offset is in (it would be a reflectance of -0.1), nor in ESA products without
    one, which clip at 1. But who subtracts 1000 and clips at 0, as several catalogues and converters do, turns dark
    water into the marker: in the August 2022 harbour crops B09 is 0 over most of the Baltic, with data in the other
    bands, while missing pixels are 0 in all twelve. Any other marker (-9999, 4294967295) is never ground.

    Args:
        nodata: The marker.
        offset: DN to add, as decided.
        clipped: The DN may have been shifted and clipped by someone other than ESA.

    Returns:
        ``all`` where the marker may be dark water, else ``any``.
    """
    return "all" if clipped and nodata == 0 and offset == 0 else "any"
