"""A page's map and plot as Bokeh documents, ready to be embedded.

What is switched on and off carries tags that the page's script reads: ``[key, frame, level]``, frame -1 for all dates.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from bokeh.embed import json_item
from bokeh.models import (
    BoxZoomTool,
    ColumnDataSource,
    GlyphRenderer,
    HoverTool,
    MultiLine,
    MultiPolygons,
    PanTool,
    Range1d,
    ScaleBar,
    TapTool,
    WheelZoomTool,
    Whisker,
)
from bokeh.plotting import figure

from pipeline.view.plane import Plane
from pipeline.view.values import Features, Picture, Series

__all__ = ["build_map", "build_plot", "write_document"]

_PAPER: Final = "#e4e9ec"
_CASING: Final = "#10182b"
_INK: Final = "#16202a"
_REACH_PX: Final = 14
"""How wide a line is to the pointer."""

_DAY_MS: Final = 86_400_000

_ID = re.compile(r'"(p\d{4,})"')


def build_map(plane: Plane, pictures: Sequence[Picture], features: Sequence[Features]) -> figure:
    """Build the map: pictures below, features above.

    Args:
        plane: Its bounds are shown first.
        pictures: The first is visible.
        features: From the lowest to the uppermost.
    """
    box, wheel = plane.box, WheelZoomTool()
    margin = 0.05 * box.longest
    plot = figure(
        name="map",
        x_range=Range1d(box.left - margin, box.right + margin),
        y_range=Range1d(box.bottom - margin, box.top + margin),
        tools=[PanTool(), wheel, BoxZoomTool(match_aspect=True), TapTool()],
        active_scroll=wheel,
        toolbar_location=None,
        sizing_mode="stretch_both",
        outline_line_color=None,
        min_border=0,
        lod_threshold=None,
        background_fill_color=_PAPER,
        border_fill_color=_PAPER,
    )
    plot.axis.visible = False
    plot.grid.visible = False
    for number, picture in enumerate(pictures):
        _add_picture(plot, picture, visible=number == 0)
    for layer in features:
        if layer.kind == "areas":
            _add_areas(plot, layer)
        else:
            _add_lines(plot, layer)
    plot.add_layout(_build_scale_bar(plot))
    return plot


def _build_scale_bar(plot: figure) -> ScaleBar:
    return ScaleBar(
        range=plot.x_range,
        unit="m",
        location="bottom_left",
        length_sizing="adaptive",
        bar_length=0.14,
        background_fill_color="#ffffff",
        background_fill_alpha=0.85,
        border_line_color=None,
        bar_line_color=_INK,
        bar_line_width=2,
        label_text_color=_INK,
        label_text_font="system-ui, sans-serif",
        label_text_font_size="12px",
        label_standoff=3,
        padding=8,
        margin=10,
    )


def _add_picture(plot: figure, picture: Picture, *, visible: bool) -> None:
    for level in sorted({tile.level for tile in picture.tiles}):
        tiles = [tile for tile in picture.tiles if tile.level == level]
        source = ColumnDataSource(
            {
                "url": [f"data:image/webp;base64,{base64.b64encode(tile.data).decode()}" for tile in tiles],
                "x": [tile.box.left for tile in tiles],
                "y": [tile.box.top for tile in tiles],
                "w": [tile.box.right - tile.box.left for tile in tiles],
                "h": [tile.box.top - tile.box.bottom for tile in tiles],
            }
        )
        renderer = plot.image_url(
            url="url", x="x", y="y", w="w", h="h", anchor="top_left", source=source, level="image"
        )
        _tag(renderer, picture.key, picture.frame, level)
        renderer.visible = visible and level == 0


def _add_lines(plot: figure, layer: Features) -> None:
    source = _make_source(layer, {"xs": list(layer.xs), "ys": list(layer.ys)})
    colour = {"value": layer.colours} if isinstance(layer.colours, str) else {"field": "colour"}
    dash = [7, 4] if layer.dashed else "solid"
    style: dict[str, Any] = {"line_join": "round", "line_cap": "butt" if layer.dashed else "round"}
    drawn = [
        plot.multi_line(
            "xs", "ys", source=source, line_color=ink, line_width=width, line_alpha=alpha, line_dash=dash, **style
        )
        for ink, width, alpha in ((_CASING, layer.width + 2.2, 0.55), (colour, layer.width, 1.0))
    ]
    for renderer in drawn:
        renderer.nonselection_glyph = None
        renderer.selection_glyph = None
    # What the pointer finds is wider than what is seen, and shows which line it is.
    reach = plot.add_glyph(
        source,
        MultiLine(xs="xs", ys="ys", line_width=_REACH_PX, line_alpha=0.0),
        hover_glyph=MultiLine(xs="xs", ys="ys", line_width=5, line_alpha=0.9, line_color="#ffffff", **style),
        selection_glyph=MultiLine(xs="xs", ys="ys", line_width=5, line_alpha=1, line_color="#ffffff", **style),
    )
    reach.nonselection_glyph = None
    for renderer in (*drawn, reach):
        _tag(renderer, layer.key, layer.frame, 0)
        renderer.visible = layer.shown
    _add_hover(plot, layer, reach)


def _add_areas(plot: figure, layer: Features) -> None:
    source = _make_source(layer, {"xs": list(layer.xs), "ys": list(layer.ys)})
    colour = {"value": layer.colours} if isinstance(layer.colours, str) else {"field": "colour"}
    renderer = plot.multi_polygons(
        "xs",
        "ys",
        source=source,
        fill_color=colour,
        fill_alpha=layer.opacity,
        line_color=colour,
        line_width=layer.width,
    )
    renderer.nonselection_glyph = None
    renderer.hover_glyph = MultiPolygons(
        xs="xs", ys="ys", fill_color=colour, fill_alpha=min(1, layer.opacity + 0.25), line_color="#ffffff", line_width=2
    )
    _tag(renderer, layer.key, layer.frame, 0)
    renderer.visible = layer.shown
    _add_hover(plot, layer, renderer)


def _make_source(layer: Features, geometry: dict[str, Any]) -> ColumnDataSource:
    columns: dict[str, Any] = dict(geometry)
    if not isinstance(layer.colours, str):
        columns["colour"] = list(layer.colours)
    if layer.transects is not None:
        columns["transect"] = list(layer.transects)
    for number, values in enumerate(layer.facts.values()):
        if not isinstance(values, str):
            columns[f"fact{number}"] = list(values)
    return ColumnDataSource(columns, name=f"{layer.key} source", tags=["has series"] if "transect" in columns else [])


def _add_hover(plot: figure, layer: Features, renderer: GlyphRenderer) -> None:
    rows = "".join(
        f'<span style="color:#66727c">{html.escape(label)}</span><span>{_name_fact(number, values)}</span>'
        for number, (label, values) in enumerate(layer.facts.items())
        if len(values)
    )
    tooltip = (
        f'<div style="font:12.5px/1.45 system-ui,sans-serif;color:{_INK};max-width:340px">'
        f'<div style="font-weight:600;margin-bottom:2px">{html.escape(layer.title)}</div>'
        f'<div style="display:grid;grid-template-columns:auto 1fr;column-gap:9px">{rows}</div></div>'
    )
    hover = HoverTool(renderers=[renderer], tooltips=tooltip, line_policy="interp", limit=3)
    hover.point_policy = "follow_mouse"
    plot.add_tools(hover)


def _name_fact(number: int, values: str | Sequence[str]) -> str:
    """What holds of all as it is, else the name of the column."""
    return html.escape(values).replace("@", "&#64;") if isinstance(values, str) else f"@fact{number}"


def _tag(renderer: GlyphRenderer, key: str, frame: int | None, level: int) -> None:
    renderer.tags = [key, -1 if frame is None else frame, level]


def build_plot(series: Series) -> figure:
    """Build the plot of one transect, the one with the greatest rate first; the page's script changes it.

    Args:
        series: Of all transects.
    """
    plot = figure(
        name="plot",
        x_axis_type="datetime",
        height=210,
        sizing_mode="stretch_width",
        tools=[PanTool(dimensions="width"), WheelZoomTool(dimensions="width")],
        toolbar_location=None,
        outline_line_color=None,
        y_axis_label="metres, seaward up",
    )
    plot.y_range.range_padding = 0.3
    plot.axis.axis_label_text_font_style = "normal"
    plot.axis.axis_line_color = plot.axis.major_tick_line_color = plot.axis.minor_tick_line_color = "#9aa5ad"
    plot.grid.grid_line_color = "#e3e8eb"
    # Whatever stands here at first is replaced by the page's script; a plot of nothing has no range.
    known = np.isfinite(series.position_m)
    first = [float(series.days.min()) * _DAY_MS] if series.days.size else [0.0]
    level = [float(series.position_m[known].mean()) if known.any() else 0.0]
    start = {"t": first, "position": level}
    points = ColumnDataSource(
        start | {"low": level, "high": level, "when": [""], "sigma": [0.0]},
        name="plot points",
    )
    fit = ColumnDataSource(start, name="plot fit")
    plot.line("t", "position", source=fit, line_color="#c0392b", line_width=2, line_dash=[6, 3])
    whisker = Whisker(base="t", lower="low", upper="high", source=points, line_color="#7d8a94", level="underlay")
    whisker.upper_head.size = whisker.lower_head.size = 5
    plot.add_layout(whisker)
    dots = plot.scatter("t", "position", source=points, size=7, color="#1f6fb2", line_color="#ffffff")
    plot.add_tools(
        HoverTool(renderers=[dots], tooltips=[("date", "@when"), ("position", "@position{0.0} m ± @sigma{0.0} m")])
    )
    return plot


def write_document(plot: figure, target: str) -> str:
    """A plot as the JSON that BokehJS embeds; the same plot gives the same text, whatever was made before it.

    Args:
        plot: The plot.
        target: Id of the element that it goes into.
    """
    item: Any = json_item(plot, target)
    text = json.dumps(item["doc"], separators=(",", ":"), default=_encode, ensure_ascii=False)
    names: dict[str, str] = {}
    text = _ID.sub(lambda match: f'"{names.setdefault(match[1], f"p{len(names) + 1}")}"', text)
    root = names[item["root_id"]]
    return f'{{"target_id":"{target}","root_id":"{root}","doc":{text},"base_url":null}}'.replace("</", "<\\/")


def _encode(value: Any) -> Any:  # noqa: ANN401 (what json does not know)
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no JSON")
