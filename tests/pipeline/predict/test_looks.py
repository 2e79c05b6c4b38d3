"""Cloud and ships are grey, plants are green, sand and rock are neither."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.predict.looks import GREEN, GREY, LookChannels, compute_look

# Blue, red, near infrared and short-wave infrared of real pixels: means over islets that were looked at.
CLOUDS = [(0.13, 0.12, 0.12, 0.15), (0.05, 0.05, 0.05, 0.06), (0.27, 0.27, 0.28, 0.30), (0.03, 0.03, 0.04, 0.05)]
SHIPS = [(0.10, 0.12, 0.13, 0.10), (0.07, 0.07, 0.08, 0.06), (0.06, 0.06, 0.08, 0.06)]
PLANTS = [(0.01, 0.03, 0.36, 0.16), (0.10, 0.11, 0.31, 0.15), (0.04, 0.04, 0.25, 0.07)]
SAND_AND_ROCK = [(0.21, 0.30, 0.36, 0.34), (0.20, 0.27, 0.32, 0.38)]
FOAM = [(0.11, 0.10, 0.06, 0.01)]


def look_at(*bands: float) -> int:
    return int(compute_look([np.full((1, 1), band, dtype=np.float32) for band in bands])[0, 0])


@pytest.mark.parametrize(
    ("spectra", "look"), [(CLOUDS, GREY), (SHIPS, GREY), (PLANTS, GREEN), (SAND_AND_ROCK, 0), (FOAM, 0)]
)
def test_looks_of_real_islets(spectra: list[tuple[float, ...]], look: int) -> None:
    assert [look_at(*spectrum) for spectrum in spectra] == [look] * len(spectra)


@given(st.floats(0.02, 1), st.floats(0.8, 1.2), st.floats(0.8, 1.2))
def test_what_is_alike_in_all_bands_is_grey_however_bright(brightness: float, red: float, infrared: float) -> None:
    assert look_at(brightness, brightness * red, brightness * infrared, brightness) == GREY


def test_without_short_wave_infrared_the_other_three_decide() -> None:
    assert look_at(0.2, 0.2, 0.2, 0.01) == 0
    assert look_at(0.2, 0.2, 0.2) == GREY


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("B02", "B03", "B04", "B08", "B11", "B12"), (0, 2, 3, 4)),
        (("B12", "B8A", "B04", "B02"), (3, 2, 1, 0)),
        (("B02", "B04", "B08"), (0, 1, 2)),
    ],
)
def test_channels_by_name(names: tuple[str, ...], expected: tuple[int, ...]) -> None:
    channels = LookChannels.find(names)
    assert channels is not None
    assert channels.all == expected


@pytest.mark.parametrize("missing", ["B02", "B04", "B08"])
def test_without_blue_red_or_near_infrared_nobody_can_tell(missing: str) -> None:
    assert LookChannels.find([name for name in ("B02", "B03", "B04", "B08", "B11") if name != missing]) is None
