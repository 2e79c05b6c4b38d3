"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import tiles.samples.census
import tiles.samples.crop_list
import tiles.samples.crops
import tiles.samples.folder
import tiles.samples.folder_layout
import tiles.samples.mixture
import tiles.samples.patch
import tiles.samples.patch_choice
import tiles.samples.sample
import tiles.samples.swed
import tiles.samples.swed_check
import tiles.samples.swed_files
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        tiles.samples.census,
        tiles.samples.crop_list,
        tiles.samples.crops,
        tiles.samples.folder,
        tiles.samples.folder_layout,
        tiles.samples.mixture,
        tiles.samples.patch,
        tiles.samples.patch_choice,
        tiles.samples.sample,
        tiles.samples.swed,
        tiles.samples.swed_check,
        tiles.samples.swed_files,
    )
    # Meant as they are.
    assert breaches == [
        "tiles.samples.swed_check.SwedReport can be changed",
    ]
