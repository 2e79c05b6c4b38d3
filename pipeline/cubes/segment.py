"""Map a cube: land, water and probability for each of its dates, as lazily as the cube itself.

Whatever loaded it (odc-stac, stackstac, rioxarray, your own arrays): the answer lies on the cube's own coordinates and,
where the cube is lazy, so is the answer, however the cube is cut into chunks.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import model_validator

from models.card import ModelCard
from models.errors import ModelInputError
from models.runtimes.registry import DEFAULT_MODEL, resolve_card, resolve_path
from pipeline.checksums import compute_sha256
from pipeline.cubes.chunks import ChunkMapper, ModelKey, Span, decode_state, load_predictor, merge_chunks, plan_spans
from pipeline.cubes.layout import CubeLayout, find_layout
from pipeline.cubes.radiometry import CubeRadiometry, StatedRadiometry, resolve_radiometry
from pipeline.cubes.record import CubeRecord, describe_result
from pipeline.cubes.statements import find_level, find_statements
from pipeline.output.rasters import compute_classes
from pipeline.predict.inputs import describe_absence, resolve_inputs
from pipeline.predict.tile_size import DEFAULT_TILE_SIZE
from tiles import masks
from tiles.errors import OptionError
from tiles.options import Options
from tiles.pixels.cloud_buffer import CloudBuffer
from tiles.scene import BandSource, Level, Radiometry, Scene

__all__ = ["CubeOptions", "segment"]


class CubeOptions(Options):
    """Choices for ``segment``; each has a sensible default.

    Attributes:
        device: ``auto`` takes a GPU where there is one.
        precision: ``fp32`` answers alike however the cube is cut; ``bf16`` within its rounding, and ``auto`` takes it
            where the processor has it.
        tile_size: Interior of a tile in pixels, 32 to 16384. Changes speed and memory, never the result.
        cloud_classes: Classes of the scene classification that hide the ground; empty: none does.
        cloud_buffer_m: Ground within this distance of them is hidden too, 0 to 5000 metres.
        threshold: Probability from which a pixel is water, between 0 and 1.
        any_platform: The cube may be of another mission than Sentinel-2, whose bands go by the same names.

    Raises:
        OptionError: A choice is out of its range.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "fp32"
    tile_size: int = DEFAULT_TILE_SIZE
    cloud_classes: frozenset[int] = masks.CLOUD_CLASSES
    cloud_buffer_m: float = masks.CLOUD_BUFFER_M
    threshold: float = 0.5
    any_platform: bool = False

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        if not 0 < self.threshold < 1:
            raise OptionError(f"Expected a threshold between 0 and 1, found {self.threshold}.")
        if not 32 <= self.tile_size <= 16384:
            raise OptionError(f"Expected a tile size from 32 to 16384 pixels, found {self.tile_size}.")
        if not 0 <= self.cloud_buffer_m <= 5000:
            raise OptionError(f"Expected a cloud buffer of 0 to 5000 metres, found {self.cloud_buffer_m}.")
        unknown = sorted({*self.cloud_classes} - masks.SCL_CLASSES.keys())
        if unknown:
            raise OptionError(f"Expected cloud classes 0 to 11 of the scene classification, found {unknown}.")
        return self


