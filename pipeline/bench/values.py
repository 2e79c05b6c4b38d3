"""What the parts of a benchmark cost: decoding, the network, the whole map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.clock import Span
from tiles.grid import Window

__all__ = [
    "AskedTiles",
    "Choices",
    "DecodingCost",
    "MappingCost",
    "NetworkCost",
    "SceneSize",
    "TileCost",
    "round_all",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneSize:
    """The scene that was measured.

    Attributes:
        id: Its name.
        width: Columns of its finest grid.
        height: Rows of the same.
        simulated: It shows no place on Earth.
    """

    id: str
    width: int
    height: int
    simulated: bool

    @property
    def megapixels(self) -> float:
        """Millions of pixels of the finest grid."""
        return self.width * self.height / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What mapping chose on this machine.

    Attributes:
        description: Model, framework, device and precision in one line.
        framework: ``torch``, ``openvino`` or ``exported``.
        device: ``cpu`` or ``cuda``.
        precision: ``fp32``, ``bf16`` or ``int8``.
        tile_size: Columns of a tile's interior in pixels, at the most.
        halo: Pixels that are read beyond it on each side, at least.
        workers: Tiles at once.
    """

    description: str
    framework: str
    device: str
    precision: str
    tile_size: int
    halo: int
    workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingCost:
    """All that mapping reads, decoded by the library alone.

    Attributes:
        cpu_s: Processor seconds.
        wall_s: Seconds, a file a thread.
        megapixels: Millions of pixels in the files' own resolutions.
        files: How many files.
    """

    cpu_s: float
    wall_s: float
    megapixels: float
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TileCost:
    """One tile in the network by the library alone.

    Attributes:
        height: Rows that the network sees.
        width: Columns.
        margin: Pixels at each edge whose answer is not computed.
        measured: How many tiles were run.
        cpu_s: Processor seconds a tile.
        wall_s: Seconds a tile, where as many run at once as in mapping.
        interiors: What is kept of each tile of this shape in the scene.
    """

    height: int
    width: int
    margin: int
    measured: int
    cpu_s: float
    wall_s: float
    interiors: tuple[Window, ...] = ()

    def describe(self) -> dict[str, Any]:
        """For the record."""
        return round_all({name: value for name, value in asdict(self).items() if name != "interiors"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCost:
    """The network over all tiles that mapping gives it.

    Attributes:
        choices: What was chosen.
        tiles: Cost of a tile of each shape.
        without_halo: Cost of a tile that has no halo.
        gpu: Name of the GPU and the most of its memory that was taken, in MiB; ``None``: on the processor.
    """

    choices: Choices
    tiles: tuple[TileCost, ...]
    without_halo: TileCost
    gpu: dict[str, Any] | None

    def compute_total(self, counts: Mapping[tuple[int, int], int], *, of: Callable[[TileCost], float]) -> float:
        """Sum over a scene.

        Args:
            counts: Tiles by height and width of what the network sees.
            of: Which cost of a tile.
        """
        return sum(count * of(self._find(shape)) for shape, count in counts.items())

    def _find(self, shape: tuple[int, int]) -> TileCost:
        return next(tile for tile in self.tiles if (tile.height, tile.width) == shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedTiles:
    """The tiles of a scene that the network was given.

    Attributes:
        counts: How many, by height and width of what the network sees.
        kept_px: Pixels of them that are kept.
    """

    counts: Mapping[tuple[int, int], int]
    kept_px: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingCost:
    """``map_scene`` in a process of its own, with all default outputs.

    Attributes:
        wall_s: Seconds from the start of the process to its end.
        cpu_s: Processor seconds of the same.
        peak_rss_mib: The most memory that it held.
        stages_s: Seconds by stage, added up over threads.
        spans: When each stage ran, and in which thread.
    """

    wall_s: float
    cpu_s: float
    peak_rss_mib: float
    stages_s: dict[str, float]
    spans: tuple[Span, ...]


def round_all(values: Mapping[str, float]) -> dict[str, float]:
    """Figures as a record needs them.

    Args:
        values: By name; whole numbers stay.
    """
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in values.items()}
