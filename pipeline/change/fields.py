"""The three vector layers of a comparison, and the meaning of each of their fields."""

from __future__ import annotations

from typing import Final

from pipeline.output.fields import Field, Layer

__all__ = ["CHANGE_LAYERS", "GAINED", "LOST", "SHIFT"]

_ID = Field(name="id", short="id", type="int", meaning="Number of the feature within its layer.")
_SIGMA_OLD = Field(
    name="uncertainty_old_m",
    short="unc_old_m",
    type="real",
    unit="m",
    meaning="Stated positional uncertainty of the old line (one standard deviation).",
)
_SIGMA_NEW = Field(
    name="uncertainty_new_m",
    short="unc_new_m",
    type="real",
    unit="m",
    meaning="Stated positional uncertainty of the new line (one standard deviation).",
)
_SIGMA = Field(
    name="uncertainty_m",
    short="unc_m",
    type="real",
    unit="m",
    meaning="Of the shift: both lines and the registration of the images, in quadrature (one standard deviation).",
)
_DATES = (
    Field(name="old", short="old", type="text", meaning="What the old line was mapped from."),
    Field(name="old_time", short="old_time", type="time", unit="UTC", meaning="Its time of sensing."),
    Field(name="new", short="new", type="text", meaning="What the new line was mapped from."),
    Field(name="new_time", short="new_time", type="time", unit="UTC", meaning="Its time of sensing."),
)
_WATERS = Field(
    name="waters",
    short="waters",
    type="text",
    meaning="inland: the shore is of water that land enclosed on the old date; coast: of any other.",
)
_POLYGON_FIELDS = (
    _ID,
    Field(
        name="kind",
        short="kind",
        type="text",
        meaning=(
            "shore: a shore moved over it; appeared: a body that only the new date shows; vanished: one that only the "
            "old date shows."
        ),
    ),
    _WATERS,
    Field(name="area_m2", short="area_m2", type="real", unit="m2", meaning="Area on the ellipsoid, holes taken out."),
    Field(
        name="mean_shift_m",
        short="mean_m",
        type="real",
        unit="m",
        meaning="Mean shift of the old shore here, land gained positive; empty where no shore moved.",
    ),
    Field(
        name="max_shift_m",
        short="max_m",
        type="real",
        unit="m",
        meaning="Greatest shift here, as the mean of a stretch; land gained positive.",
    ),
    Field(name="shore_m", short="shore_m", type="real", unit="m", meaning="Length of old shore that moved over it."),
    _SIGMA_OLD,
    _SIGMA_NEW,
    _SIGMA,
    *_DATES,
)

GAINED: Final = Layer(
    name="gained",
    title="Land gained",
    geometry="Polygon",
    meaning="Water on the old date, land on the new one: clear on both, and shifted beyond the uncertainty.",
    fields=_POLYGON_FIELDS,
    style="land",
)
LOST: Final = Layer(
    name="lost",
    title="Land lost",
    geometry="Polygon",
    meaning="Land on the old date, water on the new one: clear on both, and shifted beyond the uncertainty.",
    fields=_POLYGON_FIELDS,
    style="water",
)
SHIFT: Final = Layer(
    name="shift",
    title="Shift of the shore",
    geometry="LineString",
    meaning="The old shore in short pieces, each with the signed distance to the new shore along its normal.",
    fields=(
        _ID,
        Field(
            name="state",
            short="state",
            type="text",
            meaning=(
                "moved: beyond the uncertainty; steady: within it; no shore: clear on both dates, and no new shore "
                "within reach; body: the far side of a body that joined or left the shore at once."
            ),
        ),
        _WATERS,
        Field(
            name="shift_m",
            short="shift_m",
            type="real",
            unit="m",
            meaning="Signed distance from the old line to the new one: positive is land gained, negative is retreat.",
        ),
        Field(
            name="local_shift_m",
            short="local_m",
            type="real",
            unit="m",
            meaning="Mean shift of the stretch around it, by which it is judged.",
        ),
        _SIGMA_OLD,
        _SIGMA_NEW,
        _SIGMA,
        Field(name="lon", short="lon", type="real", unit="degrees", meaning="Longitude of its middle, WGS 84."),
        Field(name="lat", short="lat", type="real", unit="degrees", meaning="Latitude of its middle, WGS 84."),
        *_DATES,
    ),
    style="sources",
)

CHANGE_LAYERS: Final = (GAINED, LOST, SHIFT)
"""The layers in the order in which they are written."""
