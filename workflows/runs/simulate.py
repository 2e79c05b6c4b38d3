"""What ``strandline simulate-coast`` and ``simulate-series`` say at their end: the command to type next."""

from __future__ import annotations

import json
import math
from pathlib import Path

__all__ = ["describe_search"]

_STEPS_A_DEGREE = 10_000


def describe_search(catalogue: Path, items: Path) -> str:
    """The command that makes a plan of all scenes of a simulated folder.

    Args:
        catalogue: ``catalog.json``, which is searched.
        items: The same items in one file, with a ``bbox`` each in degrees (west > east crosses the antimeridian).

    Returns:
        ``strandline search …``, area rounded outwards to 0.0001 degrees; the plan lies beside the catalogue.
    """
    features = json.loads(items.read_text(encoding="utf-8"))["features"]
    boxes = [feature["bbox"] for feature in features]
    crosses = any(west > east for west, _, east, _ in boxes) or (
        max(box[0] for box in boxes) - min(box[0] for box in boxes) > 180
    )

    def unwrap(lon: float) -> float:
        return lon + 360 if crosses and lon < 0 else lon

    lower = (min(unwrap(box[0]) for box in boxes), min(box[1] for box in boxes))
    upper = (max(unwrap(box[2]) for box in boxes), max(box[3] for box in boxes))
    west, south = (math.floor(value * _STEPS_A_DEGREE) / _STEPS_A_DEGREE for value in lower)
    east, north = (math.ceil(value * _STEPS_A_DEGREE) / _STEPS_A_DEGREE for value in upper)
    if crosses:
        east -= 360
    days = sorted(str(feature["properties"]["datetime"])[:10] for feature in features)
    dates = days[0] if days[0] == days[-1] else f"{days[0]}/{days[-1]}"
    plan = catalogue.with_name("plan.json")
    return (
        f"strandline search --aoi {west:.4f},{south:.4f},{east:.4f},{north:.4f} --dates {dates} "
        f"--stac {_quote(catalogue)} --out {_quote(plan)}"
    )


def _quote(path: Path) -> str:
    """A path as a shell takes it, be it POSIX's or Windows'."""
    text = str(path)
    return text if " " not in text else f'"{text}"'