def segment(
    cube: xr.DataArray | xr.Dataset,
    *,
    model: str = DEFAULT_MODEL,
    scale: float | None = None,
    offset: float | Sequence[float] | None = None,
    nodata: float | None = None,
    items: Iterable[Any] | None = None,
    options: CubeOptions | None = None,
) -> xr.Dataset:
    """Tell land from water in every date of a cube.

    ``reflectance = (value + offset) * scale``. What of this the cube does not say is taken from ``items``, else judged
    from the pixels of a few windows (which are loaded at once, and a warning says so), else the cube is refused.

    Args:
        cube: Sentinel-2 L2A bands by any usual names (``B08``, ``nir``), as variables or along ``band``; dimensions
            ``y, x`` or ``latitude, longitude``, and at most one more, of dates; a CRS. A band ``SCL`` masks clouds.
        model: Name of a bundled model, or path of a model file that all workers can open.
        scale: Reflectance a DN, usually 0.0001; 1 where values are reflectance.
        offset: DN to add before scaling, usually -1000 or 0; or one a date.
        nodata: Value of missing pixels; NaN always is.
        items: The STAC items that the cube was loaded from: they say baseline and offset of each date.
        options: Further choices.

    Returns:
        ``water`` (uint8: 0 land, 1 water, 2 obscured, 255 nodata) and ``probability`` (float32, NaN where neither land
        nor water), on the cube's coordinates without bands; lazy where the cube is. The attributes say which model,
        and how scale, offset and nodata were resolved.

    Raises:
        SceneError: No cube, or nobody says what its values mean.
        BandError: A band is missing that the model needs, or comes twice.
        GridError: No CRS, rotated, or uneven coordinates.
        UnfitSceneError: The cube is of a level that the model was not made for.
        ModelInputError: The model sees whole tiles, so that its answer would depend on the chunks.
    """
    options = options or CubeOptions()
    stated = StatedRadiometry(
        scale=scale,
        offset=offset if offset is None or isinstance(offset, (int, float)) else tuple(offset),
        nodata=nodata,
    )
    layout = find_layout(cube)
    statements = find_statements(layout, items, any_platform=options.any_platform)
    card = resolve_card(model)
    level = find_level(statements)
    fit = _make_scene(layout, Radiometry(quantification=1, offsets={}, source=""), level)
    bands = resolve_inputs(fit, card)
    radiometry = resolve_radiometry(layout, stated=stated, statements=statements)
    for warning in radiometry.warnings:
        warnings.warn(warning, UserWarning, stacklevel=2)
    key = ModelKey(
        source=model if model == resolve_path(model).stem else str(resolve_path(model).resolve()),
        sha256=compute_sha256(resolve_path(model)),
        inputs=tuple(band.name for band in bands),
        device=options.device,
        precision=options.precision,
    )
    job = _Job(layout=layout, radiometry=radiometry, level=level, key=key, card=card, options=options)
    answer = job.map_lazily() if layout.is_lazy else job.map_at_once()
    return job.build(answer, absent=describe_absence(fit, card))


