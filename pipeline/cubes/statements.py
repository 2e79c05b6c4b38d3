"""What is said of a cube's dates: by the STAC items that it was loaded from, or by what the loader left of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import xarray as xr

from pipeline.cubes.layout import CubeLayout
from tiles.errors import SceneError
from tiles.products.name import has_offset
from tiles.products.radiometry import QUANTIFICATION
from tiles.products.stac_item import StacItem, parse_stac_item, state_item_offset
from tiles.scene import Level

__all__ = ["Statements", "find_level", "find_statements"]

_NEAREST = timedelta(hours=18)
"""An item belongs to the nearest date, but not to one that is farther away: loaders join the passes of a solar day."""

_PROPERTIES = (
    "earthsearch:boa_offset_applied",
    "sentinel:boa_offset_applied",
    "s2:processing_baseline",
    "sentinel:processing_baseline",
    "processing:version",
    "processing:level",
    "s2:product_type",
    "s2:product_uri",
    "sentinel:product_id",
    "platform",
    "constellation",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """What is said.

    Attributes:
        items: What the items of each date say; empty for a date of which nobody says anything.
        names: The dates in words.
        scale: Reflectance a DN that the loader left beside the values of most bands, or the items state.
        scales: The bands of another scale, by name; ``None``: of them nobody says it.
        scale_source: Who says that scale.
        add_offset: Reflectance to add a band, as the loader left it (CF's ``add_offset``).
        applied: Reflectance that the loader has added already a band, where it scaled the values itself.
        is_decoded: The loader applied CF's scale.
        nodata: The files' marker, where a loader made NaN of it.
    """

    items: tuple[tuple[StacItem, ...], ...]
    names: tuple[str, ...]
    scale: float | None = None
    scales: Mapping[str, float | None] = field(default_factory=dict)
    scale_source: str = ""
    add_offset: Mapping[str, float]
    applied: Mapping[str, float]
    is_decoded: bool = False
    nodata: float | None = None

    def get_scale(self, band: str) -> float | None:
        """Reflectance a DN of a band, or ``None`` where nobody says it."""
        return self.scales.get(band, self.scale)

    def is_before_offsets(self, step: int) -> bool:
        """Whether a date is known to be of a baseline that had no offset yet."""
        baselines = [item.baseline for item in self.items[step]]
        return bool(baselines) and all(has_offset(baseline) is False for baseline in baselines)

    def state_offset(
        self, step: int, bands: Iterable[str], quantification: float
    ) -> tuple[dict[str, float], str] | None:
        """The DN to add a band on a date and who says so, or ``None`` where nobody does.

        Args:
            step: The date.
            bands: Names of the bands.
            quantification: DN per unit of reflectance; 1: the values are reflectance.

        Raises:
            SceneError: The items of one date contradict each other.
        """
        names = tuple(bands)
        fractions = quantification == 1
        applied = self.applied if fractions else {}
        # Reflectance of unknown making: what is said of the DN may have been heeded, or not.
        items = () if fractions and not applied else self.items[step]
        statements = [_state_item_offset(item, names, quantification, applied) for item in items]
        known = [statement for statement in statements if statement is not None]
        if known:
            if any(offsets != known[0][0] for offsets, _ in known) or len(known) < len(statements):
                raise SceneError(
                    f"Expected the items of {self.names[step]} to agree on their offset, found "
                    f"{' and '.join(source for _, source in known)}. Load them as dates of their own (groupby='id')."
                )
            return known[0]
        if self.is_decoded and any(applied.values()):
            return dict.fromkeys(names, 0.0), "add_offset, which the loader applied"
        if any(self.add_offset.values()) and not (fractions and self.scale is not None):
            return {name: _convert_term(self.add_offset.get(name, 0.0), quantification) for name in names}, "add_offset"
        return None


def _convert_term(value: float, quantification: float) -> float:
    """The DN to add, of what is stated in reflectance (-0.1) or in DN (-1000)."""
    return round(value * quantification, 6) if abs(value) < 1 else value


def _state_item_offset(
    item: StacItem, names: tuple[str, ...], quantification: float, applied: Mapping[str, float]
) -> tuple[dict[str, float], str] | None:
    """As ``state_item_offset`` says it for DN; where a loader scaled, what it should have added less what it did."""
    statement = state_item_offset(item)
    if statement.offset is None:
        return None
    a_band = statement.authority == "bands"
    offsets = {}
    for name in names:
        asset = item.assets.get(name)
        stated = asset.offset if a_band and asset is not None else None
        truth = statement.offset / QUANTIFICATION if stated is None else stated
        offsets[name] = round((truth - applied.get(name, 0.0)) * quantification, 6)
    return offsets, statement.source


def find_statements(layout: CubeLayout, items: Iterable[Any] | None, *, any_platform: bool = False) -> Statements:
    """Gather what is said of a cube.

    Args:
        layout: The cube.
        items: The STAC items that it was loaded from (pystac's, or their JSON), or ``None``.
        any_platform: They may be of other missions than Sentinel-2.

    Raises:
        SceneError: An item is none, is of another mission, or a date of the cube has none.
    """
    names = tuple(layout.name_step(step) for step in range(layout.steps))
    if items is not None:
        step_items = _match_items(layout, items, names, any_platform=any_platform)
    else:
        step_items = _read_hints(layout, any_platform=any_platform)
    floating = any(array.dtype.kind == "f" for array in layout.bands.values())
    decoded = {_read_cf_number(array.encoding, "scale_factor", 1.0) for array in layout.bands.values()} - {0.0, 1.0}
    pending = {name: _read_pending_scale(array) for name, array in layout.bands.items()}
    is_pending = any(scale is not None for scale in pending.values())
    scales = pending if is_pending else {name: _find_stated_scale(name, step_items) for name in layout.bands}
    usual = Counter(scales.values()).most_common(1)[0][0]
    is_decoded = floating and bool(decoded)
    if is_decoded:
        applied = {name: _read_cf_number(array.encoding, "add_offset", 0.0) for name, array in layout.bands.items()}
    else:  # floating-point bands with raster:bands beside them: stackstac's, which applies both if it scales at all
        applied = _read_band_hints(layout, "offset", 0.0) if floating else {}
    nodata = {_read_cf_number(array.encoding, "_FillValue", np.nan) for array in layout.bands.values()}
    nodata |= {*_read_band_hints(layout, "nodata", np.nan).values()}
    markers = {value for value in nodata if np.isfinite(value)}
    return Statements(
        items=step_items,
        names=names,
        scale=usual,
        scales={name: scale for name, scale in scales.items() if scale != usual},
        scale_source="scale_factor of the cube" if is_pending else "raster:bands of the items",
        add_offset={name: _read_cf_number(array.attrs, "add_offset", 0.0) for name, array in layout.bands.items()},
        applied=applied,
        is_decoded=is_decoded,
        nodata=markers.pop() if len(markers) == 1 else None,
    )


def _read_pending_scale(array: xr.DataArray) -> float | None:
    """CF's scale that is still to be applied to a band; ``None`` where none is stated, or 1."""
    scale = _read_cf_number(array.attrs, "scale_factor", 1.0)
    return None if scale in {0.0, 1.0} else scale


def _find_stated_scale(name: str, step_items: Iterable[Iterable[StacItem]]) -> float | None:
    """The scale that items of all dates state for a band."""
    assets = [item.assets[name] for items in step_items for item in items if name in item.assets]
    scales = {asset.scale for asset in assets if asset.scale}
    if len(scales) > 1:
        raise SceneError(f"Expected one scale of {name} for all dates, found {sorted(scales)}. Give scale=.")
    return next(iter(scales), None)


def find_level(statements: Statements) -> Level:
    """The processing level that the items state, ``unknown`` where they state none or several."""
    levels = {item.level for step in statements.items for item in step}
    return levels.pop() if len(levels) == 1 else "unknown"


def _read_cf_number(attributes: Mapping[Any, Any], word: str, default: float) -> float:
    value = attributes.get(word)
    return default if value is None else float(np.asarray(value).ravel()[0])


def _match_items(
    layout: CubeLayout, items: Iterable[Any], names: tuple[str, ...], *, any_platform: bool
) -> tuple[tuple[StacItem, ...], ...]:
    parsed = [
        parse_stac_item(_convert_item(item), where=str(getattr(item, "id", "items=")), any_platform=any_platform)
        for item in items
    ]
    if layout.time_dim is None or layout.time_dim not in layout.coords:
        return (tuple(parsed),) * layout.steps
    times = layout.coords[layout.time_dim].values
    if times.dtype.kind != "M":
        raise SceneError(f"Expected dates along {layout.time_dim} to match items with, found {times.dtype}.")
    dates = [datetime.fromtimestamp(int(t) / 1e6, tz=UTC) for t in times.astype("datetime64[us]").astype(np.int64)]
    groups: list[list[StacItem]] = [[] for _ in dates]
    for item in parsed:
        if item.acquired is not None:
            gaps = [abs(item.acquired - date) for date in dates]
            for step, gap in enumerate(gaps):  # dates that come twice (groupby="id") share their items
                if gap == min(gaps) <= _NEAREST:
                    groups[step].append(item)
    empty = [name for name, group in zip(names, groups, strict=True) if not group]
    if empty:
        raise SceneError(
            f"Expected an item for each date of the cube, found none for {', '.join(empty[:3])}. Give all of the items "
            "that it was loaded from."
        )
    return tuple(map(tuple, groups))


def _convert_item(item: object) -> object:
    to_dict = getattr(item, "to_dict", None)
    return to_dict() if callable(to_dict) else item


def _read_hints(layout: CubeLayout, *, any_platform: bool) -> tuple[tuple[StacItem, ...], ...]:
    """Items as far as stackstac left them among the coordinates."""
    assets = {
        name: {"href": "", "raster:bands": [entry]}
        for name in layout.bands
        if (entry := _read_band_hint(layout, name)) is not None
    }
    steps: list[tuple[StacItem, ...]] = []
    for step in range(layout.steps):
        properties = {word: value for word in _PROPERTIES if (value := _read_hint(layout, word, step)) is not None}
        if not assets and not properties:
            steps.append(())
            continue
        every = assets or {name: {"href": ""} for name in layout.bands}
        document = {"type": "Feature", "id": "", "properties": properties, "assets": every}
        steps.append((parse_stac_item(document, where="the cube", any_platform=any_platform),))
    return tuple(steps)


def _read_hint(layout: CubeLayout, word: str, step: int) -> Any:  # noqa: ANN401 (a property may be anything)
    coord = layout.hints.get(word)
    if coord is None or (coord.ndim and coord.dims != (layout.time_dim,)):
        return None
    value = coord.values[step] if coord.ndim else coord.values
    plain = np.asarray(value).item()
    return None if plain is None or plain != plain or plain == "" else plain  # noqa: PLR0124 (NaN)


def _read_band_hint(layout: CubeLayout, name: str) -> dict[str, Any] | None:
    """What stackstac left of an asset's ``raster:bands``: beside each band's array, or along the dimension."""
    array = layout.bands[name]
    coord = array.coords.get("raster:bands")
    candidates = [] if coord is None or coord.ndim else [coord.values.item()]
    for entry in (*candidates, array.attrs.get("raster:bands")):
        first = entry[0] if isinstance(entry, (list, tuple)) and entry else entry
        if isinstance(first, dict):
            return first
    return None


def _read_band_hints(layout: CubeLayout, word: str, default: float) -> dict[str, float]:
    entries = {name: _read_band_hint(layout, name) for name in layout.bands}
    return {name: _read_cf_number(entry, word, default) for name, entry in entries.items() if entry is not None}
