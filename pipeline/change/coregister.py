"""Take out how far the image of one date lies beside the other's, before their shores are compared."""

from __future__ import annotations

from dataclasses import replace

from pipeline.change.options import ChangeOptions
from pipeline.change.source import DatedCoast
from pipeline.register.chips import DatedImage
from pipeline.register.measure_shift import measure_shift
from pipeline.register.registration import Registration, move_grid

__all__ = ["explain_registration", "register_dates"]


def register_dates(old: DatedCoast, new: DatedCoast, options: ChangeOptions) -> tuple[DatedCoast, Registration]:
    """Measure how far the new date lies beside the old one, and move it back where that is clear.

    Args:
        old: Earlier date, which stays where it is.
        new: Later date.
        options: Whether to, and what is assumed where it cannot be measured.

    Returns:
        The later date on the earlier one; and what was measured, or why nothing was.
    """
    reason = "" if options.coregister else "not asked for (--no-coregister)"
    images = [_find_image(coast) for coast in (old, new)]
    if not reason and None in images:
        name = "old" if images[0] is None else "new"
        reason = f"the {name} date is no map of one scene with a texture.tif beside its rasters"
    if reason or images[0] is None or images[1] is None:
        return new, Registration(offset=None, offset_m=None, sigma_m=options.registration_m, reason=reason)
    registration = measure_shift(images[0], images[1], assumed_m=options.registration_m)
    parts = tuple(replace(part, grid=move_grid(part.grid, registration)) for part in new.parts)
    return replace(new, parts=parts), registration


def explain_registration(registration: Registration) -> list[str]:
    """What the user should be told of it, a sentence."""
    if registration.offset_m is None or not registration.is_clear:
        return []
    (east, north), sigma = registration.offset_m, registration.sigma_m
    return [
        f"The new image lay {abs(east):.1f} m {'east' if east > 0 else 'west'} and {abs(north):.1f} m "
        f"{'north' if north > 0 else 'south'} of the old one (within {sigma:.1f} m, by {registration.chips} squares of "
        "stable land): that was taken out."
    ]


def _find_image(coast: DatedCoast) -> DatedImage | None:
    if len(coast.parts) != 1 or coast.parts[0].texture is None or coast.parts[0].water is None:
        return None
    return DatedImage(grid=coast.parts[0].grid, texture=coast.parts[0].texture, water=coast.parts[0].water)
