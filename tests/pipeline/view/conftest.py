"""One retreating coast on three dates, and all that is made of it, for the pages of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.change.compute_change import ChangeOptions, compute_change
from pipeline.checksums import Basis
from pipeline.coast.record import PartOutcome, write_record
from pipeline.mapping.map_scene import map_scene
from pipeline.mosaic.build_mosaic import build_mosaic
from pipeline.timeseries.compute_timeseries import TimeseriesOptions, compute_timeseries
from tiles.simulate.series.options import SeriesOptions, Span
from tiles.simulate.series.simulate_series import simulate_series


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``maps``, ``change``, ``mosaic``, ``coast`` by periods, and ``series``."""
    out = tmp_path_factory.mktemp("results")
    options = SeriesOptions(size=180, span=Span(dates=3, every_days=60), retreat_m_per_year=90.0, cloud_cover=0.0)
    series = simulate_series(out / "scenes", seed=0, options=options)
    for item in sorted((series.folder / "scenes").glob("*/*.json")):
        map_scene(item, out / "maps")
    first, *_, last = sorted((out / "maps").iterdir(), key=lambda path: path.name.split("_")[2])
    compute_change(first, last, out / "change", options=ChangeOptions(factor=1.0))
    build_mosaic(out / "maps", out / "mosaic")
    make_coast(out / "maps", out / "coast", [path.name for path in (first, last)])
    compute_timeseries(out / "maps", out / "series", options=TimeseriesOptions(spacing_m=200.0))
    area = out / "area"
    shutil.copytree(out / "maps", area)
    shutil.copytree(out / "change", area / "changes" / last.name)
    shutil.copytree(out / "series", area / "measures" / "timeseries")
    return out


def make_coast(maps: Path, folder: Path, names: list[str]) -> None:
    """A mosaic a scene, as ``coast`` makes a mosaic a period, and its record."""
    parts = [PartOutcome(name="2021", dates="2021-01-01/2021-12-31", state="no scene", planned=0)]
    for number, name in enumerate(names):
        period = str(2022 + number)
        made = build_mosaic(maps, folder / period, scenes=[name])
        days = f"{period}-01-01/{period}-12-31"
        parts.append(PartOutcome(name=period, dates=days, state="made", planned=1, joined=(name,), lines=made.lines))
    write_record(folder, Basis(kind="coast", inputs={}, choices={}), parts)
