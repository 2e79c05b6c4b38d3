"""The two vector layers of a mosaic, and the meaning of each of their fields."""

from __future__ import annotations

from typing import Final

from pipeline.output.fields import Field, Layer

__all__ = ["COASTLINE", "MOSAIC_LAYERS", "SOURCES"]

_ID = Field(name="id", short="id", type="int", meaning="Number of the feature within its layer.")
_LINE = Field(
    name="line",
    short="line",
    type="int",
    meaning="Number of the line; parts of a line that was cut at 180 degrees share it.",
)
_LENGTH = Field(name="length_m", short="length_m", type="real", unit="m", meaning="Length on the ellipsoid.")
_MEAN = Field(
    name="uncertainty_mean_m",
    short="unc_mean_m",
    type="real",
    unit="m",
    meaning="Mean positional uncertainty of one date (one standard deviation); several dates may do better.",
)
_MAX = Field(
    name="uncertainty_max_m",
    short="unc_max_m",
    type="real",
    unit="m",
    meaning="Worst positional uncertainty of one date (one standard deviation).",
)
_FIRST = Field(name="first", short="first", type="time", unit="UTC", meaning="Earliest scene that shows it.")
_LAST = Field(name="last", short="last", type="time", unit="UTC", meaning="Latest scene that shows it.")
_MODEL = Field(name="model", short="model", type="text", meaning="Name and version of the model that mapped it.")

COASTLINE: Final = Layer(
    name="coastline",
    title="Coastline",
    geometry="LineString",
    meaning="Where land meets water over all dates: land on the left of the direction of travel.",
    fields=(
        _ID,
        _LINE,
        Field(
            name="shape",
            short="shape",
            type="text",
            meaning="island: closed around land; water body: closed around water; open: it ends where data end.",
        ),
        Field(name="closed", short="closed", type="flag", meaning="True where the line ends where it begins."),
        _LENGTH,
        Field(
            name="area_m2",
            short="area_m2",
            type="real",
            unit="m2",
            meaning="Area on the ellipsoid of what a closed line surrounds; 0 where it is open.",
        ),
        Field(
            name="start_reason",
            short="start_why",
            type="text",
            meaning="Why the line starts here: area edge, nodata, or cloud on all dates; empty where it closes.",
        ),
        Field(name="end_reason", short="end_why", type="text", meaning="Why the line ends here, in the same words."),
        _MEAN,
        _MAX,
        Field(
            name="observations_min",
            short="obs_min",
            type="int",
            meaning="Fewest clear overpasses at any place of the line.",
        ),
        Field(
            name="observations_mean",
            short="obs_mean",
            type="real",
            meaning="Mean number of clear overpasses along the line.",
        ),
        Field(name="scenes", short="scenes", type="int", meaning="Number of scenes that show some of the line."),
        _FIRST,
        _LAST,
        _MODEL,
    ),
    style="mosaic",
)
SOURCES: Final = Layer(
    name="sources",
    title="Sources of the coastline",
    geometry="LineString",
    meaning="The coastline in pieces, each with the items of the scenes that it comes from.",
    fields=(
        _ID,
        _LINE,
        Field(name="piece", short="piece", type="int", meaning="Number of the piece along its line, from 0."),
        Field(
            name="items",
            short="items",
            type="text",
            meaning="Ids of the STAC items that saw the ground here clear, and were used; separated by commas.",
        ),
        Field(
            name="observations",
            short="obs",
            type="int",
            meaning="Number of these items: clear overpasses that the line is drawn from.",
        ),
        _LENGTH,
        _MEAN,
        _MAX,
        _FIRST,
        _LAST,
        _MODEL,
    ),
    style="sources",
)

MOSAIC_LAYERS: Final = (COASTLINE, SOURCES)
"""The layers in the order in which they are written."""
