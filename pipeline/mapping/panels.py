"""A wide scene in panels: which there are, and how what each of them locates becomes whole rows again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Final, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import output_errors
from pipeline.mapping.plan_scene import SceneJob, prepare_prediction
from pipeline.predict.islets import IsletRule
from pipeline.predict.quicklook import resolve_factor
from pipeline.predict.tile import MappedRows
from pipeline.shore.locate_shore import LocatedRows, ShoreLocator, ShoreMargin
from pipeline.trace.ellipsoid import Ground
from tiles.panels import Panel, PanelRule
from tiles.pixel_size import compute_pixel_m

__all__ = ["PANEL_PX", "WIDEST_PX", "PanelJoiner", "PanelMap", "list_panels"]

WIDEST_PX: Final = 11264
"""Columns that are mapped at once: a full tile of 10980 is not cut."""

PANEL_PX: Final = 8192
"""Columns of a panel of a wider scene."""

_ROWS_AT_ONCE = 256
"""Rows that are looked at for their shore, since what waits for it is copied."""


def list_panels(job: SceneJob) -> tuple[SceneJob, ...]:
    """The job of each panel of a scene, from left to right.

    Args:
        job: What is mapped; where it is narrow, or its tiles are blended, it is the one panel.
    """
    prediction = prepare_prediction(job)
    if prediction.overlap is not None or job.area.window.width <= WIDEST_PX:
        return (job,)
    rule = PanelRule(
        widest=WIDEST_PX,
        width=PANEL_PX,
        margin=_make_islet_rule(job).margin_cols + _make_shore_margin(job).most_px,
        halo=prediction.tiling.halo,
        stride=prediction.tiling.stride,
        multiple=resolve_factor(job.grid),  # so that no cell of the picture is cut
    )
    return tuple(replace(job, panel=panel) for panel in rule.cut(job.area.window))


class PanelMap:
    """What is looked at beyond its pixels, in one panel: islets, shores.

    Args:
        job: Of the panel.

    Attributes:
        own: Columns of the map that are the panel's own.
        islets: What islets are, in what the panel sees.
    """

    def __init__(self, job: SceneJob) -> None:
        left, width = job.area.window.col_off, job.grid.width
        whole = range(left, left + width)
        panel = job.panel or Panel(number=0, own=whole, seen=whole)
        self.own = range(panel.own.start - left, panel.own.stop - left)
        margin = _make_shore_margin(job)
        near = margin.widen(self.own, width)
        self._near = slice(near.start + left - panel.seen.start, near.stop + left - panel.seen.start)
        self._kept, self._inside = (
            panel.slice(panel.own),
            slice(self.own.start - near.start, self.own.stop - near.start),
        )
        self.islets = replace(_make_islet_rule(job), counted=range(self._kept.start, self._kept.stop))
        self._locator = ShoreLocator(
            width=len(near),
            height=job.grid.height,
            pixel_m=_compute_pixel_edge_m(job),
            threshold=job.options.threshold,
            probability_rmse=job.card.probability_rmse,
            col_off=near.start,
        )

    def keep_own(self, rows: MappedRows) -> MappedRows:
        """Rows without the panel's margin; what only the search for islets wants is left out."""
        kept = self._kept
        return replace(rows, probability=rows.probability[:, kept], state=rows.state[:, kept], look=None, infrared=None)

    def locate(self, rows: MappedRows) -> Iterator[LocatedRows]:
        """The rows whose shore can be located now that these are there, without the margin.

        Args:
            rows: With it.
        """
        near, inside = self._near, self._inside
        for first in range(0, len(rows.state), _ROWS_AT_ONCE):
            part = np.s_[first : first + _ROWS_AT_ONCE, near]
            infrared = None if rows.infrared is None else rows.infrared[part]
            for located in self._locator.add_rows(rows.probability[part], rows.state[part], infrared):
                yield LocatedRows(
                    row_off=located.row_off,
                    share=located.share[:, inside],
                    error=located.error[:, inside],
                    state=located.state[:, inside],
                )


