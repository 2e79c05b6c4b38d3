"""What a published result says of itself, wherever it stands."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

__all__ = ["PublishedResult", "describe_result", "list_own_assets"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedResult:
    """A result at a destination.

    Attributes:
        name: Of its folder: the scene's id.
        fingerprint: As its item says; ``None`` where it has none.
        created: When it was mapped; ``None`` where it does not say.
        whole: Its item can be read, and all files that it names are there in their size.
    """

    name: str
    fingerprint: str | None
    created: datetime | None
    whole: bool


def describe_result(name: str, item: object, sizes: Mapping[str, int]) -> PublishedResult:
    """Look at a result.

    Args:
        name: Of its folder.
        item: What its ``item.json`` holds; anything else than an item counts as broken.
        sizes: Bytes of the files beside it, by their path from there.
    """
    try:
        properties: dict[str, Any] = item["properties"]  # type: ignore[index]  # checked by trying
        whole = all(sizes.get(path) == size for path, size in list_own_assets(item))
        return PublishedResult(
            name=name,
            fingerprint=str(properties["strandline:fingerprint"]),
            created=_read_time(properties.get("created")),
            whole=whole,
        )
    except (KeyError, TypeError, AttributeError):
        return PublishedResult(name=name, fingerprint=None, created=None, whole=False)


def list_own_assets(item: Any) -> Iterator[tuple[str, int]]:  # noqa: ANN401 (JSON)
    """Path from the item and size in bytes of each file that was published with it; the model's stays where it is.

    Args:
        item: A STAC item of ours.

    Raises:
        KeyError: An asset says neither.
        TypeError: It is no item.
    """
    for asset in item["assets"].values():
        if "mlm:model" not in asset.get("roles", ()):
            yield posixpath.normpath(unquote(asset["href"])), asset["file:size"]


def _read_time(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
