"""Simulates a scene and writes it as a Level-2A product, with the truth beside it."""

from __future__ import annotations

import math
import random
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import model_validator
from rasterio.warp import transform
from threadpoolctl import threadpool_limits

from strandline import __version__
from tiles.errors import OptionError, ProductWriteError, SceneError
from tiles.grid import Window
from tiles.options import Options
from tiles.products.files import SIMULATION_RECORD
from tiles.progress import Progress, ignore_progress
from tiles.simulate.product.acquisition import Acquisition, Satellite, resolve_acquisition
from tiles.simulate.product.layers import resolve_layers
from tiles.simulate.product.manifest import write_manifest
from tiles.simulate.product.metadata import ProductContent, write_metadata
from tiles.simulate.product.pixels import PixelWriter, RenderedStrip
from tiles.simulate.product.staging import open_stage
from tiles.simulate.product.swath import Swath, draw_swath
from tiles.simulate.product.truth import write_shoreline, write_truth_record
from tiles.simulate.world.landscape import World, WorldOptions, compute_shoreline
from tiles.simulate.world.processes import count_processes, open_processes
from tiles.simulate.world.relief import KINDS, Kind

__all__ = [
    "ProductOptions",
    "SceneSource",
    "SimulatedProduct",
    "compute_light_angles",
    "resolve_kind",
    "simulate_scene",
    "write_simulated_product",
]

_BYTES_PER_PIXEL = 28  # 10 m pixels: scratch rasters and the product together
_EDGE_OF_SEEDS = 3  # every third seed lies on the swath's edge


class ProductOptions(Options):
    """How a simulated product is to look.

    Attributes:
        kind: Kind of landscape as ``tiles.simulate.world.world`` names them (``open_coast``, ``estuary`` …), or
            ``random``.
        cloud_cover: Share of the scene under cloud, 0 to 1; ``None`` lets the seed decide.
        swath: ``edge``: a slanted edge beyond which there is no data; ``full``: none; ``auto``: an edge for every
            third seed.
        satellite: Whose product it is, ``S2A`` to ``S2D``; ``auto``: of one that flies in the time of the baseline.
        complete: Whether to write every image file of a real product (coarse copies, true colour, AOT, water
            vapour), or each band at its native resolution and the classification alone, which takes less to encode.
        strip_rows: 10 m rows rendered at a time; a multiple of 6. Memory grows with it.
        overwrite: Whether a product of the same name is replaced.

    Raises:
        OptionError: A value is out of range.
    """

    kind: str = "random"
    cloud_cover: float | None = None
    swath: Literal["auto", "edge", "full"] = "auto"
    satellite: Satellite = "auto"
    complete: bool = True
    strip_rows: int = 480
    overwrite: bool = False

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        if self.cloud_cover is not None and not 0 <= self.cloud_cover <= 1:
            raise OptionError(f"Expected a cloud cover from 0 to 1, found {self.cloud_cover}.")
        if self.strip_rows < 6 or self.strip_rows % 6:
            raise OptionError(f"Expected strips of a multiple of 6 rows, found {self.strip_rows}.")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedProduct:
    """Where a simulated product and its truth were written.

    Attributes:
        path: The ``.SAFE`` folder.
        truth: The folder of the truth: ``water_fraction.tif``, ``shoreline.gpkg``, ``truth.json``.
    """

    path: Path
    truth: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneSource:
    """What a product is made of.

    Attributes:
        render: Gives the pixels of a window of 10 m pixels whose edges are multiples of 6.
        compute_shoreline: Gives the true shoreline in a window: ``(point, 2)`` arrays, column and row in pixels,
            edges at integers, land on the left of travel.
    """

    render: Callable[[Window], RenderedStrip]
    compute_shoreline: Callable[[Window], Sequence[npt.NDArray[np.float64]]]


