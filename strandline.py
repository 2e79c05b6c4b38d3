"""Strandline maps where land meets water, from 12-band Sentinel-2 scenes.

    import strandline

    result = strandline.map_scene("S2A_MSIL2A_….SAFE", "maps", options=strandline.MapOptions(threshold=0.4))
    print(result.folder)

What stands in ``__all__`` is the public face; each name is imported when it is first used, so that importing this
module costs nothing. The rest is the house behind it, which may move: see CONTRIBUTING.md.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.networks.checkpoint import Model
    from models.runtimes.registry import load_model
    from pipeline.batch.run_batch import run_batch
    from pipeline.batch.summary import BatchSummary
    from pipeline.change.compute_change import ChangeResult, compute_change
    from pipeline.change.options import ChangeOptions
    from pipeline.cluster.client import ClusterOptions
    from pipeline.coast.job import CoastJob
    from pipeline.coast.run_coast import CoastResult, run_coast
    from pipeline.cubes.segment import CubeOptions, segment
    from pipeline.errors import OptionError
    from pipeline.evaluation.evaluate import Evaluation, EvaluationOptions, evaluate
    from pipeline.mapping.map_scene import MapResult, map_scene
    from pipeline.mapping.options import MapOptions
    from pipeline.mosaic.build_mosaic import MosaicOptions, MosaicResult, build_mosaic
    from pipeline.output.classes import CLASS_COLOURS
    from pipeline.search.plan import Plan
    from pipeline.search.search_scenes import SearchOptions, search_scenes
    from pipeline.timeseries.compute_timeseries import TimeseriesResult, compute_timeseries
    from pipeline.timeseries.options import TimeseriesOptions
    from pipeline.training.recipe import Recipe
    from pipeline.training.train import train
    from tiles.bands import BANDS, L2A_STACK
    from tiles.products.stack import StackOptions
    from tiles.simulate.coast.simulate_coast import CoastOptions, simulate_coast
    from tiles.simulate.product.simulate import ProductOptions, SimulatedProduct, simulate_scene
    from tiles.simulate.series.options import SeriesOptions
    from tiles.simulate.series.simulate_series import simulate_series

__all__ = [
    "BANDS",
    "CLASS_COLOURS",
    "L2A_STACK",
    "BatchSummary",
    "ChangeOptions",
    "ChangeResult",
    "ClusterOptions",
    "CoastJob",
    "CoastOptions",
    "CoastResult",
    "CubeOptions",
    "Evaluation",
    "EvaluationOptions",
    "MapOptions",
    "MapResult",
    "Model",
    "MosaicOptions",
    "MosaicResult",
    "OptionError",
    "Plan",
    "ProductOptions",
    "Recipe",
    "SearchOptions",
    "SeriesOptions",
    "SimulatedProduct",
    "StackOptions",
    "StrandlineError",
    "TimeseriesOptions",
    "TimeseriesResult",
    "__version__",
    "build_mosaic",
    "compute_change",
    "compute_timeseries",
    "evaluate",
    "load_model",
    "map_scene",
    "run_batch",
    "run_coast",
    "search_scenes",
    "segment",
    "simulate_coast",
    "simulate_scene",
    "simulate_series",
    "train",
]

__version__ = "0.1.0"


class StrandlineError(Exception):
    """Root of every error that Strandline raises on purpose.

    Its message is one line for a person: what was expected, what was found, where, and what to do.
    The command line prints it alone and exits with ``exit_code``.
    """

    exit_code: int = 1


_HOMES = {
    "pipeline.batch.run_batch": ("run_batch",),
    "pipeline.batch.summary": ("BatchSummary",),
    "pipeline.change.compute_change": ("ChangeResult", "compute_change"),
    "pipeline.change.options": ("ChangeOptions",),
    "pipeline.cluster.client": ("ClusterOptions",),
    "pipeline.coast.job": ("CoastJob",),
    "pipeline.coast.run_coast": ("CoastResult", "run_coast"),
    "pipeline.cubes.segment": ("CubeOptions", "segment"),
    "pipeline.errors": ("OptionError",),
    "pipeline.evaluation.evaluate": ("Evaluation", "EvaluationOptions", "evaluate"),
    "pipeline.mapping.map_scene": ("MapResult", "map_scene"),
    "pipeline.mapping.options": ("MapOptions",),
    "pipeline.mosaic.build_mosaic": ("MosaicOptions", "MosaicResult", "build_mosaic"),
    "pipeline.search.plan": ("Plan",),
    "pipeline.search.search_scenes": ("SearchOptions", "search_scenes"),
    "pipeline.timeseries.compute_timeseries": ("TimeseriesResult", "compute_timeseries"),
    "pipeline.timeseries.options": ("TimeseriesOptions",),
    "pipeline.training.recipe": ("Recipe",),
    "pipeline.training.train": ("train",),
    "models.networks.checkpoint": ("Model",),
    "models.runtimes.registry": ("load_model",),
    "pipeline.output.classes": ("CLASS_COLOURS",),
    "tiles.bands": ("BANDS", "L2A_STACK"),
    "tiles.simulate.coast.simulate_coast": ("CoastOptions", "simulate_coast"),
    "tiles.simulate.series.options": ("SeriesOptions",),
    "tiles.simulate.series.simulate_series": ("simulate_series",),
    "tiles.products.stack": ("StackOptions",),
    "tiles.simulate.product.simulate": ("ProductOptions", "SimulatedProduct", "simulate_scene"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a name of the public face when it is first used."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(_HOME_OF[name])
    except ImportError as error:
        raise _explain(error) from error
    value: object = getattr(module, name)
    globals()[name] = value
    return value


def _explain(error: ImportError) -> ImportError | StrandlineError:
    """Why a part of the house cannot be imported: another module has its name, or an extra is missing."""
    for room in ("tiles", "models", "pipeline"):
        spec = importlib.util.find_spec(room)
        places = [spec.origin or "", *(spec.submodule_search_locations or ())] if spec else []
        if not any(Path(place).is_relative_to(Path(__file__).parent / room) for place in places):
            found = next(filter(None, places), "nothing")
            return StrandlineError(
                f"Expected the package {room} of Strandline, found {found}, which has the same name: rename it, or "
                "run Python where it is not on the path."
            )
    from pipeline.extras import explain_missing_library  # noqa: PLC0415 (only where something is wrong)

    return explain_missing_library(error) or error


def __dir__() -> list[str]:
    return sorted(__all__)
