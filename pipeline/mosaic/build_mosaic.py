"""Make one map of many: the scenes of an area and a period on one grid, and one coastline through all of them.

This is the way through it, top to bottom: read what was mapped, plan the cells, compute each, trace each, sew the
zones, join the lines, write lines and rasters, record, publish. A run that is killed goes on where it stopped.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from pipeline.atomic import open_workspace
from pipeline.checksums import Basis, compute_basis, compute_source_sha256
from pipeline.dates import Period, parse_period
from pipeline.errors import NothingClearError
from pipeline.export.options import VectorOptions
from pipeline.mosaic.chains import CellChains, write_chains
from pipeline.mosaic.features import CoastContext, build_frames
from pipeline.mosaic.fields import MOSAIC_LAYERS
from pipeline.mosaic.item import MosaicRecord, write_mosaic_item, write_tile_item
from pipeline.mosaic.lattice import Cell, Lattice
from pipeline.mosaic.lines import Coast, Lacking, Piece
from pipeline.mosaic.plan import LatticePlan, plan_lattices
from pipeline.mosaic.polygons import PolygonJob, place_polygons, trace_polygons
from pipeline.mosaic.preview import write_tile_preview
from pipeline.mosaic.rasters import write_rasters
from pipeline.mosaic.seam import Seam, trace_seam
from pipeline.mosaic.statistics import Layer, Statistic
from pipeline.mosaic.store import Store
from pipeline.mosaic.waters import BlockWaters, list_blocks, tell_block
from pipeline.mosaic.work import CellJob, compute_cell, read_sources, trace_stored_cell
from pipeline.mosaic.writer import CoastWriter, finish_coast, write_more_formats
from pipeline.output.preview import Caption
from pipeline.output.vectors import resolve_formats
from pipeline.publish.outlet import fetch_results, open_outlet_of
from pipeline.record.catalogue import write_catalogue
from pipeline.record.mapped_scene import MappedScenes, group_acquisitions, read_mapped_scenes
from pipeline.record.version import publish_work
from pipeline.trace.ocean import SEA_IS_GUESSED, resolve_ocean
from pipeline.trace.waters import ShoreKind
from strandline import __version__
from tiles.grid import Window
from tiles.progress import Progress, ignore_progress

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["MosaicOptions", "MosaicResult", "build_mosaic"]

_CELLS_A_PART = 32
"""Cells whose polygons are held and written together."""


class MosaicOptions(VectorOptions):
    """Choices for ``build_mosaic``.

    Attributes:
        grid: ``mgrs``: rasters in the UTM zone of each MGRS tile; or a CRS and a pixel size, ``EPSG:3035:10``.
        statistic: What the coastline and ``water.tif`` follow, see ``pipeline.mosaic.statistics.COMPOSITES``.
        dates: Only scenes of these days are joined, as ``2024-07/2024-09``; ``None``: all.
        min_area_m2: Islands and lakes smaller than this are left out of the vectors.
        min_length_m: Open lines shorter than this that end at cloud, nodata or the edge are left out.
        ocean: Polygons of the ocean, to tell sea from river and lake; ``None``: Natural Earth 1:10m.
        only: Kinds of lines that are written: ``sea``, ``river``, ``lake``, ``open``; none: all.
        crs: CRS of the vectors, as ``EPSG:3035``; ``None``: the map's own.
        smooth_m: Waves of the lines of this length lose half their height, shorter ones more; 0: none.
        dissolve: One feature of many parts for each kind.
        points_every_m: Besides, points along the lines this far apart; ``None``: none.
        formats: Vector formats besides the GeoPackage and the parts in GeoParquet, which are always written; these
            are made of the whole coastline at once, in memory.
        overwrite: Replace a mosaic that was made of other scenes or with other choices.
    """

    grid: str = "mgrs"
    statistic: Statistic = "median"
    dates: str | None = None
    min_area_m2: Annotated[float, Field(ge=0)] = 0.0
    min_length_m: Annotated[float, Field(ge=0)] = 0.0
    ocean: Annotated[Path | None, AfterValidator(resolve_ocean)] = None
    only: frozenset[ShoreKind] = frozenset()
    formats: tuple[str, ...] = ("gpkg",)
    overwrite: bool = False

    @model_validator(mode="after")
    def _check_dates(self) -> Self:
        _ = self.period
        return self

    @property
    def period(self) -> Period | None:
        """The days of the scenes that are joined; ``None``: all."""
        return None if self.dates is None else parse_period(self.dates)

    def result_parameters(self) -> dict[str, object]:
        """The choices that change the result; a file is known by its checksum."""
        # What was not known to earlier releases is recorded where it is said: their mosaics stand.
        dates = {} if self.period is None else {"dates": self.period.describe()}
        return self.model_dump(exclude={"overwrite", "dates", *VectorOptions.model_fields}) | {
            **dates,
            "ocean": None if self.ocean is None else compute_source_sha256(self.ocean) or str(self.ocean),
            "only": sorted(self.only),
            "formats": sorted({"gpkg", *self.formats}),
            **self.vector_parameters(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MosaicResult:
    """What came of a mosaic.

    Attributes:
        folder: Where the outputs are.
        already_made: The folder held this very result, and nothing was done.
        scenes: Number of scenes.
        lines: Number of features in the layer ``coastline``; 0 where nothing was done.
        notes: What the user should be told, a sentence each.
        address: URL of the mosaic, in a store; empty: it is in the folder.
    """

    folder: Path
    already_made: bool
    scenes: int
    lines: int = 0
    notes: tuple[str, ...] = ()
    address: str = ""

    @property
    def where(self) -> str:
        """Where the outputs stand: a folder, or a URL."""
        return self.address or str(self.folder)


def build_mosaic(
    folder: str | Path,
    out: str | Path,
    *,
    options: MosaicOptions | None = None,
    scenes: Collection[str] | None = None,
    client: Client | None = None,
    progress: Progress | None = None,
    finish: Callable[[Path], None] | None = None,
) -> MosaicResult:
    """Make the mosaic and the one coastline of all scenes that were mapped into a folder.

    Args:
        folder: Results of ``map_scene`` or of a batch; of a store they are fetched first.
        out: Folder for the mosaic, or its URL in a store; it appears when it is whole.
        options: Choices; the defaults suit most coasts.
        scenes: Names of the folders in it that belong together; the record names those that are not there. ``None``:
            all that are.
        client: Of a Dask cluster, whose workers see both folders under the same paths; ``None``: everything is done
            in this process.
        progress: Told how far the work is.
        finish: Called with the folder of a mosaic that is to go to a store, to add to it what is not a part of it.

    Returns:
        Where the outputs are.

    Raises:
        StrandlineError: Whatever is wrong with the scenes, the choices or the disk, in one line.
    """
    options = options or MosaicOptions()
    resolve_formats(options.formats)
    place, name = open_outlet_of(out)
    mapped = read_mapped_scenes(fetch_results(folder), period=options.period, wanted=scenes)
    basis = compute_basis(
        "mosaic",
        inputs=dict(zip((scene.id for scene in mapped.scenes), mapped.fingerprints, strict=True)),
        choices={
            "model": mapped.model_sha256,
            **options.result_parameters(),
            **({"lacking": list(mapped.lacking)} if mapped.lacking else {}),
        },
    )
    result = MosaicResult(
        folder=Path(out) if place.store is None else place.folder / name,
        already_made=place.is_there(name, basis, overwrite=options.overwrite),
        scenes=len(mapped.scenes),
        notes=mapped.notes,
        address="" if place.store is None else place.name_address(name),
    )
    if result.already_made:
        return result
    if not place.is_made(name, basis):
        plans = plan_lattices(mapped.scenes, grid=options.grid)
        for plan in plans:
            options.require_possible(plan.lattice.compute_grid(plan.domain))
        with open_workspace(place.folder, name, keep=basis.fingerprint[:16]) as work:
            build = _MosaicBuild(mapped=mapped, plans=plans, options=options, folder=work.folder, client=client)
            made = build.run(progress or ignore_progress, basis)
            result = replace(result, lines=made.lines, notes=made.notes)
            shutil.rmtree(work.folder / ".scratch")
            publish_work(work)
    if place.store is not None and finish is not None:
        finish(result.folder)
    place.deliver(name)
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class _MosaicBuild:
    """A mosaic being made in its workspace."""

    mapped: MappedScenes
    plans: tuple[LatticePlan, ...]
    options: MosaicOptions
    folder: Path
    client: Client | None

    def run(self, progress: Progress, basis: Basis) -> MosaicResult:
        """Do all of it in the workspace."""
        jobs = [self._create_store(plan) for plan in self.plans]
        work = list(zip(jobs, self.plans, strict=True))
        observed = dict(self._run_stage("statistics", progress, compute_cell, self._list_cells(work)))
        filled = [(job, [cell for cell in plan.cells if observed[_name_cell(job, cell)]]) for job, plan in work]
        if not any(cells for _, cells in filled):
            raise NothingClearError("No pixel was seen clear in any scene: there is nothing to draw a coastline on.")
        tracing = ((_name_cell(job, cell), (job, cell)) for job, cells in filled for cell in cells)
        traced = dict(self._run_stage("tracing", progress, trace_stored_cell, tracing))
        guessed = dict(self._run_stage("waters", progress, tell_block, self._list_blocks(filled)))
        mapped = replace(self.mapped, notes=self.mapped.notes + (SEA_IS_GUESSED,) * any(guessed.values()))
        progress("joining", 0.0)
        lines, vector_notes = self._write_coast(filled, traced, progress)
        mapped = replace(mapped, notes=mapped.notes + vector_notes)
        rasters = [
            (name, (job.store, self.folder / name, window, job.level))
            for job, plan in work
            for name, window in plan.tiles.items()
        ]
        for _ in self._run_stage("rasters", progress, _write_tile, rasters):
            pass
        previews = [
            (name, (self.folder / name, self.folder / "coastline.gpkg", self._caption(plan, name)))
            for _, plan in work
            for name in plan.tiles
        ]
        for _ in self._run_stage("previews", progress, write_tile_preview, previews):
            pass
        options = self.options
        record = MosaicRecord(
            mapped=mapped, parameters=options.result_parameters(), basis=basis, statistic=options.statistic
        )
        self._write_items(work, record)
        return MosaicResult(
            folder=self.folder, already_made=False, scenes=len(mapped.scenes), lines=lines, notes=mapped.notes
        )

    def _caption(self, plan: LatticePlan, tile: str) -> Caption:
        scenes = [self.mapped.scenes[number] for number in plan.members[tile]]
        times = sorted(scene.acquired for scene in scenes if scene.acquired is not None)
        return Caption(
            name=f"Mosaic {tile}" if tile != "mosaic" else "Mosaic",
            since=times[0] if times else None,
            acquired=times[-1] if times else None,
            model=self.mapped.model,
            simulated=any(scene.simulated for scene in scenes),
        )

    def _create_store(self, plan: LatticePlan) -> CellJob:
        scratch = self.folder / ".scratch" / plan.lattice.name
        scratch.mkdir(parents=True, exist_ok=True)
        path = self.folder / "mosaic.zarr" / plan.lattice.name
        path.parent.mkdir(exist_ok=True)
        store = Store(path=path, lattice=plan.lattice, domain=plan.domain)
        store.create()
        return CellJob(store=store, folder=scratch, threshold=self.mapped.threshold, statistic=self.options.statistic)

    def _list_cells(self, work: Sequence[tuple[CellJob, LatticePlan]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
        overpasses = {
            number: place for place, group in enumerate(group_acquisitions(self.mapped.scenes)) for number in group
        }
        layers = [
            Layer(
                number=number,
                folder=scene.folder.resolve(),
                grid=scene.grid,
                overpass=overpasses[number],
                acquired=scene.acquired,
                threshold=self.mapped.threshold,
                error=self.mapped.surface_error,
            )
            for number, scene in enumerate(self.mapped.scenes)
        ]
        for job, plan in work:
            for cell, numbers in plan.cells.items():
                yield _name_cell(job, cell), (job, cell, tuple(layers[number] for number in numbers))

    def _list_blocks(
        self, filled: Sequence[tuple[CellJob, list[Cell]]]
    ) -> Iterator[tuple[str, tuple[Path, Lattice, tuple[int, int], Path | None]]]:
        for job, cells in filled:
            lattice = job.store.lattice
            for block in list_blocks(cells):
                yield f"{lattice.name}/{block[0]}/{block[1]}", (job.folder, lattice, block, self.options.ocean)

    def _run_stage(
        self,
        stage: str,
        progress: Progress,
        function: Callable[..., Any],
        calls: Iterable[tuple[str, tuple[Any, ...]]],
    ) -> Iterator[tuple[str, Any]]:
        """Call a function for each piece of work, on the cluster where there is one; an error ends it all."""
        total = max(1, sum(len(plan.cells) for plan in self.plans))
        results: Iterator[tuple[str, Any]]
        if self.client is None:
            results = ((key, function(*arguments)) for key, arguments in calls)
        else:
            results = _run_on_cluster(self.client, function, calls)
        for done, result in enumerate(results):
            progress(stage, min(1.0, (done + 1) / total))
            yield result

    def _write_coast(
        self, filled: Sequence[tuple[CellJob, list[Cell]]], traced: Mapping[str, CellChains], progress: Progress
    ) -> tuple[int, tuple[str, ...]]:
        """Write the vectors; returns the number of lines, and what the user should be told of them."""
        sets: dict[tuple[int, ...], int] = {(): 0}
        bases = _number_lattices([job.store.domain for job, _ in filled])
        pieces = [
            Piece(
                chains=traced[_name_cell(job, cell)],
                base=base,
                crs=job.store.lattice.crs.to_wkt(),
                sources=_number_sets(read_sources(job, cell), sets),
                waters=BlockWaters.of(job.folder, job.store.lattice, cell),
            )
            for (job, cells), base in zip(filled, bases, strict=False)
            for cell in cells
        ]
        seams, lacking = self._trace_seams([job for job, _ in filled], bases)
        crs = pyproj.CRS(filled[0][0].store.lattice.crs.to_wkt() if len(filled) == 1 else "EPSG:4326")
        coast = Coast([*pieces, *seams], crs="OGC:CRS84" if len(filled) > 1 else crs.to_wkt(), lacking=lacking)
        context = CoastContext(
            crs=crs,
            scenes=self.mapped.scenes,
            sources=list(sets),
            model=self.mapped.model,
            pixel_m=filled[0][0].store.lattice.pixel_m,
            min_area_m2=self.options.min_area_m2,
            min_length_m=self.options.min_length_m,
            only=frozenset(self.options.only),
            own_ocean=self.options.ocean is not None,
        )
        writer = CoastWriter(self.folder, MOSAIC_LAYERS)
        for batch in coast.read_batches():
            writer.add(build_frames(batch, context))
        self._write_polygons(filled, writer, context, progress)
        writer.finish(crs)
        layers, notes = finish_coast(self.folder, self.options)
        write_more_formats(self.folder, self.options.formats, layers)
        return pyogrio.read_info(self.folder / "coastline.gpkg", layer="coastline")["features"], notes

    def _write_polygons(
        self,
        filled: Sequence[tuple[CellJob, list[Cell]]],
        writer: CoastWriter,
        context: CoastContext,
        progress: Progress,
    ) -> None:
        """Trace the bodies of water and land, and write them some cells at a time."""
        # Here and in order, not on the cluster: features have the same numbers however the work was shared.
        work = [(self._prepare_polygons(job), cell) for job, cells in filled for cell in cells]
        waiting: list[dict[str, gpd.GeoDataFrame]] = []
        for done, (job, cell) in enumerate(work):
            progress("polygons", done / len(work))
            frames = trace_polygons(job, cell)
            placed = {name: place_polygons(frame, context.crs, context.model) for name, frame in frames.items()}
            if context.only:
                placed = {name: frame[frame["kind"].isin(context.only)] for name, frame in placed.items()}
            waiting.append(placed)
            if len(waiting) == _CELLS_A_PART:
                writer.add(_join_frames(waiting))
                waiting = []
        if waiting:
            writer.add(_join_frames(waiting))

    def _prepare_polygons(self, job: CellJob) -> PolygonJob:
        return PolygonJob(store=job.store, folder=job.folder, level=job.level, min_area_m2=self.options.min_area_m2)

    def _trace_seams(self, jobs: Sequence[CellJob], bases: Sequence[int]) -> tuple[list[Piece], Lacking]:
        """Trace the strips between neighbouring zones."""
        pieces, lacking = [], []
        for place, (west, east) in enumerate(pairwise(jobs)):
            if west.store.lattice.east is None or east.store.lattice.west is None:
                continue
            seam = Seam(
                west=west.store,
                east=east.store,
                west_base=bases[place],
                east_base=bases[place + 1],
                own_base=bases[len(jobs) + place],
            )
            seam_lines = trace_seam(seam, level=west.level)
            lacking.append(seam_lines.lacking)
            path = self.folder / ".scratch" / f"seam_{place}.npz"
            write_chains(path, seam_lines.chains)
            chains = CellChains.from_chains(seam_lines.chains, path=path)
            pieces.append(Piece(chains=chains, base=0, crs="OGC:CRS84", sources=np.zeros(1, np.int64)))
        return pieces, Lacking.join(lacking)

    def _write_items(self, work: Sequence[tuple[CellJob, LatticePlan]], record: MosaicRecord) -> None:
        for job, plan in work:
            for name, window in plan.tiles.items():
                scenes = [self.mapped.scenes[number] for number in plan.members[name]]
                write_tile_item(self.folder / name, job.store.lattice.compute_grid(window), scenes, record)
        write_catalogue(self.folder)
        write_mosaic_item(self.folder, [name for plan in self.plans for name in plan.tiles], record)


def _join_frames(parts: Sequence[Mapping[str, gpd.GeoDataFrame]]) -> dict[str, gpd.GeoDataFrame]:
    """The frames of several cells, by layer."""
    return {name: pd.concat([part[name] for part in parts], ignore_index=True) for name in parts[0]}


def _name_cell(job: CellJob, cell: Cell) -> str:
    return f"{job.store.lattice.name}/{cell.row}/{cell.col}"


def _number_sets(local: Sequence[tuple[int, ...]], sets: dict[tuple[int, ...], int]) -> NDArray[np.int64]:
    """Number in the table of all of each set that a cell numbers from 1."""
    return np.array([0, *(sets.setdefault(one, len(sets)) for one in local)], dtype=np.int64)


def _number_lattices(domains: Sequence[Window]) -> list[int]:
    """What to add to names of vertices, so that no two lattices share one; and likewise for seams after them."""
    sizes = [4 * domain.width * domain.height + 4 for domain in domains]
    seams = [8 * (domain.height + domain.width) + 8 for domain in domains]
    seams = [one + other for one, other in pairwise(seams)]
    return [0, *accumulate([*sizes, *seams])]


def _write_tile(store: Store, folder: Path, window: Window, level: float) -> None:
    folder.mkdir(exist_ok=True)
    tags = {"TIFFTAG_SOFTWARE": f"Strandline {__version__}", "AREA_OR_POINT": "Area", "TILE": folder.name}
    write_rasters(store, folder, window=window, level=level, tags=tags)


def _run_on_cluster(
    client: Client, function: Callable[..., Any], calls: Iterable[tuple[str, tuple[Any, ...]]]
) -> Iterator[tuple[str, Any]]:
    from pipeline.cluster.tasks import Task, run_tasks  # noqa: PLC0415 (Dask is needed here alone)

    for outcome in run_tasks(client, function, (Task(key=key, arguments=arguments) for key, arguments in calls)):
        if outcome.error is not None:
            raise outcome.error
        yield outcome.key, outcome.value