def simulate_scene(
    out: Path,
    *,
    seed: int,
    size: int = 10_980,
    baseline: str = "05.11",
    crs: str = "EPSG:32630",
    options: ProductOptions | None = None,
    processes: bool = False,
    progress: Progress = ignore_progress,
) -> SimulatedProduct:
    """Simulate a coastal scene and write it as an L2A ``.SAFE`` product, with the truth beside it.

    The same arguments give the same pixels. Both folders appear only when whole: the truth first, the product last.

    Args:
        out: Folder for the product; made if it is not there.
        seed: Decides the landscape, the place within the UTM zone and the day; 0 or more.
        size: Columns and rows at 10 m, 60 to 10980 (a real tile); rounded up to a multiple of 6, whole 60 m pixels.
        baseline: Processing baseline; from 04.00 on digital numbers carry an offset of 1000.
        crs: UTM zone, ``EPSG:326xx`` or ``EPSG:327xx``.
        options: Landscape, cloud, swath, and which files to write.
        processes: Render a large scene in processes of their own, which takes two thirds of the time of threads; the
            caller is a program that guards its start (``if __name__ == "__main__":``).
        progress: Told how far the work is.

    Raises:
        GridError: Size or CRS is impossible.
        SceneError: Seed, baseline or an option is impossible, or the product is there already.
        ProductWriteError: It cannot be written: no room, no permission.
    """
    options = options or ProductOptions()
    acquisition = resolve_acquisition(seed=seed, size=size, baseline=baseline, crs=crs, satellite=options.satellite)
    kind = resolve_kind(options.kind, (*KINDS, "random"))
    cover = _resolve_cloud_cover(seed, options)
    world = World(
        WorldOptions(seed=seed, kind=kind, cloud_cover=cover, extent_px=acquisition.size, keep_shoreline=True)
    )
    zenith, azimuth = compute_light_angles(world.sun)
    acquisition = replace(acquisition, sun_zenith=zenith, sun_azimuth=azimuth)
    with ExitStack() as stack:
        count = count_processes(acquisition.size) if processes else 0
        submit = stack.enter_context(open_processes(world, count)) if count else None
        source = SceneSource(
            render=partial(world.render, submit=submit),
            compute_shoreline=lambda window: compute_shoreline(world, window),
        )
        return write_simulated_product(out, source=source, acquisition=acquisition, options=options, progress=progress)


def _resolve_cloud_cover(seed: int, options: ProductOptions) -> float:
    """What was asked for, else what the seed draws: clear on three days of five, up to 12% on the others.

    Those are the scenes that one would choose to map; ask for more cloud to see what it does.
    """
    if options.cloud_cover is not None:
        return options.cloud_cover
    rng = random.Random(f"cloud {seed}")  # noqa: S311  (a simulation, no secret)
    return max(0.0, rng.uniform(-0.18, 0.12))


def resolve_kind(kind: str, kinds: tuple[Kind, ...]) -> Kind:
    """Decide which of some kinds of landscape a word means.

    Raises:
        SceneError: None of them.
    """
    for known in kinds:
        if kind == known:
            return known
    raise SceneError(f"There is no kind of landscape {kind!r}. Choose {', '.join(sorted(kinds))}.")


def compute_light_angles(sun: tuple[float, float, float]) -> tuple[float, float]:
    """Zenith angle and azimuth in degrees of the light that the pixels show, from the vector (east, north, up)."""
    east, north, up = sun
    return math.degrees(math.acos(up)), math.degrees(math.atan2(east, north)) % 360


def write_simulated_product(
    out: Path,
    *,
    source: SceneSource,
    acquisition: Acquisition,
    options: ProductOptions,
    progress: Progress = ignore_progress,
) -> SimulatedProduct:
    """Write any rendered scene as an L2A ``.SAFE`` product, with its truth beside it.

    Args:
        out: Folder for both; made if it is not there.
        source: Pixels and shoreline.
        acquisition: Names, grid, time and baseline.
        options: Swath, and which files to write.
        progress: Told how far the work is.

    Raises:
        SceneError: The product is there already.
        ProductWriteError: It cannot be written: no room, no permission.
    """
    product = SimulatedProduct(
        path=out / acquisition.product, truth=out / f"{acquisition.product.removesuffix('.SAFE')}_truth"
    )
    if product.path.exists() and not options.overwrite:
        raise SceneError(f"{product.path} exists already. Remove it, choose another folder or seed, or overwrite it.")
    with open_stage(product.truth, product.path, where=out) as stage:
        _require_space(out, acquisition)
        draft = SimulatedProduct(path=stage / product.path.name, truth=stage / product.truth.name)
        for folder in (draft.path, draft.truth, stage / "scratch"):
            folder.mkdir()
        scratch = stage / "scratch"
        _write_product(
            draft, scratch=scratch, source=source, acquisition=acquisition, options=options, progress=progress
        )
    return product


