"""What the items of all results have in common: whether a result stands, its files, its projection, its item.

Source: STAC 1.1.0, with the extensions file 2.1.0, projection 2.0.0 and processing 1.2.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from pipeline.atomic import write_whole
from pipeline.checksums import Basis, compute_sha256, format_multihash
from pipeline.errors import StaleResultError
from pipeline.record.links import locate_file, make_relative_href
from strandline import __version__
from tiles.grid import Grid
from tiles.times import FIRST_LIGHT, parse_moment

if TYPE_CHECKING:
    import pystac

__all__ = [
    "BASIS",
    "COPERNICUS",
    "FIRST_LIGHT",
    "ITEM_NAME",
    "PAGE_LINK",
    "PAGE_NAME",
    "SIMULATED",
    "UNDATED",
    "ResultItem",
    "Standing",
    "describe_file",
    "describe_interval",
    "describe_projection",
    "is_result_there",
    "is_standing",
    "name_schemas",
    "read_fingerprint",
    "read_sensing_time",
    "write_json",
]

ITEM_NAME = "item.json"

PAGE_NAME: Final = "view.html"
"""A result as one page for a browser, where there is one: see ``pipeline.view``."""

PAGE_LINK: Final[Mapping[str, str]] = MappingProxyType(
    {"rel": "alternate", "href": f"./{PAGE_NAME}", "type": "text/html", "title": "A page to look at it"}
)
"""How records name it: a link, not an asset, since the result is whole without it."""

BASIS: Final = "strandline:basis"
"""Property of items: all that decided the result, see ``pipeline.checksums.Basis``."""

UNDATED: Final = "strandline:undated"
"""Property of items: whether a time of sensing is not known, so that their interval is no date but all that may be."""

COPERNICUS = "Contains modified Copernicus Sentinel data"
SIMULATED = "Simulated scenes: they show no place on Earth."

_FORMATS_ALONE = r"formats( \([^()]*\))?"

_MOST_SAID = 5
"""Differences that a message names."""

_MEDIA_TYPES = {
    ".gpkg": "application/geopackage+sqlite3",
    ".shp": "application/vnd.shp",
    ".zip": "application/zip",
    ".fgb": "application/vnd.flatgeobuf",
    ".geojson": "application/geo+json",
    ".kml": "application/vnd.google-earth.kml+xml",
    ".pmtiles": "application/vnd.pmtiles",
    ".parquet": "application/vnd.apache.parquet",
    ".qml": "application/xml",
    ".csv": "text/csv",
    ".png": "image/png",
    ".json": "application/json",
    ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
}


def read_fingerprint(folder: Path) -> str | None:
    """Read the fingerprint of the result that stands in a folder.

    Args:
        folder: Where ``item.json`` may stand.

    Returns:
        The fingerprint; ``None`` where there is no item, it is none of ours, or an output that it names is missing or
        of another size: then the work is not done.
    """
    try:
        item = json.loads((folder / ITEM_NAME).read_text(encoding="utf-8"))
        ours = {key: asset for key, asset in item["assets"].items() if "mlm:model" not in asset.get("roles", ())}
        whole = all(locate_file(asset["href"], folder).stat().st_size == asset["file:size"] for asset in ours.values())
        return str(item["properties"]["strandline:fingerprint"]) if whole else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What stands where a result is to be made.

    Attributes:
        where: Folder or URL, for messages.
        item: What its ``item.json`` holds; ``None`` where there is none.
        fingerprint: Of the result; ``None`` where it is not whole, or none of ours.
    """

    where: str
    item: object = field(default=None, repr=False)
    fingerprint: str | None = None


