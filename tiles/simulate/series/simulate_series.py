"""Simulates one coast on many dates with a known shift of its shore: scenes, STAC items, and the truth of each date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pystac
from affine import Affine
from rasterio.crs import CRS
from threadpoolctl import threadpool_limits

from strandline import __version__
from tiles.grid import Grid, Window
from tiles.progress import Progress, ignore_progress
from tiles.simulate.coast.items import SimulatedFolder, make_item, make_item_path, write_catalogues
from tiles.simulate.coast.tiles import PIXEL_M, CoastPlane, CoastTile
from tiles.simulate.coast.view import Day
from tiles.simulate.coast.writer import write_own_day
from tiles.simulate.product.acquisition import Acquisition
from tiles.simulate.product.staging import open_stage, require_new_folder
from tiles.simulate.product.truth import write_shoreline, write_truth_record
from tiles.simulate.series.coast import draw_series_coast
from tiles.simulate.series.dates import PlannedDate, draw_day, plan_dates, reprocess
from tiles.simulate.series.options import SeriesOptions, Span
from tiles.simulate.series.shore import MovedTerrain, Waterline, compute_normal_share, trace_waterline
from tiles.simulate.world.landscape import compute_shoreline
from tiles.simulate.world.terrain import CELL_PX
from tiles.simulate.world.world import World

__all__ = ["SeriesDate", "SeriesOptions", "SimulatedSeries", "Span", "simulate_series"]

_BLOCK_PX = 240
_RENDER_MARGIN_PX = 12  # that ``World`` renders around its blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesDate:
    """One date of a series that was written.

    Attributes:
        number: 0 for the first.
        acquired: When the scene was sensed, UTC.
        shift_m: How far the land has retreated against the coast as drawn, metres.
        cloud_percent: Share of the scene that its classification calls cloud, 0 to 100.
        item: The scene's STAC item, which ``open_scene`` opens.
        truth: Folder of ``shoreline.gpkg`` (layer ``shoreline``) and ``water_fraction.tif``.
        reprocessed: Item of the same acquisition from a newer baseline; ``None`` where there is none.
    """

    number: int
    acquired: datetime
    shift_m: float
    cloud_percent: float
    item: Path
    truth: Path
    reprocessed: Path | None

    @property
    def shoreline(self) -> Path:
        """The true shoreline."""
        return self.truth / "shoreline.gpkg"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedSeries(SimulatedFolder):
    """Where a series was written.

    Attributes:
        folder: Holds all of it.
        dates: In order of time.
        tile: MGRS tile of all scenes, such as ``30SVF``.
        crs: Authority code of their CRS.
        bounds: Their outer edges (left, bottom, right, top) in that CRS.
    """

    dates: tuple[SeriesDate, ...]
    tile: str
    crs: str
    bounds: tuple[float, float, float, float]

    @property
    def record(self) -> Path:
        """What was simulated: ``series.json``, with the shift of every date."""
        return self.folder / "series.json"

    @property
    def drawn_shoreline(self) -> Path:
        """The shoreline as drawn, from which shifts count."""
        return self.folder / "truth" / "drawn_shoreline.gpkg"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Coast:
    """What all dates share."""

    world: World
    waterline: Waterline
    tile: CoastTile
    plane: CoastPlane


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Written:
    """A date in the staging folder."""

    planned: PlannedDate
    item: pystac.Item
    again: pystac.Item | None
    normal_share: float


def simulate_series(
    out: Path, *, seed: int, options: SeriesOptions | None = None, progress: Progress | None = None
) -> SimulatedSeries:
    """Simulate one coast on many dates, each with its own light, air, sea, cloud, satellite and place of the shore.

    The same arguments give the same pixels. The folder appears only when whole.

    Args:
        out: The folder to make.
        seed: Decides the place, the coast and the days; 0 or more.
        options: Size, dates, shifts, weather.
        progress: Told how far the work is.

    Raises:
        GridError: The CRS is no UTM zone.
        SceneError: The seed is impossible, the folder is there already, or no such coast was found.
        ProductWriteError: It cannot be written: no room, no permission.
    """
    options, out = options or SeriesOptions(), Path(out)
    require_new_folder(out, overwrite=options.overwrite)
    dates = plan_dates(seed, options)
    coast = _draw_coast(seed, options, dates)
    with open_stage(out, where=out) as stage:
        draft = stage / out.name
        written = _write_dates(draft, coast, dates, options, progress or ignore_progress)
        items = [item for date in written for item in (date.item, date.again) if item is not None]
        write_catalogues(draft, items, out=out)
        write_truth_record(draft / "series.json", _make_record(seed, options, coast, written))
    return SimulatedSeries(
        folder=out,
        dates=tuple(_locate_date(out, date) for date in written),
        tile=coast.tile.name,
        crs=coast.tile.square.crs,
        bounds=tuple(coast.tile.grid.bounds),
    )


def _draw_coast(seed: int, options: SeriesOptions, dates: Sequence[PlannedDate]) -> _Coast:
    side, square = options.side_px, dates[0].acquisition.square
    # The blocks of a small scene fit it, so that little is rendered in vain.
    block = -(-side // -(-side // _BLOCK_PX) // CELL_PX) * CELL_PX
    world = draw_series_coast(seed, kind=options.kind, extent_px=side, block_px=block, works=options.works)
    reach = max(abs(date.shift_m) for date in dates)
    # Distances are needed to twice the width of the ground that moves.
    margin = -(-(_RENDER_MARGIN_PX + int(2 * (reach + 60) / PIXEL_M) + 1) // CELL_PX) * CELL_PX
    whole = -(-side // block) * block + 2 * margin
    crs, (left, top) = CRS.from_string(square.crs), square.corner
    grid = Grid(crs=crs, transform=Affine(PIXEL_M, 0, left, 0, -PIXEL_M, top), width=side, height=side)
    return _Coast(
        world=world,
        waterline=trace_waterline(world, Window(-margin, -margin, whole, whole), reach_m=reach),
        tile=CoastTile(square=square, grid=grid, crop=grid.window),
        plane=CoastPlane(crs=crs, grid=grid),
    )


def _write_dates(
    draft: Path,
    coast: _Coast,
    dates: Sequence[PlannedDate],
    options: SeriesOptions,
    progress: Progress,
) -> list[_Written]:
    written = []
    (draft / "truth").mkdir(parents=True)
    lines = compute_shoreline(coast.world, coast.tile.grid.window)
    write_shoreline(draft / "truth" / "drawn_shoreline.gpkg", lines, grid=coast.tile.grid, swath=None)
    for date in dates:
        progress("writing scenes", date.number / len(dates))
        # The renderer's matrices are small: threads that wait for each other would triple its time on a busy machine.
        with threadpool_limits(limits=1):
            written.append(_write_date(draft, coast, date, options))
    return written


def _write_date(draft: Path, coast: _Coast, date: PlannedDate, options: SeriesOptions) -> _Written:
    terrain = MovedTerrain(coast.waterline, shift_m=date.shift_m)
    world = draw_day(coast.world, date).with_ground(terrain)
    window = coast.tile.grid.window
    truth = draft / "truth" / _name_scene(date.acquisition)
    truth.mkdir()
    lines = compute_shoreline(world, window)
    write_shoreline(truth / "shoreline.gpkg", lines, grid=coast.tile.grid, swath=None)
    item = _write_scene(draft, coast, world, date, date.acquisition)
    again = None
    if date.number in options.reprocessed:
        again = _write_scene(draft, coast, world, date, reprocess(date.acquisition, baseline=options.newer_baseline))
    share = compute_normal_share(coast.waterline, shift_m=date.shift_m, window=window)
    return _Written(planned=date, item=item, again=again, normal_share=share)


def _write_scene(draft: Path, coast: _Coast, world: World, date: PlannedDate, taken: Acquisition) -> pystac.Item:
    scene = write_own_day(
        world,
        coast.tile,
        acquisition=taken,
        folder=draft / "scenes" / _name_scene(taken),
        fraction_file=draft / "truth" / _name_scene(date.acquisition) / "water_fraction.tif",
    )
    return make_item(scene, Day(number=date.number, world=world, quiet=world, swath=None), coast.plane)


def _name_scene(taken: Acquisition) -> str:
    """As the product is called: two processings of one acquisition have names of their own."""
    return taken.product.removesuffix(".SAFE")


def _locate_date(out: Path, date: _Written) -> SeriesDate:
    taken, again = date.planned.acquisition, date.again
    return SeriesDate(
        number=date.planned.number,
        acquired=taken.granule_start,
        shift_m=date.planned.shift_m,
        cloud_percent=float(date.item.properties["eo:cloud_cover"]),
        item=out / make_item_path(date.item),
        truth=out / "truth" / _name_scene(taken),
        reprocessed=None if again is None else out / make_item_path(again),
    )


def _make_record(seed: int, options: SeriesOptions, coast: _Coast, written: Sequence[_Written]) -> dict[str, Any]:
    """What it takes to make the same series again, and what is true of each date."""
    chosen = {name: value for name, value in options.model_dump().items() if name != "overwrite"}
    chosen["span"] = chosen["span"] | {"first": options.span.first.isoformat()}
    return {
        "simulated": True,
        "software": f"Strandline {__version__}",
        "seed": seed,
        "options": chosen,
        "tile": coast.tile.name,
        "crs": coast.tile.square.crs,
        "bounds": list(coast.tile.grid.bounds),
        "dates": [_describe_date(date) for date in written],
    }


def _describe_date(date: _Written) -> dict[str, Any]:
    taken = date.planned.acquisition
    return {
        "number": date.planned.number,
        "id": date.item.id,
        "item": make_item_path(date.item).as_posix(),
        "truth": f"truth/{date.item.id}",
        "datetime": date.item.properties["datetime"],
        "platform": date.item.properties["platform"],
        "baseline": taken.baseline,
        "shift_m": date.planned.shift_m,
        "shift_is_normal_on": round(date.normal_share, 4),
        "cloud_percent": date.item.properties["eo:cloud_cover"],
        "sun_zenith": round(taken.sun_zenith, 3),
        "reprocessed": None if date.again is None else date.again.id,
        "reprocessed_item": None if date.again is None else make_item_path(date.again).as_posix(),
    }
