"""Draw where the threads of a map were, before and after a change, from py-spy's samples.

    py-spy record --rate 25 --threads -f raw -o before.raw -- strandline map SCENE --out DIR
    python benchmarks/profile_stages.py before.raw after.raw --rate 25 --out docs/profile.png

A sample counts for the stage whose function stands in its stack; threads that wait are not sampled.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

STAGES = {  # the first that is found in a stack, from the outermost call on
    "decode": ("FileStream._decode", "GdalDecoder."),
    "network": ("_ask_network", "ask_network"),
    "quicklook": ("Quicklook.", "compute_cells"),
    "reflectance": ("Strip.read",),
    "write rasters": ("MapWriter.write_rows",),
    "trace": ("ContourTracer.add_strip",),
    "finish rasters": ("MapWriter.finish",),
    "vectors": ("write_vectors",),
    "preview": ("_draw_preview",),
    "coastline": ("_build_coastline",),
    "import": ("<frozen importlib._bootstrap>",),
}


def find_stage(stack: list[str]) -> str:
    """The stage that a stack belongs to."""
    for frame in stack:
        for stage, names in STAGES.items():
            if any(frame.startswith(name) or f" {name}" in frame for name in names):
                return stage
    return "other"


def read_seconds(path: Path, rate: float) -> Counter[str]:
    """Seconds of thread time by stage."""
    seconds: Counter[str] = Counter()
    for line in path.read_text().splitlines():
        stack, count = line.rsplit(" ", 1)
        seconds[find_stage(stack.split(";"))] += int(count) / rate  # type: ignore[assignment]
    return seconds


def main() -> None:
    """Read both, print a table, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("profiles", nargs="+", type=Path)
    parser.add_argument("--rate", type=float, default=25)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    found = {path.stem: read_seconds(path, given.rate) for path in given.profiles}
    figure = Figure(figsize=(10, 1.2 + 0.8 * len(found)), layout="constrained")
    axes = figure.subplots()
    colours = mpl.colormaps["tab20"].colors
    stages = [*STAGES, "other"]
    for row, (name, seconds) in enumerate(found.items()):
        left = 0.0
        for index, stage in enumerate(stages):
            label = stage if row == 0 else None
            axes.barh(row, seconds[stage], left=left, color=colours[index], label=label, edgecolor="white")
            left += seconds[stage]
        print(name, {stage: round(seconds[stage], 1) for stage in stages}, f"sum {left:.1f} s")
    axes.set_yticks(range(len(found)), list(found))
    axes.invert_yaxis()
    axes.set_xlabel("thread time sampled, s")
    axes.legend(ncols=6, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.3))
    figure.savefig(given.out, dpi=110)


if __name__ == "__main__":
    main()
