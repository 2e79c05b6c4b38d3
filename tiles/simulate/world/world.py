"""A simulated coastal world: terrain, cover, water, sky, rendered block by block as the instrument would see it."""

from __future__ import annotations

import copy
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tiles.bands import L2A_STACK
from tiles.cores import count_cores
from tiles.errors import GridError
from tiles.grid import Window
from tiles.simulate.world.clouds import DIRECT_SHARE, CloudView, compute_cloud_view, draw_clouds
from tiles.simulate.world.cover import Cover, Site, compute_ground, draw_cover
from tiles.simulate.world.noise import Fractal, compute_noise, compute_uniform
from tiles.simulate.world.optics import apply_noise, compute_spread, draw_sky, without_noise
from tiles.simulate.world.palette import Ground, compute_band
from tiles.simulate.world.relief import KINDS, Kind
from tiles.simulate.world.relief_draws import draw_relief
from tiles.simulate.world.rendered import Rendered, allocate_rendered, paste_rendered
from tiles.simulate.world.roads import compute_deck
from tiles.simulate.world.scene_class import GroundTruth, compute_scene_classes
from tiles.simulate.world.shade import compute_cast_light, compute_slope_light
from tiles.simulate.world.single_thread import single_threaded
from tiles.simulate.world.terrain import CELL_PX, Terrain, TerrainBlock
from tiles.simulate.world.waters import (
    NO_ICE,
    WaterView,
    compute_water_band,
    compute_water_view,
    draw_waters,
    redraw_sea_state,
)

__all__ = ["MOST_WORKERS", "Block", "Rendered", "Submit", "World", "WorldOptions"]

Field = NDArray[np.float32]
Block = tuple[Rendered, list[NDArray[np.float64]] | None]
"""A block, and its shoreline where that is kept."""

Submit = Callable[[int, int], Future[Block]]
"""Has the block in a row and column of blocks rendered."""

