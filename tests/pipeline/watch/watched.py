"""A simulated coast on some dates, a catalogue of it that grows, and the file of a watcher over it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.watch.areas.file import WatchSettings, read_areas


@dataclass(slots=True)
class Coast:
    """A coast with a catalogue.

    Attributes:
        folder: With the scenes, the catalogue and the file of the watcher.
        items: All items there will be, by time and product.
    """

    folder: Path
    items: list[dict[str, Any]]

    @property
    def catalogue(self) -> Path:
        return self.folder / "items.json"

    def show(self, *numbers: int) -> None:
        """Let the catalogue hold some of the items."""
        features = [self.items[number] for number in numbers]
        self.catalogue.write_text(json.dumps({"type": "FeatureCollection", "features": features}))

    def write(self, **changes: Any) -> WatchSettings:  # noqa: ANN401
        """Write the file of the watcher, as JSON, which is YAML."""
        west, south, east, north = self.items[0]["bbox"]
        area = {
            "name": "coast",
            "aoi": f"{west + 0.001},{south + 0.001},{east - 0.001},{north - 0.001}",
            "source": str(self.catalogue),
            "since": "2022-01-01",
            "look_back": 3650,
            "compare": {"alert_m": 15},
            "retries": {"times": 1, "wait": "1h"},
        }
        document = {"areas": [{**area, **changes.pop("area", {})}], "limits": {"keep_free": 0}}
        path = self.folder / "areas.yaml"
        path.write_text(json.dumps({**document, **changes}))
        return read_areas(path)


def list_told(folder: Path) -> list[dict[str, Any]]:
    """What the command of ``tell_into`` was told."""
    path = folder / "told.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines() if line] if path.exists() else []


def tell_into(folder: Path, *events: str) -> dict[str, Any]:
    """A notification that keeps what it is told in a file."""
    script = f"cat >> {folder}/told.jsonl; echo >> {folder}/told.jsonl"
    wanted = list(events or ("failure", "alert", "published", "recovered"))
    return {"kind": "command", "name": "log", "argv": ["sh", "-c", script], "events": wanted}
