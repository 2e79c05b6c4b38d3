"""How an area stands, as a page of Prefect shows it."""

from __future__ import annotations

import re
import zlib
from datetime import datetime

from pipeline.watch.status import AreaStatus

__all__ = ["describe_standing", "name_artifact"]

_SHOWN_FAILURES = 10


def name_artifact(area: str) -> str:
    """The key of an area's page: Prefect allows small letters, digits and dashes.

    Args:
        area: Name of the area.
    """
    plain = re.sub(r"[^a-z0-9]+", "-", area.lower()).strip("-")
    # Names that differ only in what is not allowed must not share a page.
    return f"area-{plain}" if plain == area else f"area-{plain}-{zlib.crc32(area.encode()):08x}"


def describe_standing(area: AreaStatus) -> str:
    """How an area stands, in Markdown.

    Args:
        area: As the ledger has it.
    """
    rows = [
        *((state, str(count)) for state, count in area.states.items()),
        *((f"skipped: {reason}", str(count)) for reason, count in area.skips.items()),
        ("still to do", str(area.backlog)),
        ("last scene", _escape(area.last_scene or "none yet")),
        ("last published", _show(area.last_success)),
        ("next round", _show(area.next_run)),
        ("failed rounds in a row", str(area.rounds_failed)),
    ]
    lines = [f"# {area.area}", "", "| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows)]
    if area.round_error:
        lines += ["", f"The last round failed: {_escape(area.round_error)}"]
    if area.failures:
        lines += ["", "| failed scene | tries | next try | why |", "| --- | --- | --- | --- |"]
        for scene in area.failures[:_SHOWN_FAILURES]:
            again = _show(scene.next_try) if scene.next_try else "never"
            lines.append(f"| {_escape(scene.product)} | {scene.tries} | {again} | {_escape(scene.error)} |")
        left = len(area.failures) - _SHOWN_FAILURES
        lines += ["", f"And {left} more."] if left > 0 else []
    return "\n".join(lines)


def _show(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "never"


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
