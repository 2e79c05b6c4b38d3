"""Cut a wide domain into panels: columns that are mapped from top to bottom before those to their right.

A row of tiles is as wide as what is mapped, and so is all that waits in it. Cut into panels, a scene of any width takes
the memory of one. Each panel sees a margin of its neighbours, by which what needs more than a tile (how an islet lies,
what water and land look like around) comes out as it would uncut.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from tiles.errors import GridError
from tiles.grid import Window

__all__ = ["Panel", "PanelRule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Columns of a grid that are mapped together.

    Attributes:
        number: Counted from the left, from 0.
        own: Columns that are kept; those of all panels cover the domain once.
        seen: These with a margin on both sides, as far as the domain goes.
    """

    number: int
    own: range
    seen: range

    def slice(self, columns: range) -> slice:
        """Where some columns of the grid lie in an array that covers what is seen."""
        return slice(columns.start - self.seen.start, columns.stop - self.seen.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelRule:
    """How panels are cut.

    Attributes:
        widest: Columns from which on a domain is cut.
        width: Columns of a panel, about.
        margin: Columns that it sees on each side.
        halo: Columns that are read beyond those, and as many more as lead to a multiple of ``stride``.
        stride: As ``tiles.tiling.Tiling`` has it.
        multiple: Panels begin at multiples of this, counted from the domain's edge: nothing that is summed over as
            many columns is cut.
        block: Columns of the files' blocks: where panels meet, those are decoded twice that both read, so a place is
            looked for at which these are few.

    Raises:
        GridError: A size is impossible.
    """

    widest: int
    width: int
    margin: int
    halo: int
    stride: int = 1
    multiple: int = 1
    block: int = 1024

    def __post_init__(self) -> None:
        if min(self.widest, self.width, self.stride, self.multiple, self.block) < 1 or min(self.margin, self.halo) < 0:
            raise GridError(f"Expected panels of at least one column, and no negative margin, found {self}.")

    def cut(self, domain: Window) -> tuple[Panel, ...]:
        """The panels of a domain, from left to right; one where it is narrow.

        Args:
            domain: The pixels to be mapped, a window of the grid.
        """
        count = 1 if domain.width <= self.widest else math.ceil(domain.width / self.width)
        inner = {self._find_edge(domain, domain.col_off + domain.width * part // count) for part in range(1, count)}
        edges = sorted(inner | {domain.col_off, domain.col_stop})
        return tuple(
            Panel(
                number=number,
                own=range(start, stop),
                seen=range(max(domain.col_off, start - self.margin), min(domain.col_stop, stop + self.margin)),
            )
            for number, (start, stop) in enumerate(pairwise(edges))
        )

    def _find_edge(self, domain: Window, target: int) -> int:
        """The column near a target at which two panels read the fewest blocks both."""
        reach, first = self.margin + self.halo, target - domain.col_off
        steps = range((first - self.block // 2) // self.multiple + 1, (first + self.block // 2) // self.multiple + 1)
        columns = [column for step in steps if 0 < (column := step * self.multiple) < domain.width] or [0]

        def judge(column: int) -> tuple[int, int]:
            middle = domain.col_off + column
            start, stop = (
                (middle - reach) // self.stride * self.stride,
                -(-(middle + reach) // self.stride) * self.stride,
            )
            return -(-stop // self.block) - start // self.block, abs(column - first)

        return domain.col_off + min(columns, key=judge)
