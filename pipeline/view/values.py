"""What a page shows, before anything of it is drawn: pictures, features with their facts, dates, words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.view.plane import Box, Plane

__all__ = ["Features", "Page", "Picture", "Row", "Series", "Swatch", "Tile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swatch:
    """An entry of the legend.

    Attributes:
        label: What it means.
        colours: One, or several that run into one another.
        shape: How it is shown.
    """

    label: str
    colours: tuple[str, ...]
    shape: Literal["fill", "line", "dashes", "ramp"] = "fill"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tile:
    """A part of a picture.

    Attributes:
        data: The encoded image, as WebP.
        box: Where it lies on the page's plane.
        level: 0: it shows the whole; 1: detail, shown from close by.
    """

    data: bytes = field(repr=False)
    box: Box
    level: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """The ground under the lines; one of the pictures is shown at a time.

    Attributes:
        key: Its name in the page; pictures of several dates share it.
        title: For a person.
        tiles: Its parts.
        swatches: What its colours mean.
        frame: Number of the date that it shows; ``None``: of all.
    """

    key: str
    title: str
    tiles: tuple[Tile, ...]
    swatches: tuple[Swatch, ...] = ()
    frame: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """Lines or areas that can be switched on and off, each with facts that are shown under the pointer.

    Attributes:
        key: Its name in the page; features of several dates share it.
        title: For a person.
        kind: ``lines``, or ``areas``: polygons with holes.
        xs: Of each feature its x on the page's plane; of areas, rings of parts of features.
        ys: Likewise.
        colours: Of all, or one a feature.
        facts: Under the pointer: label and values, one a feature, or one text that holds of all.
        width: Of lines, in pixels of the screen.
        dashed: Lines are dashed.
        opacity: Of the fill of areas.
        swatches: What the colours mean.
        frame: Number of the date that they show; ``None``: of all.
        shown: Whether they are shown when the page is opened.
        transects: Numbers in ``Page.series``, one a feature, where a click shows them.
    """

    key: str
    title: str
    kind: Literal["lines", "areas"] = "lines"
    xs: Sequence[Any] = field(repr=False)
    ys: Sequence[Any] = field(repr=False)
    colours: str | Sequence[str] = field(repr=False)
    facts: Mapping[str, str | Sequence[str]] = field(default_factory=dict, repr=False)
    width: float = 1.6
    dashed: bool = False
    opacity: float = 0.5
    swatches: tuple[Swatch, ...] = ()
    frame: int | None = None
    shown: bool = True
    transects: Sequence[int] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """Positions along transects by date, shown beneath the map.

    Attributes:
        names: Of the transects.
        verdicts: What is said of each, a line.
        days: Dates, as days since 1970.
        position_m: (transects, dates); NaN where there is none.
        uncertainty_m: Likewise, one standard deviation.
        rate_m: (transects,) metres a year.
    """

    names: tuple[str, ...]
    verdicts: tuple[str, ...]
    days: NDArray[np.float64]
    position_m: NDArray[np.float64]
    uncertainty_m: NDArray[np.float64]
    rate_m: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the list of scenes.

    Attributes:
        name: Of the scene.
        state: What became of it.
        when: Time of sensing, as text; empty where it is not known.
        reason: Why it was not mapped.
        colour: Of its state.
        frame: Number of its date, where the page shows it.
    """

    name: str
    state: str
    when: str = ""
    reason: str = ""
    colour: str = "#777777"
    frame: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Page:
    """All of a page.

    Attributes:
        title: Of the result.
        subtitle: When and where, in words.
        facts: Label and value.
        notes: What the user should be told, a sentence each.
        credit: The line that the data's licence asks for.
        plane: On which everything lies.
        pictures: The first is shown when the page is opened.
        features: From the lowest to the uppermost.
        frames: Dates, by time, as text.
        series: Of transects.
        rows: Scenes, or what else is listed.
        rows_title: What they are.
    """

    title: str
    subtitle: str
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    credit: str
    plane: Plane
    pictures: tuple[Picture, ...]
    features: tuple[Features, ...]
    frames: tuple[str, ...] = ()
    series: Series | None = None
    rows: tuple[Row, ...] = ()
    rows_title: str = "Scenes"
