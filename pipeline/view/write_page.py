"""Write a result as one page for a browser.

This is the way through the room: find out what the folder holds, build the page of it, write it whole. A page holds all
that it shows, BokehJS too: it opens from a folder, an e-mail or a memory stick, and asks no network for anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from bokeh.resources import Resources
from jinja2 import Environment, FileSystemLoader
from numpy.typing import NDArray

from pipeline.atomic import write_whole
from pipeline.errors import raster_errors
from pipeline.record.catalogue import link_page
from pipeline.record.result import ITEM_NAME, PAGE_NAME
from pipeline.view.change import CHANGE_NAME, build_change_page
from pipeline.view.figure import build_map, build_plot, write_document
from pipeline.view.mosaic import build_mosaic_page, list_mosaic_tiles
from pipeline.view.periods import build_periods_page, list_periods
from pipeline.view.pictures import Detail
from pipeline.view.scene import build_scene_page
from pipeline.view.scenes import Problem, build_scenes_page, list_maps
from pipeline.view.transects import SERIES_NAME, build_series_page
from pipeline.view.values import Features, Page, Picture
from strandline import StrandlineError, __version__

__all__ = ["ViewError", "WrittenPage", "render_page", "write_page"]

_TEMPLATES = Path(__file__).parents[1] / "data" / "view"
_LIMIT: Final = 30_000_000
_DETAILS: Final = (Detail(near=5490), Detail(near=2745), Detail())


class ViewError(StrandlineError, ValueError):
    """A folder that no page can be made of."""

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenPage:
    """What was written.

    Attributes:
        path: The page.
        size: Its bytes.
        kind: What it shows: ``scene``, ``scenes``, ``mosaic``, ``coast``, ``change`` or ``timeseries``.
    """

    path: Path
    size: int
    kind: str


def write_page(
    folder: Path, out: Path | None = None, *, problems: Sequence[Problem] | None = None, name: str = ""
) -> WrittenPage:
    """Write the page of a result.

    Args:
        folder: What ``map``, ``batch``, ``mosaic``, ``coast``, ``change``, ``timeseries`` or ``watch`` made.
        out: The page; ``None``: ``view.html`` in the folder, to which its item and its catalogue then link.
        problems: Of a folder of maps, the scenes without one; ``None``: as the summary of a batch has them.
        name: Of a folder of maps, what they show; empty: the folder's.

    Raises:
        ViewError: The folder holds no result.
        OutputError: A file of the result cannot be read, or the page cannot be written.
    """
    kind = find_kind(folder)
    path = out or folder / PAGE_NAME
    text = ""
    more = {"problems": problems, "name": name} if kind == "scenes" else {}
    for detail in _DETAILS:
        with raster_errors(folder):
            text = render_page(_BUILDERS[kind](folder, detail=detail, **more))
        if len(text.encode()) <= _LIMIT:
            break
    write_whole(path, text)
    if out is None:
        link_page(folder)
    return WrittenPage(path=path, size=path.stat().st_size, kind=kind)


def find_kind(folder: Path) -> str:
    """What a folder holds.

    Raises:
        ViewError: No result of ours.
    """
    for kind, is_there in _SIGNS.items():
        if is_there(folder):
            return kind
    raise ViewError(
        "Expected a folder that map, batch, mosaic, coast, change, timeseries or watch made, found none of their "
        f"results in {folder}. Check the path."
    )


_SIGNS: Mapping[str, Callable[[Path], bool]] = MappingProxyType(
    {
        "change": lambda folder: (folder / CHANGE_NAME).is_file(),
        "timeseries": lambda folder: (folder / SERIES_NAME).is_file(),
        "coast": lambda folder: any((folder / part["name"] / ITEM_NAME).is_file() for part in list_periods(folder)),
        "mosaic": lambda folder: (folder / "coastline.gpkg").is_file() and bool(list_mosaic_tiles(folder)),
        "scene": lambda folder: all((folder / name).is_file() for name in ("water.tif", "coastline.gpkg", ITEM_NAME)),
        "scenes": lambda folder: (folder / "summary.json").is_file() or bool(list_maps(folder)),
    }
)

_BUILDERS: Mapping[str, Callable[..., Page]] = MappingProxyType(
    {
        "change": build_change_page,
        "timeseries": build_series_page,
        "coast": build_periods_page,
        "mosaic": build_mosaic_page,
        "scene": build_scene_page,
        "scenes": build_scenes_page,
    }
)


def render_page(page: Page) -> str:
    """The page as HTML that needs no other file."""
    documents = {"map": write_document(build_map(page.plane, page.pictures, page.features), "map")}
    if page.series is not None:
        documents["plot"] = write_document(build_plot(page.series), "plot")
    text: str = _read_template().render(
        page=page,
        pictures=_list_pictures(page),
        layers=_list_layers(page),
        documents=documents,
        dashes=any(layer.dashed for layer in page.features),
        spec=_as_json(_describe(page)),
        bokeh=_read_bokeh(),
        css=(_TEMPLATES / "page.css").read_text(encoding="utf-8"),
        script=(_TEMPLATES / "page.js").read_text(encoding="utf-8"),
        version=__version__,
    )
    return text


def _describe(page: Page) -> dict[str, Any]:
    """What the page's script is told."""
    fit = page.plane.fit_degrees()
    levels = [tile.box.longest for picture in page.pictures for tile in picture.tiles if tile.level == 0]
    spec: dict[str, Any] = {
        "box": list(page.plane.box),
        "degrees": fit | {"places": 5 if fit["error"] < 2e-6 else 3},
        "origin": page.plane.origin,
        "crs": _name_crs(page),
        "coarse_m": max(levels, default=0.0) / Detail().whole,
        "frames": page.frames,
    }
    if page.series is not None:
        spec["series"] = _describe_series(page)
    return spec


def _describe_series(page: Page) -> dict[str, Any]:
    series = page.series
    assert series is not None  # noqa: S101 (asked before)
    return {
        "names": series.names,
        "verdicts": series.verdicts,
        "days": series.days.tolist(),
        "position": _round(series.position_m, 2),
        "sigma": _round(series.uncertainty_m, 2),
        "rate": _round(series.rate_m, 3),
    }


def _round(values: NDArray[np.float64], places: int) -> Any:  # noqa: ANN401 (lists as deep as the array)
    """Numbers as JSON has them, which knows no NaN."""
    known = values.round(places).astype(object)
    known[~np.isfinite(values)] = None
    return known.tolist()


def _name_crs(page: Page) -> str:
    authority = page.plane.crs.to_authority()
    return ":".join(authority) if authority else ""


def _list_pictures(page: Page) -> list[Picture]:
    """One a key, the first."""
    return list({picture.key: picture for picture in reversed(page.pictures)}.values())[::-1]


def _list_layers(page: Page) -> list[Features]:
    """One a key, the uppermost layer first."""
    seen: dict[str, list[Features]] = {}
    for layer in reversed(page.features):
        seen.setdefault(layer.key, []).append(layer)
    return [layers[0] for layers in seen.values()]


def _as_json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("</", "<\\/")


@cache
def _read_bokeh() -> str:
    """BokehJS without its widgets; its own words on its licence (BSD, three clauses) stand in it."""
    return "\n".join(Resources(mode="inline", components=["bokeh"], log_level="warn").js_raw).replace(
        "</script", "<\\/script"
    )


@cache
def _read_template() -> Any:  # noqa: ANN401 (jinja2 is not worth a name)
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html.j2")