def _require_space(out: Path, acquisition: Acquisition) -> None:
    """Refuse at once what will not fit."""
    needed, free = _BYTES_PER_PIXEL * acquisition.size**2, shutil.disk_usage(out).free
    if free < needed:
        raise ProductWriteError(
            f"Could not write the product to {out}: about {needed / 1e6:,.0f} MB are needed for a while, the disk has "
            f"{free / 1e6:,.0f} MB. Free some space, or choose a folder on another disk."
        )


def _write_product(
    draft: SimulatedProduct,
    *,
    scratch: Path,
    source: SceneSource,
    acquisition: Acquisition,
    options: ProductOptions,
    progress: Progress,
) -> None:
    swath = _resolve_swath(acquisition, options)
    folder, truth = draft.path, draft.truth
    pixels = PixelWriter(
        acquisition=acquisition,
        swath=swath,
        scratch=scratch,
        folder=folder,
        strip_rows=options.strip_rows,
    )
    # The renderer's matrices are small: threads that wait for each other would triple its time on a busy machine.
    with threadpool_limits(limits=1):
        pixels.render(source.render, fraction_file=truth / "water_fraction.tif", progress=progress)
        lines = source.compute_shoreline(Window(0, 0, acquisition.size, acquisition.size))
    images = pixels.encode(resolve_layers(acquisition, complete=options.complete), progress=progress)
    masks = pixels.encode_masks()
    pixels.encode_preview()
    content = ProductContent(
        images=images,
        class_counts=pixels.count_classes(),
        footprint=_compute_footprint(acquisition, swath),
        cloud_masks=masks,
        preview=acquisition.preview_path,
        notice=_format_notice(acquisition),
    )
    record = _make_record(acquisition, options)
    count = write_shoreline(truth / "shoreline.gpkg", lines, grid=pixels.compute_grid(10), swath=swath)
    write_truth_record(truth / "truth.json", record | {"shoreline_lines": count})
    write_metadata(folder, acquisition, content)
    write_truth_record(folder / SIMULATION_RECORD, record)
    write_manifest(folder, acquisition, content)


def _resolve_swath(acquisition: Acquisition, options: ProductOptions) -> Swath | None:
    wanted = options.swath == "edge" or (options.swath == "auto" and acquisition.seed % _EDGE_OF_SEEDS == 1)
    return draw_swath(seed=acquisition.seed, size_m=acquisition.size * 10) if wanted else None


def _compute_footprint(acquisition: Acquisition, swath: Swath | None) -> list[tuple[float, float]]:
    """Corners of the ground with data as (latitude, longitude), closed, clockwise from the north-west."""
    left, top = acquisition.square.corner
    edge = float(acquisition.size * 10)
    corners = [(0.0, 0.0), (edge, 0.0), (edge, edge), (0.0, edge)]
    if swath is not None:
        corners = swath.clip_polygon(corners)
    xs, ys = [left + x for x, _ in corners], [top - y for _, y in corners]
    lons, lats = transform(acquisition.square.crs, "EPSG:4326", xs, ys)[:2]
    points = list(zip(lats, lons, strict=True))
    return [*points, points[0]]


def _format_notice(acquisition: Acquisition) -> str:
    return f"A simulated scene, not an observation: Strandline {__version__}, seed {acquisition.seed}"


def _make_record(acquisition: Acquisition, options: ProductOptions) -> dict[str, Any]:
    """What it takes to make the same product again."""
    return {
        "simulated": True,
        "software": f"Strandline {__version__}",
        "product": acquisition.product,
        "seed": acquisition.seed,
        "size": acquisition.size,
        "baseline": acquisition.baseline,
        "crs": acquisition.square.crs,
        "options": {
            name: value for name, value in options.model_dump().items() if name not in ("overwrite", "strip_rows")
        },
    }
