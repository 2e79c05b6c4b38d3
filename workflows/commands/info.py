"""``strandline info SCENE``: what it is, before anything is mapped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from tiles.times import has_time_of_day

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pipeline.mapping.info import SceneInfo
    from tiles.scene import Radiometry, Scene

__all__ = ["info", "render_info"]


def info(
    scene: Annotated[str, typer.Argument(help="A SAFE folder or zip, a STAC item, a raster, a folder of bands.")],
    *,
    bands: Annotated[str | None, typer.Option(help="Band names in order, for a stack without them.")] = None,
    scale: Annotated[float | None, typer.Option(help="Reflectance a DN, for a stack without metadata.")] = None,
    offset: Annotated[float | None, typer.Option(help="DN to add before scaling, such as -1000.")] = None,
    nodata: Annotated[float | None, typer.Option(help="DN of missing pixels; nan: NaN alone.")] = None,
    date: Annotated[str | None, typer.Option(help="When a stack was sensed, as 2024-06-01T11:20Z, UTC.")] = None,
    any_platform: Annotated[
        bool, typer.Option("--any-platform", help="Take a STAC item of another satellite.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")] = False,
) -> None:
    """Say what a scene is: product, baseline, bands, offsets and who says so, CRS, share of nodata and cloud."""
    import json

    from models.runtimes.registry import list_models
    from pipeline.mapping.info import describe_scene
    from pipeline.predict.inputs import describe_fit
    from tiles.products.open import StackOptions, open_scene

    names = tuple(name.strip() for name in bands.split(",")) if bands else None
    said = {"scale": scale, "offset": offset, "nodata": nodata, "date": date, "any_platform": any_platform}
    options = StackOptions.pick(said, bands=names)
    described = describe_scene(open_scene(scene, options=options))
    fits = {card.name: describe_fit(described.scene, card) for card in list_models()}
    if as_json:
        typer.echo(json.dumps(described.to_dict() | {"models": fits}, indent=2))
        return
    from rich.console import Console

    Console().print(render_info(described, fits=fits))


def render_info(described: SceneInfo, *, fits: Mapping[str, str] | None = None) -> RenderableType:
    """Lay out a scene for a terminal.

    Args:
        described: The scene and what a quick look at it showed.
        fits: Whether a model can map it, in words, by the model's name.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold")
    facts.add_column(overflow="fold")
    models = [("Model", f"{name}: {fit}") for name, fit in (fits or {}).items()]
    for name, value in (*_list_facts(described), *models):
        facts.add_row(name, Text(value))
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("Band", "Wavelength", "Pixel", "Size", "Offset"):
        table.add_column(heading, justify="left" if heading == "Band" else "right")
    for row in _list_bands(described):
        table.add_row(*row)
    return Group(facts, Text(), table)


def _list_facts(described: SceneInfo) -> list[tuple[str, str]]:
    scene = described.scene
    radiometry = scene.radiometry
    kinds = {"safe": "product of ESA", "stac": "STAC item", "stack": "raster stack", "eopf": "product of ESA in Zarr"}
    facts = [
        ("Scene", scene.id),
        ("Kind", f"{'simulated ' if scene.simulated else ''}{kinds[scene.kind]}, level {scene.level}"),
        ("Baseline", scene.baseline or "unknown"),
        ("Platform", scene.platform or "unknown"),
        ("Acquired", _acquired(scene)),
        ("CRS", scene.grid.crs.to_string()),
        ("Grid", f"{scene.grid.width} × {scene.grid.height} px of {_pixel(scene.grid.resolution, described)}"),
        ("Bounds", ", ".join(f"{value:.10g}" for value in scene.grid.bounds)),
        ("Reflectance", f"(DN + offset) / {_divisors(radiometry)}, offset {_offsets(described)}"),
        ("Who says so", radiometry.source),
        ("Nodata", f"{described.nodata_share:.1%}; {_nodata_rule(described)}"),
        ("Cloud", _cloud(described)),
    ]
    facts += [("Doubt", doubt) for doubt in radiometry.doubts]
    return facts + [("Note", note) for note in scene.notes]


def _list_bands(described: SceneInfo) -> list[tuple[str, str, str, str, str]]:
    rows = []
    for band in described.to_dict()["bands"]:
        pixel = _pixel(band["resolution"], described)
        size = f"{band['width']} × {band['height']}"
        rows.append((band["name"], f"{band['wavelength_nm']:.0f} nm", pixel, size, f"{band['offset']:g}"))
    return rows


def _acquired(scene: Scene) -> str:
    if scene.acquired is None:
        return "unknown" if scene.kind in {"safe", "eopf"} else "unknown (--date says it)"
    time = f"{scene.acquired:%H:%M:%S} UTC" if has_time_of_day(scene.acquired) else "at a time that is not known"
    return f"{scene.acquired:%Y-%m-%d} {time} ({scene.date_source or 'who says so is not recorded'})"


def _pixel(resolution: tuple[float, float], described: SceneInfo) -> str:
    x, y = resolution
    unit = "m" if described.scene.grid.crs.is_projected else "°"
    return f"{x:.4g} {unit}" if abs(x - y) < 1e-9 else f"{x:.4g} × {y:.4g} {unit}"


def _divisors(radiometry: Radiometry) -> str:
    single = ", ".join(f"{name} {value:g}" for name, value in radiometry.quantifications.items())
    return f"{radiometry.quantification:g}" + (f" ({single})" if single else "")


def _offsets(described: SceneInfo) -> str:
    values = sorted(set(described.scene.radiometry.offsets.values()))
    return f"{values[0]:g} in all bands" if len(values) == 1 else "by band (below)"


def _nodata_rule(described: SceneInfo) -> str:
    scene, radiometry = described.scene, described.scene.radiometry
    rule = f"{_marker(radiometry.nodata)} in {'any band' if radiometry.nodata_rule == 'any' else 'all bands at once'}"
    single = [f"{name} {_marker(value)}" for name, value in radiometry.markers.items()]
    fills = [f"{_marker(value)} in all bands" for value in radiometry.fills]
    masked = ", ".join(band.name for band in scene.bands if band.masks)
    masks = [f"the files' own mask ({'all bands' if all(b.masks for b in scene.bands) else masked})"] if masked else []
    return "; ".join([rule, *single, *fills, *masks])


def _marker(value: float | None) -> str:
    return "NaN" if value is None else f"DN {value:g}"


def _cloud(described: SceneInfo) -> str:
    stated = described.scene.cloud_percent
    parts = [] if stated is None else [f"{stated:.1f}% stated"]
    if described.cloud_share is not None and described.shadow_share is not None:
        parts.append(f"{described.cloud_share:.1%} of SCL is cloud, {described.shadow_share:.1%} its shadow")
    return "; ".join(parts) or "unknown (no SCL)"
