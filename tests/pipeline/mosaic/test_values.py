"""The values of the mosaic keep the house's rules."""

from __future__ import annotations

import pipeline.mosaic.build_mosaic
import pipeline.mosaic.chains
import pipeline.mosaic.features
import pipeline.mosaic.item
import pipeline.mosaic.lattice
import pipeline.mosaic.lines
import pipeline.mosaic.plan
import pipeline.mosaic.rasters
import pipeline.mosaic.seam
import pipeline.mosaic.statistics
import pipeline.mosaic.store
import pipeline.mosaic.tracer
import pipeline.mosaic.work
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    room = pipeline.mosaic
    assert (
        list_breaches(
            room.build_mosaic,
            room.chains,
            room.features,
            room.item,
            room.lattice,
            room.lines,
            room.plan,
            room.rasters,
            room.seam,
            room.statistics,
            room.store,
            room.tracer,
            room.work,
        )
        == []
    )
