"""Simulates one coast as four Sentinel-2 tiles of two UTM zones see it on several dates, with the truth beside it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pystac
from pydantic import model_validator
from threadpoolctl import threadpool_limits

from strandline import __version__
from tiles.errors import OptionError
from tiles.options import Options
from tiles.progress import Progress, ignore_progress
from tiles.simulate.coast.days import draw_coast, draw_days
from tiles.simulate.coast.items import SimulatedFolder, make_item, make_item_path, write_catalogues
from tiles.simulate.coast.tiles import CoastPlane, CoastTile, MeetingPlace, draw_meeting_place, make_plane, make_tiles
from tiles.simulate.coast.truth import compute_truth_window, write_clear, write_true_shoreline
from tiles.simulate.coast.view import Day
from tiles.simulate.coast.writer import write_day, write_fractions
from tiles.simulate.product.acquisition import CYCLE, ORBITS_PER_CYCLE, Acquisition, resolve_acquisition
from tiles.simulate.product.simulate import compute_light_angles, resolve_kind
from tiles.simulate.product.staging import open_stage, require_new_folder
from tiles.simulate.product.truth import write_truth_record
from tiles.simulate.world.relief import SHORE_KINDS
from tiles.simulate.world.world import World

__all__ = ["CoastOptions", "SimulatedCoast", "simulate_coast"]


class CoastOptions(Options):
    """What a simulated coast is to be.

    Attributes:
        extent_px: Side of the area in pixels of 10 m, 120 to 10980.
        overlap_px: How wide the ground is that neighbouring tiles share, at most; ``None``: as wide as real tiles
            have it (9.8 km, some 14 km between zones), or a third of an area under 2000 px.
        dates: Overpasses, 10 days apart.
        kind: Kind of landscape as ``tiles.simulate.world.world`` names them, one that has a shoreline; or ``random``.
        works: Whether harbours, moles, causeways and ponds may stand on the shore.
        cloud_cover: Share of the area under cloud on each date, roughly.
        hidden: Least and most share of the shore that cloud and swath hide on every date.
        swath_edges: On how many dates, the last ones, the edge of the swath crosses the area.
        baseline: Processing baseline; from 04.00 on digital numbers carry an offset of 1000.
        scene_class_faults: Whether the scene classification takes surf and beaches for cloud, as the real one does;
            ``truth/clear.tif`` does not know of these.
        overwrite: Whether a coast in the same folder is replaced.

    Raises:
        OptionError: A value is out of range.
    """

    extent_px: int = 2_400
    overlap_px: int | None = None
    dates: int = 3
    kind: str = "open_coast"
    works: bool = True
    cloud_cover: float = 0.15
    hidden: tuple[float, float] = (0.0, 0.01)
    swath_edges: int = 1
    baseline: str = "05.11"
    scene_class_faults: bool = False
    overwrite: bool = False

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        if not 1 <= self.dates <= 24:
            raise OptionError(f"Expected 1 to 24 dates, found {self.dates}.")
        resolve_kind(self.kind, SHORE_KINDS)
        if not 0 <= self.cloud_cover <= 1:
            raise OptionError(f"Cloud cover is a share of 0 to 1, found {self.cloud_cover}. Divide percent by 100.")
        if not 0 <= self.hidden[0] <= self.hidden[1] <= 1:
            raise OptionError(f"Expected the least and the most share of shore to hide, 0 to 1, found {self.hidden}.")
        if not 0 <= self.swath_edges <= self.dates:
            raise OptionError(f"Expected 0 to {self.dates} dates with a swath edge, found {self.swath_edges}.")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedCoast(SimulatedFolder):
    """Where a simulated coast was written, and where it lies.

    Attributes:
        folder: Holds all of it.
        items: One STAC item a scene, ``scenes/<id>/<id>.json``; ``open_scene`` opens it.
        place: Where the tiles meet.
        plane: The common plane and the area on it.
        tiles: The crops: north-west, north-east, south-west, south-east.
    """

    items: tuple[Path, ...]
    place: MeetingPlace
    plane: CoastPlane
    tiles: tuple[CoastTile, ...]

    @property
    def truth(self) -> Path:
        """Folder of ``shoreline.gpkg``, ``clear.tif``, ``truth.json`` and ``<tile>_water_fraction.tif``."""
        return self.folder / "truth"


def simulate_coast(
    out: Path, *, seed: int, options: CoastOptions | None = None, progress: Progress | None = None
) -> SimulatedCoast:
    """Simulate one coast in 2 x 2 MGRS tiles of two UTM zones on several dates, with its truth.

    The same arguments give the same pixels. The folder appears only when whole.

    Args:
        out: The folder to make.
        seed: Decides the place, the coast and the days; 0 or more.
        options: Size, dates, weather.
        progress: Told how far the work is.

    Raises:
        GridError: Extent or overlap is impossible.
        SceneError: The seed is impossible, the folder is there already, or no such coast or weather was found.
        ProductWriteError: It cannot be written: no room, no permission.
    """
    options, progress = options or CoastOptions(), progress or ignore_progress
    out = Path(out)
    require_new_folder(out, overwrite=options.overwrite)
    place = draw_meeting_place(seed)
    plane = make_plane(place, extent_px=options.extent_px)
    tiles = make_tiles(place, plane, overlap_px=options.overlap_px)
    first = resolve_acquisition(seed=seed, size=options.extent_px, baseline=options.baseline, crs=place.squares[0].crs)
    progress("drawing the coast", 0.0)
    world, shore = draw_coast(
        seed,
        kind=resolve_kind(options.kind, SHORE_KINDS),
        extent_px=options.extent_px,
        works=options.works,
        faults=options.scene_class_faults,
    )
    days = draw_days(
        world,
        shore,
        seed=seed,
        dates=options.dates,
        cloud_cover=options.cloud_cover,
        hidden=options.hidden,
        swaths=options.swath_edges,
    )
    with open_stage(out, where=out) as stage:
        draft = stage / out.name
        items = _write_scenes(draft, days, tiles, plane, first=first, progress=progress)
        write_catalogues(draft, items, out=out)
        progress("writing the truth", 0.0)
        counts = _write_truth(draft / "truth", world, days, tiles, plane)
        record = _make_record(seed, options, place=place, plane=plane, tiles=tiles, days=days)
        write_truth_record(draft / "truth" / "truth.json", record | counts)
    paths = tuple(out / make_item_path(item) for item in items)
    return SimulatedCoast(folder=out, items=paths, place=place, plane=plane, tiles=tiles)


def _write_scenes(
    draft: Path,
    days: Sequence[Day],
    tiles: Sequence[CoastTile],
    plane: CoastPlane,
    *,
    first: Acquisition,
    progress: Progress,
) -> list[pystac.Item]:
    items = []
    for day in days:
        progress("writing scenes", day.number / len(days))
        taken = [_resolve_acquisition(first, day, tile) for tile in tiles]
        folders = [draft / "scenes" / _name_scene(acquisition) for acquisition in taken]
        # The renderer's matrices are small: threads that wait for each other would triple its time on a busy machine.
        with threadpool_limits(limits=1):
            scenes = write_day(day, tiles, plane, acquisitions=taken, folders=folders)
        for scene in scenes:
            if scene.nodata_percent < 100:
                items.append(make_item(scene, day, plane))
            else:  # the swath passes this tile by: there is no product
                shutil.rmtree(scene.folder)
    return items


def _resolve_acquisition(first: Acquisition, day: Day, tile: CoastTile) -> Acquisition:
    later = CYCLE * day.number
    zenith, azimuth = compute_light_angles(day.world.sun)
    return replace(
        first,
        square=tile.square,
        sensing=first.sensing + later,
        generation=first.generation + later,
        orbit=first.orbit + ORBITS_PER_CYCLE * day.number,
        sun_zenith=zenith,
        sun_azimuth=azimuth,
    )


def _name_scene(taken: Acquisition) -> str:
    """As Earth Search names its items."""
    return f"{taken.spacecraft}_T{taken.square.tile_id}_{taken.sensing:%Y%m%dT%H%M%S}_L2A"


def _write_truth(
    folder: Path, world: World, days: Sequence[Day], tiles: Sequence[CoastTile], plane: CoastPlane
) -> dict[str, Any]:
    folder.mkdir()
    window = compute_truth_window(plane, tiles)
    write_fractions(world.terrain, tiles, plane, folder)
    write_clear(folder / "clear.tif", days, tiles, plane, window)
    return {"shoreline_lines": write_true_shoreline(folder / "shoreline.gpkg", world, plane, window)}


def _make_record(
    seed: int,
    options: CoastOptions,
    *,
    place: MeetingPlace,
    plane: CoastPlane,
    tiles: Sequence[CoastTile],
    days: Sequence[Day],
) -> dict[str, Any]:
    """What it takes to make the same coast again, and where it lies."""
    return {
        "simulated": True,
        "software": f"Strandline {__version__}",
        "seed": seed,
        "options": {name: value for name, value in options.model_dump().items() if name != "overwrite"},
        "plane_crs": plane.crs.to_wkt(),
        "area": list(plane.grid.bounds),
        "zone_boundary_lon": place.lon,
        "tiles": {
            tile.name: {"crs": tile.square.crs, "bounds": list(tile.grid.bounds), "corner": list(tile.square.corner)}
            for tile in tiles
        },
        "dates": len(days),
        "dates_with_swath_edge": [day.number for day in days if day.swath is not None],
    }
