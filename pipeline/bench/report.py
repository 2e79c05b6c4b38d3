"""What a benchmark of one scene found, and the limit that follows from it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from pipeline.bench.values import (
    AskedTiles,
    Choices,
    DecodingCost,
    MappingCost,
    NetworkCost,
    SceneSize,
    round_all,
)

__all__ = ["LARGE_MPX", "BenchReport", "BenchRun", "compute_medians"]

Medians = dict[str, float]

LARGE_MPX: Final = 36.0
"""From so many megapixels on, a scene takes long enough for one run to tell, and starting takes no part to speak of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRun:
    """One round: each part once, one after the other.

    Attributes:
        network: The network alone.
        decoding: Decoding alone.
        mapping: All of it.
        asked: Tiles that the network was given, for some hold nothing that is valid.
    """

    network: NetworkCost
    decoding: DecodingCost
    mapping: MappingCost
    asked: AskedTiles

    def compute_figures(self, scene: SceneSize, *, cores: int) -> Medians:
        """What this round says.

        Args:
            scene: What was mapped.
            cores: Processor cores that all parts may use.

        Returns:
            By name, unit last; ``limit_s`` is what decoding and network take if nothing else costs anything: both on
            the same cores, or, with a GPU, the longer of the two.
        """
        network, decoding, mapping = self.network, self.decoding, self.mapping
        forward_cpu_s = network.compute_total(self.asked.counts, of=lambda tile: tile.cpu_s)
        forward_wall_s = network.compute_total(self.asked.counts, of=lambda tile: tile.wall_s)
        bare = network.without_halo
        bare_cpu_s = bare.cpu_s * self.asked.kept_px / (bare.height * bare.width)
        if network.choices.device == "cuda":
            limit_s = max(decoding.cpu_s / cores, forward_wall_s)
        else:
            limit_s = (decoding.cpu_s + forward_cpu_s) / cores
        return {
            "decoding_cpu_s": decoding.cpu_s,
            "decoding_wall_s": decoding.wall_s,
            "decoding_mpx_per_s": decoding.megapixels / decoding.wall_s,
            "network_cpu_s": forward_cpu_s,
            "network_wall_s": forward_wall_s,
            "network_without_halo_cpu_s": bare_cpu_s,
            "map_wall_s": mapping.wall_s,
            "map_cpu_s": mapping.cpu_s,
            "map_peak_rss_mib": mapping.peak_rss_mib,
            "map_mpx_per_s": scene.megapixels / mapping.wall_s,
            "map_s_per_mpx": mapping.wall_s / scene.megapixels,
            "limit_s": limit_s,
            "ratio": mapping.wall_s / limit_s,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchReport:
    """All rounds over one scene.

    Attributes:
        machine: Processor, cores, memory and versions.
        scene: What was mapped.
        runs: The rounds.
    """

    machine: dict[str, Any]
    scene: SceneSize
    runs: tuple[BenchRun, ...]

    @property
    def cores(self) -> int:
        """Processor cores that all parts may use."""
        return int(self.machine["cores"])

    @property
    def choices(self) -> Choices:
        """What mapping chose."""
        return self.runs[0].network.choices

    @property
    def typical(self) -> BenchRun:
        """The round whose wall time is the median; of two, the faster."""
        return sorted(self.runs, key=lambda run: run.mapping.wall_s)[(len(self.runs) - 1) // 2]

    def compute_medians(self) -> Medians:
        """The median of each figure over the rounds."""
        return compute_medians([run.compute_figures(self.scene, cores=self.cores) for run in self.runs])

    def to_dict(self) -> dict[str, Any]:
        """For JSON: rounded, without the spans of all but the typical round."""
        return {
            "machine": self.machine,
            "scene": asdict(self.scene) | {"megapixels": round(self.scene.megapixels, 3)},
            "choices": asdict(self.choices),
            "gpu": self.runs[0].network.gpu or "not measured",
            "medians": round_all(self.compute_medians()),
            "runs": [self._describe(run) for run in self.runs],
            "stages_s": round_all(self.typical.mapping.stages_s),
            "spans": [
                [span.stage, span.thread, round(span.begin_s, 4), round(span.end_s, 4)]
                for span in self.typical.mapping.spans
            ],
        }

    def _describe(self, run: BenchRun) -> dict[str, Any]:
        tiles = [
            {**tile.describe(), "in_scene": run.asked.counts.get((tile.height, tile.width), 0)}
            for tile in run.network.tiles
        ]
        return {
            **round_all(run.compute_figures(self.scene, cores=self.cores)),
            "decoded_files": run.decoding.files,
            "decoded_mpx": round(run.decoding.megapixels, 3),
            "stages_s": round_all(run.mapping.stages_s),
            "tiles": tiles,
            "tile_without_halo": run.network.without_halo.describe(),
        }


def compute_medians(figures: Sequence[Medians]) -> Medians:
    """The median of each figure.

    Args:
        figures: Of each round, all with the same names.
    """
    return {name: statistics.median(each[name] for each in figures) for name in figures[0]}
