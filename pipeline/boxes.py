"""A box in longitude and latitude, as a user writes it: W,S,E,N."""

from __future__ import annotations

from pathlib import Path

from strandline import StrandlineError

__all__ = ["parse_box"]


def parse_box(text: str, error_type: type[StrandlineError]) -> tuple[float, float, float, float] | None:
    """Understand a box, or leave the text to whoever reads files.

    Args:
        text: ``W,S,E,N`` in degrees; a box that crosses the antimeridian has W > E.
        error_type: Raised where it is neither a box nor a file that exists.

    Returns:
        West, south, east and north in degrees, south below north; ``None`` where the text is the path of a file.

    Raises:
        StrandlineError: Of ``error_type``, in one line.
    """
    try:
        west, south, east, north = (float(word) for word in text.split(","))
    except ValueError:
        if Path(text).exists():
            return None
        raise error_type(f"Expected the area as W,S,E,N in degrees or a vector file, found {text!r}.") from None
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south < north <= 90 and west != east):
        raise error_type(
            "Expected the area as W,S,E,N in degrees with S < N, longitudes within 180 and latitudes within 90; "
            f"found {text!r}."
        )
    return west, south, east, north