def _make_scene(layout: CubeLayout, radiometry: Radiometry, level: Level) -> Scene:
    """One date of the cube in the words of the readers, but for its pixels."""
    sources = {name: BandSource(name=name, path="", index=1, grid=layout.grid) for name in (*layout.bands, "SCL")}
    return Scene(
        id="cube",
        source="the cube",
        kind="stack",
        level="L1C" if "B10" in layout.bands else level,
        bands=tuple(sources[name] for name in layout.bands),
        grid=layout.grid,
        radiometry=radiometry,
        classification=None if layout.classification is None else sources["SCL"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What came of a cube, (date, row, col), north up: arrays of NumPy or of Dask.

    Attributes:
        water: uint8, the values of ``pipeline.output.classes``.
        probability: float32, NaN where neither land nor water.
    """

    water: Any
    probability: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """All that was decided before a pixel is mapped."""

    layout: CubeLayout
    radiometry: CubeRadiometry
    level: Level
    key: ModelKey
    card: ModelCard
    options: CubeOptions

    @property
    def arrays(self) -> list[xr.DataArray]:
        """What is read: the model's bands in its order, then the scene classification where clouds are masked."""
        scl = self.layout.classification
        bands = [self.layout.bands[name] for name in self.key.inputs]
        return bands if scl is None or not self.options.cloud_classes else [*bands, scl]

    def make_mapper(self, row_lengths: Sequence[int], col_lengths: Sequence[int]) -> ChunkMapper:
        """What maps the chunks of these lengths.

        Raises:
            ModelInputError: The model sees whole tiles.
        """
        predictor = load_predictor(self.key)
        if predictor.reach_px is None:
            raise ModelInputError(
                f"{self.card.name} sees the whole of a tile, so its answer would depend on the cube's chunks: map the "
                "scenes with strandline.map_scene, which blends tiles, or take a model with a finite reach."
            )
        different = list(dict.fromkeys(map(_build_key, self.radiometry.steps)))
        first = {key: step for step, key in reversed(list(enumerate(map(_build_key, self.radiometry.steps))))}
        buffer = CloudBuffer.measure(self.layout.grid, self.options.cloud_buffer_m)
        is_masked = self.layout.classification is not None and bool(self.options.cloud_classes)
        margins = buffer.margin if is_masked else (0, 0)
        spans = {"halo": predictor.reach_px, "stride": predictor.stride}
        return ChunkMapper(
            model=self.key,
            scenes=tuple(_make_scene(self.layout, self.radiometry.steps[first[key]], self.level) for key in different),
            scene_of=tuple(different.index(_build_key(step)) for step in self.radiometry.steps),
            obscured_classes=self.options.cloud_classes,
            cloud_buffer=buffer,
            tile_size=self.options.tile_size,
            rows=plan_spans(row_lengths, **spans, margin=margins[0]),
            cols=plan_spans(col_lengths, **spans, margin=margins[1]),
        )

    def map_at_once(self) -> _Answer:
        """The answer of a cube that is in memory; nothing of the cube is copied but tiles."""
        mapper = self.make_mapper((self.layout.grid.height,), (self.layout.grid.width,))
        values = [array.data if self.layout.time_dim else array.data[None] for array in self.arrays]
        shape = (self.layout.steps, *self.layout.grid.shape)
        answer = _Answer(water=np.empty(shape, dtype=np.uint8), probability=np.empty(shape, dtype=np.float32))
        for step in range(self.layout.steps):
            parts = [np.asarray(value[step]) for value in values]
            encoded = mapper.map_chunk(parts, step=step, rows=mapper.rows[0], cols=mapper.cols[0])
            answer.water[step] = _decode_water(encoded, threshold=self.options.threshold)
            answer.probability[step] = _decode_probability(encoded)
        return answer

    def map_lazily(self) -> _Answer:
        """The answer of a lazy cube, still to be computed."""
        da: Any = importlib.import_module("dask.array")  # late: a cube in memory does without; not typed
        base: Any = importlib.import_module("dask.base")
        layers = [da.asarray(array.data if self.layout.time_dim else array.data[None]) for array in self.arrays]
        radiometry = self.radiometry.steps[0]
        markers = [radiometry.nodata, *radiometry.markers.values()]
        stack = da.stack(_narrow_floats(layers, markers), axis=1).rechunk({0: 1, 1: -1})
        lengths = tuple(merge_chunks(chunks) for chunks in stack.chunks[2:])
        mapper = self.make_mapper(*lengths)
        for axis, spans in ((2, mapper.rows), (3, mapper.cols)):
            stack = da.concatenate([_cut_span(stack, axis, span) for span in spans], axis=axis)
        encoded = da.map_blocks(
            mapper,
            stack,
            dtype=np.float32,
            drop_axis=1,
            chunks=(stack.chunks[0], *lengths),
            meta=np.empty((0, 0, 0), dtype=np.float32),
            name=f"strandline-{base.tokenize(mapper, stack.name)}",
        )
        return _Answer(
            water=da.map_blocks(_decode_water, encoded, threshold=self.options.threshold, dtype=np.uint8),
            probability=da.map_blocks(_decode_probability, encoded, dtype=np.float32),
        )

    def build(self, answer: _Answer, *, absent: tuple[str, ...]) -> xr.Dataset:
        """The result, in the cube's own order of dimensions, rows and columns."""
        layout = self.layout
        dims = (*((layout.time_dim,) if layout.time_dim else ()), *layout.dims)
        parts = {"water": answer.water, "probability": answer.probability}
        arrays = {name: (dims, part if layout.time_dim else part[0]) for name, part in parts.items()}
        turned = xr.Dataset(arrays).isel({dim: slice(None, None, -1) for dim in layout.flipped})
        record = CubeRecord(
            layout=layout,
            radiometry=self.radiometry,
            model=self.key,
            card=self.card,
            precision=load_predictor(self.key).precision,
            threshold=self.options.threshold,
            cloud_classes=self.options.cloud_classes,
            cloud_buffer_m=self.options.cloud_buffer_m,
            absent=absent,
        )
        return describe_result(turned.assign_coords(dict(layout.coords)), record)


def _build_key(radiometry: Radiometry) -> tuple[object, ...]:
    return (
        radiometry.quantification,
        tuple(radiometry.offsets.items()),
        radiometry.nodata,
        radiometry.nodata_rule,
        tuple(radiometry.quantifications.items()),
        tuple(radiometry.markers.items()),
    )


def _narrow_floats(layers: list[Any], markers: Iterable[float | None]) -> list[Any]:
    """Layers in float32 where they are float64: the network sees no more, and chunks take half of the memory."""
    if any(nodata is not None and float(np.float32(nodata)) != nodata for nodata in markers):
        return layers  # the marker would no longer be found
    return [layer.astype(np.float32) if layer.dtype == np.float64 else layer for layer in layers]


def _cut_span(stack: Any, axis: int, span: Span) -> Any:  # noqa: ANN401 (Dask arrays)
    """What a chunk needs along one axis, as one chunk."""
    index = (*(slice(None),) * axis, slice(span.read_start, span.read_stop))
    return stack[index].rechunk({axis: -1})


def _decode_water(answer: NDArray[np.float32], *, threshold: float) -> NDArray[np.uint8]:
    return compute_classes(answer, decode_state(answer), threshold=threshold)


def _decode_probability(answer: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(decode_state(answer) == masks.VALID, answer, np.float32(np.nan))
