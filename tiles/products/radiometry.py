"""Is the radiometric offset still in the digital numbers? Who says so, and do the pixels agree?

From processing baseline 04.00 on, ESA adds 1000 to every digital number (DN), so that negative reflectance survives.
Catalogues and converters take it off again, or do not, and their metadata is wrong often enough that it is checked
against the pixels. Everything here is pure: pixels come from ``tiles.products.dn_samples``, statements from the
metadata.

Who is believed:

1. ESA's own product XML, and the user's ``--offset``: always. Where the pixels clearly disagree, a doubt is recorded.
2. A baseline before 04.00: no offset ever was in. Same doubt.
3. Otherwise clear pixels win over a catalogue's flag or a file's tag, and the disagreement is recorded.
4. Pixels that cannot tell leave the metadata right; without metadata nothing is taken off, and a doubt says so.

Source: Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD), issue 14.9, radiometric offset;
Element84/earth-search issues 66 and 71 for catalogue flags that are wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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

_VISIBLE = ("B02", "B03", "B04")
_NEAR_INFRARED = ("B06", "B07", "B08", "B8A")
_SHORTWAVE = ("B11", "B12")
EVIDENCE_BANDS: tuple[str, ...] = (*_VISIBLE, *_NEAR_INFRARED, *_SHORTWAVE)
"""Bands worth sampling. B01, B09 and B10 carry atmosphere more than ground."""

_IMPOSSIBLE_DN = 800.0
"""With the offset in, a DN below this is a reflectance under -0.02: rare in products, a pixel here and there."""

_MANY, _FEW = 0.01, 0.005
"""Shares of such values: many cannot be with the offset in; a few are what lossy JPEG 2000 leaves beside nodata."""

_DARK_DN = {"visible": 1400.0, "near": 1300.0, "shortwave": 1250.0}
"""With the offset in, the darkest ground (water, shadow) lies between 1000 and this."""

_LEAST_PIXELS = 500


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
            "present": "the darkest ground lies just above 1000, so an offset of 1000 is still in",
            "absent": "many values lie well under 1000, so no offset of 1000 is in",
            "uncertain": "nothing dark enough to tell whether an offset of 1000 is in",
        }[self.verdict]
        return f"{meaning} (first percentile of DN in the darkest bands: {lows})"


def compute_offset_evidence(
    samples: Mapping[str, NDArray[Any]], *, quantification: float = QUANTIFICATION
) -> OffsetEvidence:
    """Judge from pixels whether the offset of 1000 DN is still in them.

    ``absent`` needs two bands with at least 1% of values that would be a reflectance under -0.02. ``present`` needs
    no band with such values, and dark ground at once in the visible, the near infrared and the shortwave infrared:
    desert and snow are dark in one of these alone, cloud in none. Both are meant to be right when they are said.

    Args:
        samples: Valid pixels a band: DN, any shape, no nodata; bands other than ``EVIDENCE_BANDS`` are not used.
        quantification: DN per unit of reflectance; 1 where the values are reflectance.

    Returns:
        The verdict, and what it rests on.
    """
    dn = {
        name: np.asarray(samples[name], dtype=np.float64).ravel() * (QUANTIFICATION / quantification)
        for name in EVIDENCE_BANDS
        if name in samples and np.size(samples[name]) >= _LEAST_PIXELS
    }
    floor = {name: float(np.percentile(values, 1)) for name, values in dn.items()}
    below = {name: float(np.mean(values < _IMPOSSIBLE_DN)) for name, values in dn.items()}
    return OffsetEvidence(verdict=_compute_verdict(floor, below), floor=floor, below=below)


def _compute_verdict(floor: Mapping[str, float], below: Mapping[str, float]) -> Verdict:
    if not floor:
        return "uncertain"
    if sum(share >= _MANY for share in below.values()) >= min(2, len(below)):
        return "absent"
    if max(below.values()) > _FEW:
        return "uncertain"
    dark = (
        _is_dark(floor, _VISIBLE, _DARK_DN["visible"])
        and _is_dark(floor, _NEAR_INFRARED, _DARK_DN["near"])
        and _is_dark(floor, _SHORTWAVE, _DARK_DN["shortwave"])
    )
    return "present" if dark else "uncertain"


def _is_dark(floor: Mapping[str, float], bands: Sequence[str], ceiling: float) -> bool:
    return any(floor[name] <= ceiling for name in bands if name in floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetStatement:
    """What the metadata says about the offset, before the pixels are asked.

    Attributes:
        offset: DN to add, or ``None`` where the metadata does not say.
        source: Where it says so, e.g. ``earthsearch:boa_offset_applied``.
        final: True where nothing may overrule it: ESA's own XML, the user, a baseline before 04.00.
        alternative: The offset that holds if clear pixels show that the statement is wrong; 0 needs none.
    """

    offset: float | None
    source: str
    final: bool = False
    alternative: float = OFFSET_DN


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetDecision:
    """The offset to use.

    Attributes:
        offset: DN to add.
        source: Who says so.
        doubts: Where metadata and pixels disagree, or neither can tell.
    """

    offset: float
    source: str
    doubts: tuple[str, ...] = ()


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
        return OffsetDecision(offset=statement.offset, source=statement.source, doubts=doubts)
    shown = statement.alternative if evidence.verdict == "present" else 0.0
    if statement.offset is not None:
        doubt = (
            f"{statement.source} says {_format_offset(statement.offset)}, but {evidence.sentence}: "
            f"the pixels are believed ({_format_offset(shown)})."
        )
        return OffsetDecision(offset=shown, source=_describe_pixels(evidence), doubts=(doubt,))
    if evidence.verdict == "uncertain":
        doubt = (
            f"No metadata says whether an offset of 1000 is in the DN, and the pixels cannot tell: {evidence.sentence}."
            " None is taken off; use --offset -1000 if there is one."
        )
        return OffsetDecision(offset=0.0, source=f"assumed ({statement.source})", doubts=(doubt,))
    return OffsetDecision(offset=shown, source=_describe_pixels(evidence))


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
