"""The version of a result that takes the place of another.

The first result of a name says none; one that replaces another says ``2``, and so on. The older one is removed, so
no ``predecessor-version`` can lead to it.

Source: STAC extension ``version`` 1.2.0.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.atomic import Workspace
from pipeline.record.result import ITEM_NAME, name_schemas, write_json

__all__ = ["publish_work", "raise_version"]


def publish_work(work: Workspace) -> None:
    """Move a finished result to its place; where another stands there, its item says which version it is.

    Args:
        work: Where it was made.

    Raises:
        OutputError: The move failed; an older result is still there.
    """
    item = _read(work.folder)
    if item is not None and raise_version(item, _read(work.target)):
        write_json(work.folder / ITEM_NAME, item)
    work.publish()


def raise_version(item: dict[str, Any], standing: Any) -> bool:  # noqa: ANN401 (JSON)
    """Give an item the version that follows from what stands in its place; it never becomes less.

    Args:
        item: Of the result that comes; changed in place.
        standing: The item that stands, of another result or of the same; anything else counts as nothing.

    Returns:
        Whether the item was changed.
    """
    properties = item["properties"]
    try:
        before = standing["properties"]
        is_other = before["strandline:fingerprint"] != properties["strandline:fingerprint"]
        version = int(before.get("version", 1)) + is_other
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    if version <= int(properties.get("version", 1)):
        return False
    properties["version"] = str(version)
    item["stac_extensions"] = list(dict.fromkeys([*item.get("stac_extensions", ()), *name_schemas("version/v1.2.0")]))
    return True


def _read(folder: Path) -> Any:  # noqa: ANN401 (JSON, or None where it is none)
    try:
        return json.loads((folder / ITEM_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
