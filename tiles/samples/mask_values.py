"""What the values of masks mean, and what share of the labels each of them has.

0 is land, 1 is water, anything else is left out, unless the user says otherwise. Image tools write 0 and 255, QGIS tags
0 as nodata, others count from 1: read by that rule one class would be lost, or land would become water. What can only
be meant otherwise is refused, with the values that are there; what may be meant so is said.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tiles.errors import OptionError, SampleError

__all__ = ["BEYOND", "LEFT_OUT_SHARE", "MISSING", "UNKNOWN", "LabelShares", "MaskValues", "resolve_mask_values"]

UNKNOWN = np.float32(-1)
"""Share of water where it is not known."""

MISSING, BEYOND = "nodata", "beyond the mask"
"""What is counted beside values: pixels that a mask itself says are missing, and those of its image that it lacks."""

LEFT_OUT_SHARE = 0.1
"""A warning is given where a larger share of the labels is left out."""

_MOST_VALUES = 32
"""A mask with more values is a picture or a measurement."""

_NAMED = 6
"""Values that are named; the largest shares come first."""

_CHOICE = re.compile(r":(land|water)=([^:]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskValues:
    """Which values of masks are land and which are water; any other is left out.

    Attributes:
        land: Values of land.
        water: Values of water.
        stated: The user says so: it holds even for values that a mask tags as nodata.

    Raises:
        OptionError: A class has no value, or both share one.
    """

    land: tuple[float, ...] = (0.0,)
    water: tuple[float, ...] = (1.0,)
    stated: bool = False

    def __post_init__(self) -> None:
        if not (self.land and self.water) or set(self.land) & set(self.water):
            raise OptionError(
                f"Expected values of masks for land and others for water, found land={_join(self.land)} and "
                f"water={_join(self.water)}. Give both: folder:DIR:land=0:water=255."
            )

    @classmethod
    def parse(cls, text: str) -> tuple[str, Self]:
        """Read the choices at the end of a folder's name, such as ``/data/mine:land=1:water=2,3``.

        Args:
            text: The folder, with or without choices.

        Returns:
            The folder, and the values.

        Raises:
            OptionError: A value is no number, a class comes twice, or both share a value.
        """
        start = re.search(rf"(?:{_CHOICE.pattern})+$", text)
        if start is None:
            return text, cls()
        choices = _CHOICE.findall(start[0])
        if len(dict(choices)) < len(choices):
            raise OptionError(f"Expected land= and water= once each, found {start[0]}.")
        values = {name: tuple(_parse_value(word, start[0]) for word in words.split(",")) for name, words in choices}
        return text[: start.start()], cls(**values, stated=True)

    def compute_share(self, mask: NDArray[Any], missing: NDArray[np.bool_], tag: float | None) -> NDArray[np.float32]:
        """The share of water in each pixel: 0, 1, or ``UNKNOWN``.

        Args:
            mask: (row, col), as stored.
            missing: bool (row, col), True where the mask says that it has no value, but for its tag.
            tag: Its nodata value.
        """
        land, water = np.isin(mask, self.land), np.isin(mask, self.water)
        known = ~missing & (land | water)
        if tag is not None and not self.stated:
            known &= mask != tag
        share: NDArray[np.float32] = np.where(known, water, UNKNOWN).astype(np.float32)
        return share


def _parse_value(word: str, where: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise OptionError(f"Expected numbers as the values of masks, found {word!r} in {where!r}: land=0:water=255.")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelShares:
    """How many pixels of all masks of a source each value has.

    Attributes:
        source: Name of the source.
        land: Pixels by value.
        water: Pixels by value.
        left_out: Pixels by value, ``MISSING`` and ``BEYOND`` too.
    """

    source: str
    land: Mapping[str, int]
    water: Mapping[str, int]
    left_out: Mapping[str, int]

    @property
    def left_out_share(self) -> float:
        """Share of the pixels that are left out, 0 to 1."""
        return sum(self.left_out.values()) / max(1, self.total)

    @property
    def total(self) -> int:
        """All pixels."""
        return sum(sum(part.values()) for part in (self.land, self.water, self.left_out))

    @property
    def sentence(self) -> str:
        """All shares in words."""
        parts = {"land": self.land, "water": self.water, "left out": self.left_out}
        return f"Labels of {self.source}: " + ", ".join(
            f"{_format_share(self, sum(part.values()))} {name}" + (f" ({_list_values(self, part)})" if part else "")
            for name, part in parts.items()
        )

    @property
    def doubts(self) -> tuple[str, ...]:
        """What a person should look at, a sentence each."""
        absent = [name for name, part in (("land", self.land), ("water", self.water)) if not sum(part.values())]
        if self.left_out_share <= LEFT_OUT_SHARE and not absent:
            return ()
        none = f" There is no {absent[0]}." if absent else ""
        return (
            f"{self.sentence}.{none} If a value that is left out is a class, say so: "
            "folder:DIR:land=VALUE:water=VALUE.",
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {"source": self.source, "land": dict(self.land), "water": dict(self.water),
                "left_out": dict(self.left_out)}  # fmt: skip


def _format_share(labels: LabelShares, count: int) -> str:
    return f"{count / max(1, labels.total):.1%}"


def _list_values(labels: LabelShares, part: Mapping[str, int]) -> str:
    largest = sorted(part.items(), key=lambda item: -item[1])
    words = [f"{value}: {_format_share(labels, count)}" for value, count in largest[:_NAMED]]
    return ", ".join(words + ([f"{len(largest) - _NAMED} more"] if len(largest) > _NAMED else []))


def resolve_mask_values(
    counts: Mapping[Path, Counter[float | str]], values: MaskValues, *, tags: Mapping[Path, float | None], source: str
) -> LabelShares:
    """Decide whether masks can be read as land and water, over all of them: one alone may well be all of one class.

    Args:
        counts: Pixels by value, a mask; ``MISSING`` and ``BEYOND`` beside the numbers.
        values: What means what.
        tags: The nodata value that each mask states.
        source: Name of the source.

    Raises:
        SampleError: One class would be lost, a mask is no mask, or none of the values is there.
    """
    shares = {name: Counter[str]() for name in ("land", "water", "left_out")}
    for path, counted in counts.items():
        for value, pixels in counted.items():
            shares[_resolve_class(value, values, tags[path])][_format_value(value)] += pixels
    labels = LabelShares(source=source, **{name: dict(part) for name, part in shares.items()})
    if not values.stated:
        _refuse_pictures(counts)
        _refuse_lost_classes(labels, list(_list_doubtful(counts, values, tags)))
    elif not (labels.land or labels.water):
        raise SampleError(
            f"Expected land={_join(values.land)} or water={_join(values.water)} in the masks of {source}, found "
            f"{_join_found(labels)}. Name the values that are there."
        )
    return labels


def _resolve_class(value: float | str, values: MaskValues, tag: float | None) -> str:
    if isinstance(value, str) or (value == tag and not values.stated):
        return "left_out"
    return "land" if value in values.land else "water" if value in values.water else "left_out"


def _refuse_pictures(counts: Mapping[Path, Counter[float | str]]) -> None:
    for path, counted in counts.items():
        if len(counted) > _MOST_VALUES:
            raise SampleError(
                f"Expected a mask (0 land, 1 water, others left out), found more than {_MOST_VALUES} values in {path}, "
                "which is a picture or a measurement. Cut it in two classes first (gdal_calc.py)."
            )


def _list_doubtful(
    counts: Mapping[Path, Counter[float | str]], values: MaskValues, tags: Mapping[Path, float | None]
) -> Iterator[Path]:
    """Masks in which a class stands beside values that are left out, though no tag says that they are nothing."""
    for path, counted in counts.items():
        numbers = {value for value in counted if not isinstance(value, str)}
        classes = {_resolve_class(value, values, tags[path]) for value in numbers}
        tagged = {tags[path]} - {*values.land, *values.water}
        lost = {v for v in numbers - tagged if _resolve_class(v, values, tags[path]) == "left_out"}
        if lost and classes != {"left_out"}:
            yield path


def _refuse_lost_classes(labels: LabelShares, doubtful: list[Path]) -> None:
    absent = [name for name in ("land", "water") if not getattr(labels, name)]
    if not absent or (len(absent) == 1 and not doubtful):
        return
    wanted = "labelled pixels with data, 0 (land) or 1 (water)," if len(absent) > 1 else "0 (land) and 1 (water)"
    where = f", such as in {doubtful[0]}" if doubtful else ""
    raise SampleError(
        f"Expected {wanted} in the masks of {labels.source}, found {_join_found(labels)}{where}: no "
        f"{' and no '.join(absent)}. Say which values are which: folder:DIR:land=0:water=255 (land=0 where 0 is tagged "
        "as nodata; land=0:water=1 where it is as it stands)."
    )


def _join_found(labels: LabelShares) -> str:
    parts = (labels.land, labels.water, labels.left_out)
    return _list_values(labels, {value: n for part in parts for value, n in part.items()}) or "no pixel"


def _format_value(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _join(values: tuple[float, ...]) -> str:
    return ",".join(map(_format_value, values)) or "nothing"
