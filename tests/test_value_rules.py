"""The values of the whole house keep its rules, or break those that they are known to."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import models
import pipeline
import tiles
import workflows
from tests.dataclass_rules import EXCEPTIONS, list_breaches, list_loaded

_IN_QGIS = "workflows.qgis."
"""The plugin is imported by QGIS alone."""


@pytest.mark.parametrize("wing", [tiles, models, pipeline, workflows], ids=lambda wing: wing.__name__)
def test_values_are_frozen_slotted_made_by_keyword_and_compared_where_that_makes_sense(wing: object) -> None:
    parts = pkgutil.walk_packages(wing.__path__, f"{wing.__name__}.")  # type: ignore[attr-defined]
    names = [part.name for part in parts if not part.name.startswith(_IN_QGIS)]
    for name in names:
        importlib.import_module(name)
    loaded = [module for module in list_loaded() if module.__name__ in names]
    assert len(loaded) == len(names)
    assert set(list_breaches(*loaded)) == {breach for breach in EXCEPTIONS if breach.startswith(wing.__name__)}  # type: ignore[attr-defined]