class PanelJoiner:
    """Keeps what is located in all panels but the last on the disk, and joins it to the rows of the last.

    Use it as a context manager.

    Args:
        folder: Where files without a name lie meanwhile: a byte a pixel, and eight more near a shore.
        panels: The jobs of all panels.

    Raises:
        OutputError: The disk is full.
    """

    def __init__(self, folder: Path, panels: Sequence[SceneJob]) -> None:
        self._folder, self._last = folder, len(panels) - 1
        self._shelves: list[_Shelf] = []
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        with output_errors(self._folder):
            self._shelves = [self._opened.enter_context(_Shelf(self._folder)) for _ in range(self._last)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def join(self, number: int, rows: LocatedRows) -> LocatedRows | None:
        """Take rows of a panel; gives them back over the whole width where it is the last one.

        Args:
            number: Of the panel; they come one after the other.
            rows: The next rows of it, without its margin.
        """
        with output_errors(self._folder):
            if number < self._last:
                self._shelves[number].put(rows)
                return None
            if not self._shelves:
                return rows
            parts = [*(shelf.take(len(rows.state)) for shelf in self._shelves), rows]
        share, error, state = (
            np.concatenate([getattr(part, name) for part in parts], axis=1) for name in ("share", "error", "state")
        )
        return LocatedRows(row_off=rows.row_off, share=share, error=error, state=state)


_LAND, _WATER, _MISSING, _NEAR = range(4)
_KIND_SHIFT = 2
"""States take two bits of a byte, and what is known of the share the next two."""


class _Shelf:
    """Rows of one panel on the disk; away from the shore the share is 0 or 1 without error, which takes two bits."""

    def __init__(self, folder: Path) -> None:
        self._codes: IO[bytes] = TemporaryFile(dir=folder)  # noqa: SIM115 (closed with the shelf)
        self._values: IO[bytes] = TemporaryFile(dir=folder)  # noqa: SIM115 (closed with the shelf)
        self._width = self._row = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._codes.close()
        self._values.close()

    def put(self, rows: LocatedRows) -> None:
        """Keep the next rows."""
        self._width = rows.state.shape[1]
        kind = np.full(rows.state.shape, _NEAR, dtype=np.uint8)
        certain = rows.error == 0
        for code, mask in ((_LAND, rows.share == 0), (_WATER, rows.share == 1), (_MISSING, np.isnan(rows.share))):
            kind[mask & certain] = code
        near = kind == _NEAR
        self._codes.write((rows.state | kind << _KIND_SHIFT).tobytes())
        self._values.write(np.stack((rows.share[near], rows.error[near])).tobytes("F"))

    def take(self, count: int) -> LocatedRows:
        """Give the first rows back, and the next ones when it is called again."""
        if self._row == 0:
            self._codes.seek(0)
            self._values.seek(0)
        codes: NDArray[np.uint8] = np.frombuffer(self._codes.read(count * self._width), np.uint8)
        codes = codes.reshape(count, self._width)
        kind = codes >> _KIND_SHIFT
        near = kind == _NEAR
        share, error = np.array([0, 1, np.nan, 0], np.float32)[kind], np.zeros(codes.shape, np.float32)
        pairs = np.frombuffer(self._values.read(8 * int(near.sum())), np.float32).reshape(-1, 2)
        share[near], error[near] = pairs.T
        self._row += count
        return LocatedRows(
            row_off=self._row - count, share=share, error=error, state=codes & np.uint8((1 << _KIND_SHIFT) - 1)
        )


def _make_islet_rule(job: SceneJob) -> IsletRule:
    width_m, height_m = compute_pixel_m(job.scene.grid)
    return IsletRule(threshold=job.options.threshold, width_m=width_m, height_m=height_m, rows=job.grid.height)


def _make_shore_margin(job: SceneJob) -> ShoreMargin:
    return ShoreMargin.resolve(_compute_pixel_edge_m(job))


def _compute_pixel_edge_m(job: SceneJob) -> float:
    width_m, height_m = Ground(job.grid).pixel_m
    return math.sqrt(width_m * height_m)
