"""Rates of a simulated coast with a known retreat, through the whole way: scenes, network, lines, transects, fits.

    python benchmarks/timeseries.py --seeds 1-2 --out DIR [--size 300 --dates 24 --every-days 75 --rate 3]

Each seed is simulated (``tiles.simulate.series.simulate_series``), mapped with the bundled model and followed through
its dates; what is in DIR already is used again. Measured: the share of transects that have a rate, the share of those
whose 95% interval holds the true rate (least squares, and Theil-Sen), the errors of the rates, and how alike the errors
of one date are along the shore. Measures are appended to ``benchmarks/results/timeseries.jsonl``, a line a seed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.mapping.map_scene import map_scene
from pipeline.timeseries.compute_timeseries import TimeseriesOptions, compute_timeseries
from pipeline.timeseries.series import Series
from strandline import __version__
from tiles.simulate.series.simulate_series import SeriesOptions, Span, simulate_series

RESULTS = Path(__file__).parent / "results" / "timeseries.jsonl"


def make_maps(out: Path, seed: int, options: SeriesOptions) -> dict[str, Any]:
    """Simulate and map what is not there; returns ``series.json``."""
    series, maps = out / f"series{seed}", out / f"maps{seed}"
    if not (series / "series.json").exists():
        simulate_series(series, seed=seed, options=options)
    record: dict[str, Any] = json.loads((series / "series.json").read_text())
    for date in record["dates"]:
        map_scene(series / date["item"], maps)
    return record


def measure(series: Series, shift_m: dict[str, float], true_rate: float) -> dict[str, Any]:
    """Coverage and errors of the rates, and the errors of positions by date.

    Args:
        series: What was found.
        shift_m: How far the land has retreated, by the day of the date.
        true_rate: Metres a year, positive seaward.
    """
    names = ("rate_m", "low_m", "high_m", "robust_m", "robust_low_m", "robust_high_m")
    rate, low, high, robust, robust_low, robust_high = (series.fits.get_column(name) for name in names)
    known = np.isfinite(rate)
    shift = np.array([shift_m[date.acquired.date().isoformat()] for date in series.dates])
    error = series.positions.position_m + shift
    error = error - np.nanmean(error, axis=1, keepdims=True)  # where 0 lies is nobody's error
    seen = np.isfinite(error).any(axis=0)
    common = np.nanmean(error[:, seen], axis=0)
    own = error[:, seen] - common
    area = series.fits.area
    return {
        "transects": len(rate),
        "share_with_rate": round(float(known.mean()), 4),
        "dates_median": float(np.median(series.fits.get_column("dates"))),
        "coverage": round(float(((low <= true_rate) & (true_rate <= high))[known].mean()), 4),
        "coverage_robust": round(float(((robust_low <= true_rate) & (true_rate <= robust_high))[known].mean()), 4),
        "median_abs_error_m": round(float(np.median(np.abs(rate - true_rate)[known])), 3),
        "median_abs_error_robust_m": round(float(np.median(np.abs(robust - true_rate)[known])), 3),
        "median_half_interval_m": round(float(np.median((high - low)[known] / 2)), 3),
        "median_rate_m": round(float(np.median(rate[known])), 3),
        "area_rate_m": None if area is None else [round(v, 3) for v in (area.rate_m, area.low_m, area.high_m)],
        "area_holds_truth": None if area is None else bool(area.low_m <= true_rate <= area.high_m),
        "error_shared_by_date_m": round(float(np.std(common)), 3),
        "error_own_m": round(float(np.sqrt(np.nanmean(own**2))), 3),
        "uncertainty_stated_median_m": round(float(np.nanmedian(series.positions.sigma_m)), 3),
    }


def main() -> None:
    """Run the seeds and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1-2")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--dates", type=int, default=24)
    parser.add_argument("--every-days", type=int, default=75)
    parser.add_argument("--rate", type=float, default=3.0, help="retreat, metres a year")
    chosen = parser.parse_args()
    first, _, last = chosen.seeds.partition("-")
    span = Span(every_days=chosen.every_days, dates=chosen.dates)
    options = SeriesOptions(size=chosen.size, span=span, retreat_m_per_year=chosen.rate)
    RESULTS.parent.mkdir(exist_ok=True)
    for seed in range(int(first), int(last or first) + 1):
        truth = make_maps(chosen.out, seed, options)
        result = compute_timeseries(
            chosen.out / f"maps{seed}", chosen.out / f"rates{seed}", options=TimeseriesOptions(overwrite=True)
        )
        if result.series is None:
            raise SystemExit(f"{result.folder} stands already: remove it to measure again")
        shift = {date["datetime"][:10]: date["shift_m"] for date in truth["dates"]}
        measured = measure(result.series, shift, -truth["options"]["retreat_m_per_year"])
        record = {"version": __version__, "seed": seed, "options": truth["options"], **measured}
        print(json.dumps(record), flush=True)
        with RESULTS.open("a") as file:
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