_MARGIN_PX = 12
_KEPT_BLOCKS = 96  # two rows of a full scene
MOST_WORKERS = 8
"""Threads or processes that render at most: each takes memory, and one thread puts together what they render."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldOptions:
    """What a world is to be.

    Attributes:
        seed: The same seed (with the same options) gives the same world, to the last bit.
        kind: ``random`` lets the seed choose.
        cloud_cover: Share of the scene under cloud, 0 to 1.
        extent_px: Side, in 10 m pixels from (0, 0), of the square in which the coast is to lie.
        block_px: Side of the blocks that are rendered at a time, a multiple of 12.
        scene_class_faults: Whether the scene classification errs as the real one does: surf and beach called cloud,
            salt lakes missed.
        keep_shoreline: Whether the shoreline of each block that is rendered is kept until it is asked for
            (``tiles.simulate.world.landscape.compute_shoreline``), which then need not compute the terrain again.
    """

    seed: int
    kind: Kind = "random"
    cloud_cover: float = 0.0
    extent_px: int = 10980
    block_px: int = 240
    scene_class_faults: bool = True
    keep_shoreline: bool = False

    def __post_init__(self) -> None:
        if self.kind != "random" and self.kind not in KINDS:
            raise GridError(f"There is no kind of world {self.kind!r}. Choose random, {', '.join(KINDS)}.")
        if not 0 <= self.cloud_cover <= 1:
            raise GridError(f"Cloud cover is a share of 0 to 1, found {self.cloud_cover}. Divide percent by 100.")
        if self.block_px < CELL_PX or self.block_px % CELL_PX:
            raise GridError(f"A block's side is a multiple of {CELL_PX} px, found {self.block_px}. Try 240.")
        if self.extent_px < 1:
            raise GridError(f"A world needs an extent of at least one pixel, found {self.extent_px}.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ground:
    """All that the bands of one block share, with the margin that the point spread needs."""

    terrain: TerrainBlock
    open_m: Field
    cover: Ground
    textures: Field
    whites: Field
    shade: Field
    cast: Field
    water: WaterView | None
    haze: Field
    clouds: CloudView | None


class World:
    """A deterministic world that can be rendered in any window; see ``tiles.simulate.world.landscape``.

    Attributes:
        options: What the world was asked to be.
        terrain: The shoreline field.
        cover: What lies on the land.
        sun: Unit vector to the sun: right, up the map, towards the zenith.
        day_seed: Decides the noise of the day; that of the world itself is the world's seed.
        sky: The air and the instrument of the day.
        clouds: The clouds of the day; ``None`` for a clear sky.
    """

    @single_threaded()
    def __init__(self, options: WorldOptions) -> None:
        """Draw everything that the seed decides once.

        Args:
            options: What the world is to be.
        """
        self.options = options
        self.day_seed = options.seed
        rng = np.random.default_rng([options.seed & 0xFFFFFFFF, 0x5EA])
        self._relief = draw_relief(options.kind, rng, extent_px=options.extent_px)
        self.terrain = Terrain(self._relief, extent_px=options.extent_px)
        harbour = self.kind == "harbour"
        self.cover = draw_cover(rng, extent_px=options.extent_px, harbour=harbour)
        waters = draw_waters(rng, cold=self.cover.snowline_m < 1e8)
        self._waters = replace(waters, moored=float(rng.uniform(0.02, 0.3))) if harbour else waters
        self.sky = self._detector = draw_sky(rng)
        self._draw_light(rng)
        self.clouds = draw_clouds(rng, cover=options.cloud_cover, sun=self.sun)
        self._spreads = self._compute_spreads()
        self._kept: OrderedDict[tuple[int, int], Rendered] = OrderedDict()
        self._shoreline: dict[Window, list[NDArray[np.float64]]] = {}
        zones = [index for index in self.cover.zones if index >= 0] or [0]
        self._neighbour = self.cover.palette.mean[zones].mean(axis=0)

    def _draw_light(self, rng: np.random.Generator) -> None:
        self.sun = _draw_sun(rng)
        steep = self._relief.kind == "fjord" or rng.random() < 0.25
        height = float(np.exp(rng.uniform(np.log(60), np.log(500)) if steep else rng.uniform(np.log(3), np.log(60))))
        self._diffuse = _draw_diffuse(rng)
        seed = int(rng.integers(2**31))
        self._hills = Fractal.build(seed, finest_px=4, coarsest_px=256, hurst=0.95, amplitude=height)
        self._texture = (
            Fractal.build(seed + 1, finest_px=2, coarsest_px=32, hurst=rng.uniform(0.0, 0.6)),
            Fractal.build(seed + 2, finest_px=1, coarsest_px=8, hurst=0.2),
        )
        self._haze_noise = Fractal.build(seed + 3, finest_px=64, coarsest_px=512, hurst=0.8)
        self._grain_seed = seed + 4
        self._taper_m = float(np.exp(rng.uniform(np.log(20), np.log(1500))))

    @property
    def kind(self) -> Kind:
        """What it became; never ``random``."""
        return self._relief.kind

    @property
    def freezes(self) -> bool:
        """Whether there can be ice on the water."""
        return self._waters.ice < NO_ICE

    def with_day(self, seed: int, *, cloud_cover: float = 0.0, sun: tuple[float, float, float] | None = None) -> World:
        """The same land and shoreline on another day, under other air, sun, clouds and waves.

        Args:
            seed: Decides the day; the same one gives the same day, to the last bit.
            cloud_cover: Share of the scene under cloud, 0 to 1.
            sun: Unit vector to the sun, as the property has it; ``None`` lets the day's seed decide.

        Raises:
            GridError: The cloud cover is impossible.
        """
        day = copy.copy(self)
        day.options = replace(self.options, cloud_cover=cloud_cover)
        rng = np.random.default_rng([self.options.seed & 0xFFFFFFFF, seed & 0xFFFFFFFF, 0xDA7])
        day.day_seed = int(rng.integers(2**31))
        day.sky = day._detector = draw_sky(rng)
        drawn, day._diffuse = _draw_sun(rng), _draw_diffuse(rng)
        day.sun = drawn if sun is None else sun
        day._haze_noise = replace(self._haze_noise, seed=int(rng.integers(2**31)))
        day._waters = redraw_sea_state(self._waters, rng)
        day.clouds = draw_clouds(rng, cover=cloud_cover, sun=day.sun)
        day._spreads = day._compute_spreads()
        day._kept = OrderedDict()
        return day

    def with_ground(self, terrain: Terrain, *, cover: Cover | None = None, rise: float = math.inf) -> World:
        """The same day over another shoreline, and over other land where ``cover`` is given.

        Args:
            terrain: The shoreline.
            cover: The land.
            rise: Slope, metres a metre, with which the land rises from the shore at most, the ups and downs of its
                hills aside.
        """
        moved = copy.copy(self)
        moved.terrain, moved._relief, moved.cover = terrain, terrain.relief, cover or self.cover
        moved._taper_m = max(self._taper_m, self._hills_mean / rise)
        moved._kept, moved._shoreline = OrderedDict(), {}
        return moved

    def without_noise(self) -> World:
        """The same world seen by a detector without noise, for who adds that noise on other pixels."""
        quiet = copy.copy(self)
        quiet._detector = without_noise(self.sky)
        quiet._kept = OrderedDict()
        return quiet

    def take_shoreline(self, block: Window) -> list[NDArray[np.float64]] | None:
        """The shoreline of a block that was rendered, once; ``None`` where none is kept."""
        return self._shoreline.pop(block, None)

    @single_threaded()
    def render(self, window: Window, *, submit: Submit | None = None) -> Rendered:
        """Render a window as the instrument sees it.

        Args:
            window: 10 m pixels of the absolute plane; offsets and sizes are multiples of 6, so that it holds whole
                pixels of 60 m. Negative offsets are fine.
            submit: Has blocks rendered elsewhere (``tiles.simulate.world.processes``); by default, in threads.

        Raises:
            GridError: The window cuts pixels of 60 m.
        """
        if any(value % 6 for value in (window.col_off, window.row_off, window.width, window.height)):
            raise GridError(f"A window to render is aligned to 60 m (multiples of 6 px), found {window}. Widen it.")
        side = self.options.block_px
        rows = range(window.row_off // side, -(-window.row_stop // side))
        cols = range(window.col_off // side, -(-window.col_stop // side))
        if window == self._place(rows[0], cols[0]):
            block, lines = self.render_block(rows[0], cols[0])
            self._keep_lines(rows[0], cols[0], lines)
            return block
        out = allocate_rendered(window)
        for row, col, block in self._render_blocks(rows, cols, submit):
            paste_rendered(out, block, window, self._place(row, col))
        return out

    def _place(self, row: int, col: int) -> Window:
        side = self.options.block_px
        return Window(col * side, row * side, side, side)

    def _render_blocks(self, rows: range, cols: range, submit: Submit | None) -> Iterator[tuple[int, int, Rendered]]:
        """Blocks from memory where they were rendered lately, else from all processors; a row is begun in advance."""
        with ThreadPoolExecutor(max_workers=min(MOST_WORKERS, count_cores())) as pool:
            start = submit or (lambda row, col: pool.submit(self.render_block, row, col))
            begin = partial(self._begin_row, cols=cols, submit=start)
            ahead = begin(rows[0])
            for row in rows:
                begun, ahead = ahead, begin(row + 1) if row + 1 in rows else {}
                for col, block in begun.items():
                    if isinstance(block, Future):
                        block, lines = block.result()  # noqa: PLW2901
                        self._keep_lines(row, col, lines)
                    self._kept[row, col] = block
                    yield row, col, block
                while len(self._kept) > _KEPT_BLOCKS:
                    self._kept.popitem(last=False)

    def _begin_row(self, row: int, *, cols: range, submit: Submit) -> dict[int, Rendered | Future[Block]]:
        kept = self._kept
        return {col: kept.pop((row, col)) if (row, col) in kept else submit(row, col) for col in cols}

    def _keep_lines(self, row: int, col: int, lines: list[NDArray[np.float64]] | None) -> None:
        if lines is not None:
            self._shoreline[self._place(row, col)] = lines

    def _compute_ground(self, window: Window) -> _Ground:
        terrain = self.terrain.compute_block(window)
        rows = np.arange(window.row_off, window.row_stop, dtype=np.float64) + 0.5
        cols = np.arange(window.col_off, window.col_stop, dtype=np.float64) + 0.5
        open_m = _compute_centres(terrain.nodes)
        height = compute_noise(self._hills, rows, cols, dtype=np.float32) + np.float32(self._hills_mean)
        height = np.maximum(height, 0) * (1 - np.exp(np.minimum(open_m, 0) / self._taper_m))
        wet = terrain.water_fraction.any()
        base = _compute_centres(terrain.base) if wet else open_m
        site = Site(rows=rows, cols=cols, inland_m=-_compute_distance(terrain.nodes), height_m=height, sea_m=base)
        cover, tops = self._lay_causeways(compute_ground(self.cover, site), site, open_m)
        tops *= 1 - terrain.water_fraction
        fields = [compute_noise(noise, rows, cols, dtype=np.float32) for noise in self._texture]
        whites = compute_uniform(self._grain_seed, np.arange(window.height + 16)[:, None] + window.row_off,
                                 np.arange(window.width + 16)[None, :] + window.col_off)  # fmt: skip
        whites = (whites - np.float32(0.5)) * np.float32(12**0.5)
        cast = compute_cast_light(height + tops * np.clip(1 + 0.25 * whites[5:-11, 3:-13], 0, 2), self.sun)
        return _Ground(
            terrain=terrain,
            open_m=open_m,
            cover=cover,
            textures=np.clip(np.stack([*fields, whites[3:-13, 5:-11]]), -3, 3),
            whites=whites,
            shade=compute_slope_light(height, self.sun) * cast,
            cast=cast,
            water=compute_water_view(self._waters, rows, cols, -site.inland_m, base) if wet else None,
            haze=1
            + np.float32(self.sky.haze_unevenness) * compute_noise(self._haze_noise, rows, cols, dtype=np.float32),
            clouds=compute_cloud_view(self.clouds, rows, cols) if self.clouds is not None else None,
        )

    def _lay_causeways(self, cover: Ground, site: Site, open_m: Field) -> tuple[Ground, Field]:
        """Roads over bridges and moles, and the height (R, C) of all that stands on the land, in metres."""
        tops = self.cover.palette.height_m[cover.surfaces]
        line = cover.line
        for causeway in self._relief.causeways:
            deck = compute_deck(causeway, site.rows, site.cols, open_m)
            line = deck if line is None else np.maximum(line, deck)
            tops = np.where((deck > 0.5) & (open_m > -60), np.float32(causeway.height_m), tops)
        return replace(cover, line=line), tops

    @property
    def _hills_mean(self) -> float:
        return float(np.sqrt(np.square(self._hills.amplitudes).sum()))

    def render_block(self, row: int, col: int) -> Block:
        """Render one of the blocks that windows are made of, and trace its shoreline where that is to be kept.

        Args:
            row: Row of blocks, 0 at the top; negative ones are fine.
            col: Column of blocks.
        """
        side = self.options.block_px
        wide = side + 2 * _MARGIN_PX
        ground = self._compute_ground(Window(col * side - _MARGIN_PX, row * side - _MARGIN_PX, wide, wide))
        rng = np.random.default_rng([self.day_seed & 0xFFFFFFFF, row & 0xFFFFFFFF, col & 0xFFFFFFFF, 0xD0])
        bands = {}
        for band, name in enumerate(L2A_STACK):
            light = self._compute_light(ground, band)
            down, across = self._spreads[band]
            bands[name] = apply_noise(self._detector, band, np.asarray(down @ light @ across.T, dtype=np.float32), rng)
        inner, place = (slice(_MARGIN_PX, -_MARGIN_PX),) * 2, self._place(row, col)
        lines = ground.terrain.crop(place).trace(place) if self.options.keep_shoreline else None
        clear = np.zeros((side, side), dtype=np.float32)
        clouds = ground.clouds
        rendered = Rendered(
            reflectance=bands,
            water_fraction=ground.terrain.water_fraction[inner],
            classification=self._classify(ground, inner, place),
            cloud=clear if clouds is None else clouds.opacity[inner],
            shadow=clear if clouds is None else clouds.shadow[inner],
        )
        return rendered, lines

    def _compute_spreads(self) -> list[tuple[Field, Field]]:
        """Point spread of each band along rows and columns."""
        side, shifts = self.options.block_px, self.sky.shift_px
        return [
            (
                compute_spread(band, size=side, margin=_MARGIN_PX, shift_px=float(down)),
                compute_spread(band, size=side, margin=_MARGIN_PX, shift_px=float(across)),
            )
            for band, (down, across) in enumerate(shifts)
        ]

    def _compute_light(self, ground: _Ground, band: int) -> Field:
        """Reflectance of one band at 10 m, before the instrument."""
        sky, fraction = self.sky, ground.terrain.water_fraction
        start = 1 + band
        size = fraction.shape
        grain = ground.whites[start : start + size[0], 14 - start : 14 - start + size[1]]
        dim = np.float32(1 - self._diffuse[band])
        if ground.water is None:
            light = self._compute_land(ground, band, grain)
        else:
            light = compute_water_band(self._waters, ground.water, band, grain)
            near = np.exp(-np.maximum(ground.open_m, 0) / sky.adjacency_m) * sky.adjacency[band]
            light += near * (self._neighbour[band] - light)
            light *= 1 - dim * (1 - ground.cast)
            if fraction.min() < 1:
                land = self._compute_land(ground, band, grain)
                light = land + fraction * (light - land)
        clouds = ground.clouds
        if clouds is None or self.clouds is None:
            return np.asarray((light + ground.haze * sky.haze[band]) * sky.gain[band])
        light *= 1 - self.clouds.direct[band] * clouds.shadow
        light += ground.haze * sky.haze[band]
        if clouds.veil is not None:
            light += clouds.veil * self.clouds.veil[band]
        tops = self.clouds.colour[band] * (0.85 + 0.15 * clouds.opacity + 0.05 * ground.textures[0])
        return np.asarray((light + clouds.opacity * (tops - light)) * sky.gain[band])

    def _compute_land(self, ground: _Ground, band: int, grain: Field) -> Field:
        """Reflectance (R, C) of one band, as if all were land."""
        diffuse = np.float32(self._diffuse[band])
        land = compute_band(self.cover.palette, band, ground.cover, ground.textures, grain)
        return np.asarray(land * (diffuse + (1 - diffuse) * ground.shade))

    def _classify(self, ground: _Ground, inner: tuple[slice, slice], window: Window) -> NDArray[np.uint8]:
        surfaces = ground.cover.surfaces[inner]
        water = ground.water
        truth = GroundTruth(
            land=self.cover.palette.scene_class[surfaces],
            bright=self.cover.palette.bright[surfaces],
            fraction=ground.terrain.water_fraction[inner],
            shade=ground.shade[inner],
            foam=None if water is None or water.foam is None else water.foam[inner],
            ice=None if water is None or water.ice is None else water.ice[inner],
            clouds=None if ground.clouds is None else ground.clouds.crop(inner),
        )
        return compute_scene_classes(truth, faults=(self.day_seed, window) if self.options.scene_class_faults else None)


def _draw_sun(rng: np.random.Generator) -> tuple[float, float, float]:
    zenith, azimuth = rng.uniform(0.3, 1.25), rng.uniform(1.6, 4.0)
    return (
        float(np.sin(azimuth) * np.sin(zenith)),
        float(np.cos(azimuth) * np.sin(zenith)),
        float(np.cos(zenith)),
    )


def _draw_diffuse(rng: np.random.Generator) -> Field:
    """Products take more or less of the sky's light for the sun's, so shadows are deep or shallow, and blue."""
    return np.asarray((rng.uniform(0.1, 1.0) * (1 - DIRECT_SHARE)).astype(np.float32))


def _compute_centres(nodes: NDArray[np.float64]) -> Field:
    """Values at pixel centres from those at corners."""
    return ((nodes[:-1, :-1] + nodes[1:, :-1] + nodes[:-1, 1:] + nodes[1:, 1:]) / 4).astype(np.float32)


def _compute_distance(nodes: NDArray[np.float64]) -> Field:
    """Distance from the shore at pixel centres, metres: the field over its own slope, where that is not too flat."""
    field = _compute_centres(nodes)
    down = (nodes[1:, :-1] + nodes[1:, 1:] - nodes[:-1, :-1] - nodes[:-1, 1:]) / 20
    across = (nodes[:-1, 1:] + nodes[1:, 1:] - nodes[:-1, :-1] - nodes[1:, :-1]) / 20
    slope = np.sqrt(down * down + across * across).astype(np.float32)
    return np.asarray(field / np.clip(slope, 0.35, 2.0))
