"""What there is to map: the items of a plan, the scenes in a folder, or those of a list."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pipeline.search.duplicates import Acquisition, resolve_duplicates
from pipeline.search.plan import Plan, read_plan
from strandline import StrandlineError
from tiles.products.eopf import is_eopf
from tiles.products.files import find_band_files
from tiles.products.name import make_scene_id, parse_product_name
from tiles.products.open import StackOptions, open_scene
from tiles.products.stac_item import is_stac_item

__all__ = ["BatchSourceError", "LeftOut", "SceneSource", "Sources", "list_sources"]

_REMOTE = ("http://", "https://", "s3://", "/vsi")
_RASTERS = (".tif", ".tiff", ".jp2", ".vrt", ".img", ".nc")
_PRODUCT_NAME = re.compile(r"S2[A-D]_MSIL(?:1C|2A)_\d{8}T\d{6}_N\d{4}_R\d{3}_T\w{5}_(\d{8}T\d{6})")
_PRODUCT_PARTS = ("MTD_MSIL2A.xml", "MTD_MSIL1C.xml", "GRANULE")
_RESOLUTION_FOLDERS = ("R10m", "R20m", "R60m", "IMG_DATA")
_LARGEST_ITEM = 16 << 20


Kind = Literal["duplicate", "no scene"]


class BatchSourceError(StrandlineError, ValueError):
    """There is nothing to map in what was given, or two scenes want one folder."""

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneSource:
    """One scene that is to be mapped.

    Attributes:
        id: Name of its folder among the results.
        source: What ``tiles.products.open.open_scene`` takes, absolute; for an item of a plan, its id.
        item: The STAC item itself, where it is one of a plan.
        is_product: It can be nothing but a scene, or was named as one: where it does not open, that is a failure.
        any_platform: The plan wants items of other missions than Sentinel-2 too.
    """

    id: str
    source: str
    item: dict[str, Any] | None = None
    is_product: bool = True
    any_platform: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What is not mapped, and why.

    Attributes:
        id: Of the scene, or the name of the file.
        kind: Another product shows the same, or it is no scene.
        reason: For a person.
    """

    id: str
    kind: Kind
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What is to be mapped and what is not; both sorted by id.

    Attributes:
        scenes: With ids of their own.
        left_out: Everything else that was found.
    """

    scenes: tuple[SceneSource, ...]
    left_out: tuple[LeftOut, ...] = ()


def list_sources(source: Path | Plan, *, stack: StackOptions | None = None) -> Sources:
    """Find the scenes in what a user gives; almost none is opened for it.

    Args:
        source: A plan or its file, a folder of scenes (products and their zips at any depth; rasters, STAC items and
            folders of band files directly in it), one scene, or a text file with a scene a line.
        stack: What metadata does not say, for stacks.

    Raises:
        BatchSourceError: Nothing is there, nothing in it is a scene, or two scenes would be mapped into one folder.
        PlanError: The plan is not valid.
    """
    if isinstance(source, Plan):
        entries = list(_list_items(source))
    elif source.exists():
        entries = list(_find(source.absolute(), stack))
    else:
        raise BatchSourceError(f"Expected a plan or a folder of scenes, found nothing at {source}. Check the path.")
    scenes = [entry for entry in entries if isinstance(entry, SceneSource)]
    left_out = [entry for entry in entries if isinstance(entry, LeftOut)]
    if not scenes:
        raise BatchSourceError(
            f"Expected scenes in {source}, found none among {len(entries)} entries. Give a plan (strandline search), "
            "or a folder that holds .SAFE folders, their zips, rasters, STAC items or folders of band files."
        )
    kept, copies = _set_copies_aside(scenes)
    kept, duplicates = _set_duplicates_aside(kept)
    return Sources(
        scenes=tuple(sorted(kept, key=lambda scene: scene.id)),
        left_out=tuple(sorted((*left_out, *copies, *duplicates), key=lambda entry: (entry.kind, entry.id))),
    )


def _find(source: Path, stack: StackOptions | None) -> Iterator[SceneSource | LeftOut]:
    if source.is_dir():
        scene = _read_folder(source, stack, alone=False)
        entries = _search_folder(source, stack, depth=0) if scene is None else iter((scene,))
        yield from entries
    elif source.suffix.lower() in {".json", ".geojson"} and not is_stac_item(_read_json(source)):
        yield from _list_items(read_plan(source))
    elif source.suffix.lower() in {".zip", ".xml", ".json", ".geojson", *_RASTERS}:
        yield _read_file(source, stack)
    else:
        yield from _read_list(source, stack)


def _list_items(plan: Plan) -> Iterator[SceneSource | LeftOut]:
    for item in plan.items:
        name, wanted = str(item["id"]), plan.query.any_platform
        yield SceneSource(id=make_scene_id(name), source=name, item=item, any_platform=wanted)
    for verdict in plan.set_aside:
        kind: Kind = "duplicate" if verdict.kind == "superseded" else "no scene"
        yield LeftOut(id=verdict.id, kind=kind, reason=verdict.reason)


def _read_list(path: Path, stack: StackOptions | None) -> Iterator[SceneSource | LeftOut]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BatchSourceError(
            f"Expected a plan, a folder of scenes or a text file with a scene a line, found something else in {path}."
        ) from error
    for line in (text.strip() for text in lines):
        if not line or line.startswith("#"):
            continue
        if line.startswith(_REMOTE):
            yield SceneSource(id=make_scene_id(line.split("?", maxsplit=1)[0]), source=line)
            continue
        entry = path.parent / line
        if not entry.exists():
            raise BatchSourceError(f"Expected a scene a line in {path}, found nothing at {entry}. Correct the list.")
        found = _read_folder(entry, stack) if entry.is_dir() else _read_file(entry, stack)
        # Each line was meant as a scene, whatever it looks like: what is none is not passed over.
        if isinstance(found, SceneSource):
            yield replace(found, is_product=True)
        else:
            yield SceneSource(id=make_scene_id(str(entry)), source=str(entry))


def _search_folder(folder: Path, stack: StackOptions | None, *, depth: int) -> Iterator[SceneSource | LeftOut]:
    """Products lie at any depth; what is known by its content alone, directly in the folder."""
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            scene = _read_folder(entry, stack) if depth == 0 or _is_product(entry) else None
            if scene is not None:
                yield scene
                continue
            within = [e for e in _search_folder(entry, stack, depth=depth + 1) if isinstance(e, SceneSource)]
            yield from within
            if not within and depth == 0:
                yield _name_folder(entry)
        elif depth == 0 or _is_product(entry):
            yield _read_file(entry, stack)


def _name_folder(folder: Path) -> LeftOut:
    return LeftOut(id=folder.name, kind="no scene", reason="a folder without a product, an item or band files")


def _is_product(path: Path) -> bool:
    named = path.stem if path.suffix.lower() in {".zip", ".zarr"} else path.name
    return path.name.upper().endswith(".SAFE") or _PRODUCT_NAME.fullmatch(named.removesuffix(".SAFE")) is not None


def _read_folder(folder: Path, stack: StackOptions | None, *, alone: bool = True) -> SceneSource | None:
    """A folder that is one scene, perhaps by its one STAC item (``alone``); ``None`` where it is not."""
    names = [entry.name for entry in folder.iterdir()]
    if _is_product(folder) or is_eopf(folder) or any(name in _PRODUCT_PARTS for name in names):
        return SceneSource(id=_resolve_id(folder, stack), source=str(folder))
    documents = (_read_json(folder / name) for name in names if name.lower().endswith("json"))
    items = [document for document in documents if isinstance(document, dict) and is_stac_item(document)]
    if len(items) == 1 and alone:  # several beside each other are scenes of their own
        return SceneSource(id=make_scene_id(str(items[0].get("id") or folder)), source=str(folder))
    if not find_band_files(names) and not any(name in _RESOLUTION_FOLDERS for name in names):
        return None
    return SceneSource(id=_resolve_id(folder, stack), source=str(folder))


def _read_file(path: Path, stack: StackOptions | None) -> SceneSource | LeftOut:
    suffix = path.suffix.lower()
    is_lost = not path.exists()  # a link to what is gone: that it is no scene cannot be said
    if suffix in {".json", ".geojson"} and not is_lost:
        return _read_document(path)
    if suffix in {".zip", ".xml"}:
        return SceneSource(id=_resolve_id(path, stack), source=str(path), is_product=suffix == ".zip")
    if suffix in _RASTERS:
        return SceneSource(
            id=make_scene_id(str(path)),
            source=str(path),
            is_product=is_lost or parse_product_name(path.name) is not None,
        )
    if is_lost or _is_product(path):  # a product is a folder or a zip: what has its name and is neither is broken
        return SceneSource(id=make_scene_id(path.name), source=str(path))
    return LeftOut(id=path.name, kind="no scene", reason=f"a file {suffix or 'without an ending'}")


def _read_document(path: Path) -> SceneSource | LeftOut:
    document = _read_json(path)
    if isinstance(document, dict) and is_stac_item(document):
        if (raster := _find_described(path, document)) is not None:
            return LeftOut(id=path.name, kind="no scene", reason=f"the item of {raster.name}, which is one")
        return SceneSource(id=make_scene_id(str(document.get("id") or path)), source=str(path))
    if document is None and path.stat().st_size <= _LARGEST_ITEM:  # an item cut short, perhaps: that is a failure
        return SceneSource(id=make_scene_id(str(path)), source=str(path))
    return LeftOut(id=path.name, kind="no scene", reason="JSON, but no STAC item")


def _find_described(path: Path, item: Mapping[str, Any]) -> Path | None:
    """The raster beside an item, of its name, which is all that it has: a stack, of which the item says the date."""
    hrefs = (Path(str(asset.get("href"))) for asset in item["assets"].values() if isinstance(asset, Mapping))
    names = {href.name for href in hrefs if href.suffix.lower() in _RASTERS}
    rasters = (path.with_suffix(ending) for ending in _RASTERS)
    return next((raster for raster in rasters if raster.is_file() and names == {raster.name}), None)


def _read_json(path: Path) -> object:
    try:
        return None if path.stat().st_size > _LARGEST_ITEM else json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _resolve_id(path: Path, stack: StackOptions | None) -> str:
    """The id of what is not named as products are stands within it."""
    named = make_scene_id(path.name)
    if _PRODUCT_NAME.fullmatch(named):
        return named
    try:
        return open_scene(path, options=stack).id
    except StrandlineError:
        return named  # mapping it will say what is wrong


def _set_copies_aside(scenes: Iterable[SceneSource]) -> tuple[list[SceneSource], list[LeftOut]]:
    """One product as a folder and as a zip is one; two scenes that only share a name are not."""
    kept: dict[str, SceneSource] = {}
    copies = []
    for scene in sorted(scenes, key=lambda scene: (scene.source.lower().endswith(".zip"), scene.source)):
        other = kept.setdefault(scene.id, scene)
        if other is scene:
            continue
        if not _PRODUCT_NAME.fullmatch(scene.id):
            raise BatchSourceError(
                f"Two scenes would be mapped into the folder {scene.id}: {other.source} and {scene.source}. Rename "
                "one, or map them into folders of their own."
            )
        copies.append(LeftOut(id=scene.source, kind="duplicate", reason=f"the same product as {other.source}"))
    return list(kept.values()), copies


def _set_duplicates_aside(scenes: list[SceneSource]) -> tuple[list[SceneSource], list[LeftOut]]:
    """Of products of one acquisition the newest stays; the items of a plan were looked at by the search."""
    resolution = resolve_duplicates(_describe(scene) for scene in scenes if scene.item is None)
    gone = {entry.id: entry.reason for entry in resolution.set_aside}
    duplicates = [LeftOut(id=name, kind="duplicate", reason=reason) for name, reason in gone.items()]
    return [scene for scene in scenes if scene.id not in gone], duplicates


def _describe(scene: SceneSource) -> Acquisition:
    match, name = _PRODUCT_NAME.fullmatch(scene.id), parse_product_name(scene.id)
    if match is None or name is None:
        return Acquisition(id=scene.id)
    return Acquisition(
        id=scene.id,
        tile=name.tile,
        # A level is no newer edition of another: each is an acquisition of its own here.
        platform=f"{name.platform} {name.level}",
        acquired=name.acquired,
        baseline=name.baseline,
        generated=datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC),
    )
