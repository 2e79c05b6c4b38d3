"""Is a known shift recovered, and is an unchanged coast left alone? Simulated coasts, mapped by a bundled model.

    python benchmarks/change.py --seeds 1-3 --size 600 --out /tmp/change

simulates for each seed a coast on seven dates, each with its own light, noise and cloud: twice unchanged, then
retreated by 5, 10, 20 and 40 m; maps all of them, compares each with the first, prints a table, and writes
``change.json``. Series, maps and comparisons stay in the folder, to be looked at.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.accuracy import parse_seeds
from pipeline.change.compute_change import ChangeOptions, compute_change
from pipeline.mapping.map_scene import MapOptions, map_scene
from tiles.simulate.series.simulate_series import SeriesOptions, SimulatedSeries, Span, simulate_series

SHIFTS = (0.0, 0.0, 0.0, 5.0, 10.0, 20.0, 40.0)
ALERT_M = 15.0
CLOUDS = (0.0, 0.1, 0.25, 0.0, 0.1, 0.0, 0.1)


def main() -> None:
    """Simulate, map, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1-3", help="first-last, or a comma-separated list")
    parser.add_argument("--size", type=int, default=600)
    parser.add_argument("--kind", default="beach", help="kind of coast")
    parser.add_argument("--model", default="strandline-small")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    rows = [row for seed in parse_seeds(arguments.seeds) for row in measure(seed, arguments)]
    print_table(rows)
    (arguments.out / "change.json").write_text(json.dumps(rows, indent=2) + "\n")


def measure(seed: int, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """All comparisons of one coast."""
    folder = arguments.out / f"{arguments.kind}-{seed}"
    series = simulate(folder / "series", seed, arguments)
    maps = [
        map_scene(day.item, folder / "maps", options=MapOptions(model=arguments.model)).folder for day in series.dates
    ]
    rows = []
    for day, mapped in zip(series.dates[1:], maps[1:], strict=True):
        began = time.perf_counter()
        out = folder / f"change-{day.number}"
        result = compute_change(maps[0], mapped, out, options=ChangeOptions(overwrite=True, alert_m=ALERT_M))
        rows.append(
            {
                "seed": seed,
                "kind": arguments.kind,
                "cloud_percent": day.cloud_percent,
                "true_m": 0.0 - day.shift_m,  # the series counts retreat, a comparison counts advance
                **result.summary.to_dict(),
                "alerts": len(result.alerts),
                "seconds": round(time.perf_counter() - began, 2),
            }
        )
    return rows


def simulate(folder: Path, seed: int, arguments: argparse.Namespace) -> SimulatedSeries:
    """A coast of seven dates."""
    options = SeriesOptions(
        size=arguments.size,
        span=Span(first=date(2022, 4, 5), every_days=15, dates=len(SHIFTS)),
        shifts=SHIFTS,
        cloud_cover=CLOUDS,
        kind=arguments.kind,
        overwrite=True,
    )
    return simulate_series(folder, seed=seed, options=options)


def print_table(rows: list[dict[str, Any]]) -> None:
    """A line a comparison, then the means that the project is judged by."""
    table = Table("seed", "cloud %", "true m", "mean m", "median m", "sigma m", "clear km", "moved km", "bodies", "s")
    for row in rows:
        numbers = (row["mean_shift_m"], row["median_shift_m"], row["uncertainty_m"], row["clear_km"], row["moved_km"])
        words = ["none" if number is None else f"{number:.2f}" for number in numbers]
        table.add_row(
            str(row["seed"]),
            f"{row['cloud_percent']:.0f}",
            f"{row['true_m']:.0f}",
            *words,
            str(row["bodies"]),
            f"{row['seconds']:.1f}",
        )
    console = Console()
    console.print(table)
    known = [row for row in rows if row["mean_shift_m"] is not None]
    for words, chosen in (("all", known), ("of which the maps are sure", [row for row in known if row["sure"]])):
        for true in sorted({row["true_m"] for row in chosen}, reverse=True):
            console.print(
                f"{words}: {summarise([row for row in chosen if row['true_m'] == true], true)}", soft_wrap=True
            )


def summarise(rows: list[dict[str, Any]], true: float) -> str:
    """How well one true shift came back, over all coasts."""
    means, medians = (np.array([row[name] - true for row in rows]) for name in ("mean_shift_m", "median_shift_m"))
    held = np.mean([row["median_low_m"] <= true <= row["median_high_m"] for row in rows])
    share = sum(row["moved_km"] for row in rows) / sum(row["clear_km"] for row in rows)
    return (
        f"true {true:+.0f} m, {len(rows)} pairs: error of the mean shift {means.mean():+.2f} m (largest "
        f"{np.abs(means).max():.2f}), of the median shift {medians.mean():+.2f} m (largest "
        f"{np.abs(medians).max():.2f}); "
        f"the stated 95% interval of the median holds the truth in {100 * held:.0f}%; "
        f"alerts beyond {ALERT_M:g} m: {sum(row['alerts'] for row in rows)}; "
        f"{100 * share:.2f}% of the clear shore reported as moved"
    )


if __name__ == "__main__":
    main()
