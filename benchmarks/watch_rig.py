"""What a watcher is tried on: simulated coasts, a file of areas, and what is true of them.

Each coast is one simulated series (``tiles.simulate.series.simulate_series``) in a UTM zone of its own: some dates are
over the limit of cloud, the shore moves half-way, and one acquisition comes again, reprocessed. Scenes are made once
and kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from benchmarks.watch_api import StacApi
from tiles.simulate.series.simulate_series import SeriesOptions, Span, simulate_series

__all__ = ["MAX_CLOUD", "Coast", "Rig", "Scene", "make_coasts", "write_areas"]

MAX_CLOUD = 60
COLLECTION = "strandline-simulated-coast"
_CRS = ("EPSG:32630", "EPSG:32633", "EPSG:32756", "EPSG:32602", "EPSG:32718")
_NAMES = ("north", "middle", "south", "east", "west")
_SIZE_PX = 240
_TWIN = 3
"""Number of the date that comes again."""

_MARGIN = 0.05
"""Share of a scene's width that the area leaves out at each edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A product of the simulated host.

    Attributes:
        area: Its coast.
        product: Its id.
        acquisition: The same for all products of one acquisition.
        baseline: Of processing.
        acquired: Time of sensing, as its item says.
        cloud: Percent.
        item: As the simulator wrote it, with files of this machine.
    """

    area: str
    product: str
    acquisition: str
    baseline: str
    acquired: str
    cloud: float
    item: Mapping[str, Any]

    @property
    def is_clouded(self) -> bool:
        """Whether a watcher is to skip it."""
        return self.cloud > MAX_CLOUD


@dataclass(frozen=True, slots=True, kw_only=True)
class Coast:
    """One area.

    Attributes:
        name: Of the area.
        aoi: West, south, east, north in degrees.
        scenes: First products in order of time.
        twins: Newer products of some of them.
    """

    name: str
    aoi: tuple[float, float, float, float]
    scenes: tuple[Scene, ...]
    twins: tuple[Scene, ...]


def make_coasts(folder: Path, *, areas: int = 3, dates: int = 22, seed: int = 40) -> tuple[Coast, ...]:
    """Simulate coasts, or find those of an earlier call.

    Args:
        folder: For the scenes, a folder a coast.
        areas: How many, up to 5.
        dates: Acquisitions of each.
        seed: Decides the coasts.
    """
    for number in range(areas):
        out = folder / _NAMES[number]
        if not (out / "series.json").exists():
            print(f"simulating {out.name}: {dates} dates", flush=True)
            simulate_series(out, seed=seed + number, options=_choose(number, dates))
    return tuple(_read_coast(folder / name) for name in _NAMES[:areas])


def _choose(number: int, dates: int) -> SeriesOptions:
    clouds = tuple(0.95 if index % 6 == 4 else 0.1 if index % 4 == 1 else 0.0 for index in range(dates))
    return SeriesOptions(
        size=_SIZE_PX,
        span=Span(first=date(2024, 1, 3 + number), every_days=5, dates=dates),
        shifts=tuple(0.0 if index < dates // 2 else 60.0 for index in range(dates)),
        cloud_cover=clouds,
        kind="wet_beach" if number % 2 else "beach",
        baseline="05.09",
        newer_baseline="05.11",
        reprocessed=(_TWIN,),
        crs=_CRS[number],
    )


def _read_coast(folder: Path) -> Coast:
    items = json.loads((folder / "items.json").read_text())["features"]
    scenes = sorted((_describe(folder.name, item) for item in items), key=lambda scene: scene.acquired)
    west, south, east, north = (min, min, max, max)
    box = [pick(item["bbox"][index] for item in items) for index, pick in enumerate((west, south, east, north))]
    margin = _MARGIN * (box[2] - box[0])
    return Coast(
        name=folder.name,
        aoi=(box[0] + margin, box[1] + margin, box[2] - margin, box[3] - margin),
        scenes=tuple(scene for scene in scenes if scene.baseline == "05.09"),
        twins=tuple(scene for scene in scenes if scene.baseline != "05.09"),
    )


def _describe(area: str, item: Mapping[str, Any]) -> Scene:
    stated = item["properties"]
    parts = item["id"].split("_")
    return Scene(
        area=area,
        product=item["id"],
        acquisition="_".join((parts[0], parts[2], parts[5])),
        baseline=stated["s2:processing_baseline"],
        acquired=stated["datetime"],
        cloud=stated["eo:cloud_cover"],
        item=item,
    )


@dataclass(slots=True, kw_only=True)
class Rig:
    """Coasts, their host, and what was given to it so far.

    Attributes:
        coasts: All.
        api: The host.
        shown: What it has, in the order in which it came: each entry is what came at once.
    """

    coasts: tuple[Coast, ...]
    api: StacApi
    shown: list[tuple[Scene, ...]]

    def show(self, scenes: Sequence[Scene]) -> None:
        """Add products to the host, all at once.

        Args:
            scenes: The products.
        """
        self.api.add(self._rewrite(scene.item) for scene in scenes)
        self.shown.append(tuple(scenes))

    def list_shown(self, area: str) -> list[Scene]:
        """What the host has of an area.

        Args:
            area: Its name.
        """
        return [scene for together in self.shown for scene in together if scene.area == area]

    def _rewrite(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """An item whose files are fetched from the host."""
        assets = {}
        for key, asset in item["assets"].items():
            path = Path(asset["href"].removeprefix("file://"))
            assets[key] = {**asset, "href": self.api.name_file(path)}
        return {**item, "assets": assets}


def write_areas(
    path: Path,
    rig: Rig,
    *,
    hook: str | None = None,
    published: Path | None = None,
    **changes: Any,  # noqa: ANN401
) -> Path:
    """Write the file of a watcher of these coasts.

    Args:
        path: Of the file.
        rig: Coasts and host.
        hook: Address that is told everything.
        published: Folder of the destinations; ``None``: beside the file.
        changes: Top-level values that are put in place of the usual ones; ``defaults`` are put over the usual ones.
    """
    told = path.parent / "told.jsonl"
    channels: list[dict[str, Any]] = [
        {"kind": "command", "name": "file", "argv": ["sh", "-c", f"cat >> {told} && echo >> {told}"]}
    ]
    channels[0]["events"] = ["failure", "recovered", "alert", "published"]
    if hook:
        channels.append({"kind": "webhook", "name": "hook", "url": hook, "events": channels[0]["events"]})
    defaults = {
        "source": rig.api.url,
        "collection": COLLECTION,
        "schedule": "6h",
        "max_cloud": MAX_CLOUD,
        "since": date(2024, 1, 1),
        "look_back": 3650,  # items of all these years may be added at any time
        "formats": ["gpkg", "geojson"],
        "destination": f"{published or path.parent / 'published'}/{{area}}",
        "compare": {"alert_m": 25, "alert_area_m2": 2000},
        "retries": {"times": 50, "wait": "1s", "longest": "2s"},
        **changes.pop("defaults", {}),
    }
    content = {
        "defaults": defaults,
        "areas": [{"name": coast.name, "aoi": ",".join(f"{edge:.7f}" for edge in coast.aoi)} for coast in rig.coasts],
        "notifications": channels,
        "limits": {"scenes_per_round": 20, "keep_free": "1MB"},
        "dask": {"workers": 1},
        "work": str(path.parent / "work"),
        "ledger": str(path.parent / "ledger.db"),
        **changes,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path
