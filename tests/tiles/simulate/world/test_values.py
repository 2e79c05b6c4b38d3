"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import tiles.simulate.world.clouds
import tiles.simulate.world.cover
import tiles.simulate.world.landscape
import tiles.simulate.world.noise
import tiles.simulate.world.optics
import tiles.simulate.world.palette
import tiles.simulate.world.parcels
import tiles.simulate.world.relief
import tiles.simulate.world.rendered
import tiles.simulate.world.roads
import tiles.simulate.world.scene_class
import tiles.simulate.world.sea_state
import tiles.simulate.world.spectra
import tiles.simulate.world.terrain
import tiles.simulate.world.vessels
import tiles.simulate.world.waters
import tiles.simulate.world.work_draws
import tiles.simulate.world.world
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        tiles.simulate.world.clouds,
        tiles.simulate.world.cover,
        tiles.simulate.world.landscape,
        tiles.simulate.world.noise,
        tiles.simulate.world.optics,
        tiles.simulate.world.palette,
        tiles.simulate.world.parcels,
        tiles.simulate.world.relief,
        tiles.simulate.world.rendered,
        tiles.simulate.world.roads,
        tiles.simulate.world.scene_class,
        tiles.simulate.world.sea_state,
        tiles.simulate.world.spectra,
        tiles.simulate.world.terrain,
        tiles.simulate.world.vessels,
        tiles.simulate.world.waters,
        tiles.simulate.world.work_draws,
        tiles.simulate.world.world,
    )
    # Meant as they are.
    assert breaches == [
        "tiles.simulate.world.work_draws.Dice is made by position",
    ]