def is_result_there(folder: Path, basis: Basis, *, overwrite: bool) -> bool:
    """Whether a folder holds the very result that is asked for.

    Args:
        folder: Where it would stand.
        basis: What would decide it.
        overwrite: Whether another result may be replaced.

    Raises:
        StaleResultError: The folder holds another result, which was not to be replaced; the message says in what the
            two differ.
    """
    item: object = None
    if (folder / ITEM_NAME).exists():
        try:
            item = json.loads((folder / ITEM_NAME).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            item = {}
    standing = Standing(where=str(folder), item=item, fingerprint=read_fingerprint(folder))
    return is_standing(standing, basis, overwrite=overwrite)


def is_standing(standing: Standing, basis: Basis, *, overwrite: bool) -> bool:
    """Whether the very result that is asked for stands already, in a folder or in a store.

    Args:
        standing: What stands there.
        basis: What would decide the result.
        overwrite: Whether another result may be replaced.

    Raises:
        StaleResultError: Another result stands there, which was not to be replaced.
    """
    if standing.fingerprint == basis.fingerprint:
        return True
    if standing.item is not None and not overwrite:
        differences = _describe_differences(standing.item, basis)
        # Only these: commas part differences, and the formats of one list.
        more = " strandline export adds formats to it as it is." if re.fullmatch(_FORMATS_ALONE, differences) else ""
        raise StaleResultError(
            f"{standing.where} holds a result that differs in {differences}: pass --overwrite to replace it, or choose "
            f"another --out.{more}"
        )
    return False


def _describe_differences(item: Any, basis: Basis) -> str:  # noqa: ANN401 (JSON)
    try:
        properties = item["properties"]
        differences = basis.describe_differences(properties.get(BASIS))
        if not differences and properties.get("strandline:fingerprint") == basis.fingerprint:
            return "an output that is missing or was changed"
    except (KeyError, TypeError, AttributeError):
        differences = []
    if not differences:  # of an earlier release, or no item of ours
        return "its inputs or choices"
    more = [f"and {len(differences) - _MOST_SAID} more"] if len(differences) > _MOST_SAID else []
    return ", ".join([*differences[:_MOST_SAID], *more])


def name_schemas(*names: str) -> list[str]:
    """Addresses of the schemas of STAC extensions, named as ``file/v2.1.0``."""
    return [f"https://stac-extensions.github.io/{name}/schema.json" for name in names]


def describe_interval(times: Sequence[datetime | None], *, created: datetime) -> dict[str, Any]:
    """The interval of what was made from some dates, as STAC wants one, and whether it says when they were.

    STAC wants one where nothing is known too: from the first launch on.

    Args:
        times: Moments of sensing; ``None`` where one is not known, and then the interval says nothing of the others.
        created: When the result was made: nothing in it was sensed later.
    """
    from pystac.utils import datetime_to_str  # noqa: PLC0415 (a client of HTTP comes with it, which no map needs early)

    known = [moment for moment in times if moment is not None]
    undated = len(known) < len(times) or not known
    first, last = (FIRST_LIGHT, created) if undated else (min(known), max(known))
    return {
        "datetime": None,
        "start_datetime": datetime_to_str(first),
        "end_datetime": datetime_to_str(last),
        UNDATED: undated,
    }


def read_sensing_time(properties: Mapping[str, Any]) -> datetime | None:
    """When what a record of ours describes was sensed, the last of its dates where it has several.

    Args:
        properties: Of its item.

    Returns:
        The moment in UTC; ``None`` where it is not known, whatever interval stands in for it.
    """
    if moment := parse_moment(properties.get("datetime")):
        return moment
    # Records that were made before they said so have the launch of the first satellite in place of a date.
    if properties.get(UNDATED) or parse_moment(properties.get("start_datetime")) == FIRST_LIGHT:
        return None
    return parse_moment(properties.get("end_datetime"))


def describe_projection(grid: Grid) -> dict[str, Any]:
    """The grid of rasters, as the projection extension states it."""
    authority = grid.crs.to_authority()
    code = {"proj:code": ":".join(authority)} if authority else {"proj:code": None, "proj:wkt2": grid.crs.to_wkt()}
    return {
        **code,
        "proj:shape": list(grid.shape),
        "proj:transform": list(grid.transform)[:6],
        "proj:bbox": list(grid.bounds),
    }


def describe_file(path: Path, folder: Path, *, title: str | None = None, **fields: object) -> pystac.Asset:
    """Describe a file of a result: media type by its ending, size and checksum.

    Args:
        path: The file.
        folder: Where the item stands.
        title: For a person.
        **fields: What else the asset says.
    """
    import pystac  # noqa: PLC0415

    return pystac.Asset(
        make_relative_href(path.relative_to(folder)),
        title=title,
        media_type=_MEDIA_TYPES.get(path.suffix, "application/octet-stream"),
        roles=["overview"] if path.suffix == ".png" else ["data"],
        extra_fields={
            "file:size": path.stat().st_size,
            "file:checksum": format_multihash(compute_sha256(path)),
            **fields,
        },
    )


def write_json(path: Path, document: Mapping[str, Any]) -> Path:
    """Write a record, whole and to the disk: where it stands, all that it speaks of stands too.

    Raises:
        OutputError: It cannot be written.
    """
    write_whole(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultItem:
    """The item of something made from maps of several dates.

    Attributes:
        id: Of the item.
        title: For a person.
        geometry: GeoJSON, in degrees.
        bbox: West, south, east, north in degrees; west is larger where the antimeridian is crossed.
        times: Moments of sensing of the dates; ``None`` where one is not known.
        simulated: Whether a date is.
        basis: All that decided the result.
        properties: What else the item says; names without a prefix, but ``renders``, become ours.
        schemas: Extensions besides ``file`` and ``processing``, as ``name_schemas`` takes them.
        assets: Described files by key; ``None``: all of the folder that stand there when it is written.
    """

    id: str
    title: str
    geometry: dict[str, Any]
    bbox: list[float]
    times: Sequence[datetime | None]
    simulated: bool
    basis: Basis
    properties: Mapping[str, Any]
    schemas: tuple[str, ...] = ()
    assets: Mapping[str, pystac.Asset] | None = field(default=None)

    def write(self, folder: Path) -> Path:
        """Write ``item.json``: the last step, for where it stands all outputs are whole.

        Args:
            folder: Where the outputs stand.

        Raises:
            OutputError: It cannot be written.
        """
        import pystac  # noqa: PLC0415

        now = datetime.now(UTC).replace(microsecond=0)
        item = pystac.Item(
            id=self.id,
            geometry=self.geometry,
            bbox=self.bbox,
            datetime=None,
            properties={
                **describe_interval(self.times, created=now),
                "title": self.title,
                "description": SIMULATED if self.simulated else f"{COPERNICUS}.",
                "license": "other",
                "processing:software": {"Strandline": __version__},
                "strandline:simulated": self.simulated,
                "strandline:fingerprint": self.basis.fingerprint,
                BASIS: self.basis.to_dict(),
                **{
                    name if ":" in name or name == "renders" else f"strandline:{name}": value
                    for name, value in self.properties.items()
                },
            },
            stac_extensions=name_schemas(*self.schemas, "file/v2.1.0", "processing/v1.2.0"),
        )
        assets = self.assets
        if assets is None:
            files = (path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith("."))
            assets = {
                path.name.replace(".", "_"): describe_file(path, folder) for path in files if path.name != ITEM_NAME
            }
        for key, asset in assets.items():
            item.add_asset(key, asset)
        return write_json(folder / ITEM_NAME, item.to_dict(transform_hrefs=False))


def _name_property(name: str) -> str:
    return name if ":" in name or name == "renders" else f"strandline:{name}"
