"""The house's rules for values: frozen, slotted, named by keyword, and compared only where that makes sense."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterator
from types import ModuleType

__all__ = ["EXCEPTIONS", "list_breaches", "list_loaded"]

_ARRAYS = re.compile(r"\b(NDArray|Floats|Ints|Bools|Field)\b")
"""Annotations of arrays: two values that hold some have no plain answer to whether they are equal."""


EXCEPTIONS = frozenset(
    {
        "models.runtimes.openvino_graph._Writer is made by position",
        "pipeline.clock.Span is made by position",
        "pipeline.cluster.tasks._Try is made by position",
        "pipeline.cubes.radiometry._Resolver can be changed",
        "pipeline.cubes.radiometry._Resolver is made by position",
        "pipeline.evaluation.evaluate._Study can be changed",
        "pipeline.evaluation.tile_gallery.TileGallery can be changed",
        "pipeline.output.preview._Layout is made by position",
        "pipeline.output.fields.Layer compares arrays",  # its fields are those of a table
        "pipeline.record.assets._Kind is made by position",
        "pipeline.search.search_scenes._Sieve can be changed",
        "pipeline.secrets.Reference is made by position",
        "pipeline.trace.ellipsoid.Ground is made by position",
        "pipeline.trace.ellipsoid.Ground takes names that it does not have",  # it keeps what it has computed once
        "pipeline.watch.areas.schedule.Schedule is made by position",
        "pipeline.watch.run_round._Tally can be changed",
        "pipeline.watch.values.Mapped can be changed",
        "tiles.grid.Window is made by position",
        "tiles.indices.WaterIndex compares arrays",  # it holds a function of arrays
        "tiles.pixels.native_rows.NativeRows is made by position",
        "tiles.pixels.reader.Strip is made by position",
        "tiles.pixels.resample._Run is made by position",
        "tiles.samples.swed_check.SwedReport can be changed",
        "tiles.simulate.product.simulate.SceneSource compares arrays",  # it holds a function of arrays
        "tiles.simulate.world.work_draws.Dice is made by position",
    }
)
"""Where the house does otherwise: what gathers can be changed, and small values of one meaning are made by position."""

_WINGS = ("models.", "pipeline.", "tiles.", "workflows.")


def list_loaded() -> list[ModuleType]:
    """The modules of ours that are imported by now."""
    return [module for name, module in sorted(sys.modules.items()) if name.startswith(_WINGS)]


def list_breaches(*modules: ModuleType) -> list[str]:
    """The rules that dataclasses of some modules break, a sentence each.

    Args:
        modules: Where the classes are defined.
    """
    return [
        f"{module.__name__}.{name} {breach}"
        for module in modules
        for name, kind in vars(module).items()
        if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__ == module.__name__
        for breach in _find_breaches(kind)
    ]


def _find_breaches(kind: type) -> Iterator[str]:
    rules = kind.__dataclass_params__  # type: ignore[attr-defined]
    fields = dataclasses.fields(kind)
    if not rules.frozen:
        yield "can be changed"
    if "__slots__" not in vars(kind):
        yield "takes names that it does not have"
    if not all(field.kw_only for field in fields):
        yield "is made by position"
    if rules.eq and any(_ARRAYS.search(str(field.type)) for field in fields):
        yield "compares arrays"
