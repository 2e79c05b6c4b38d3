"""Open a stack: one raster with a band a channel, or a folder with a file a band; metadata is scant or absent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePath
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator, model_validator

from tiles.bands import BANDS, L2A_STACK, drop_counts, resolve_band, resolve_naming
from tiles.errors import BandError, OptionError, SceneError, UnnamedBandsError
from tiles.options import Options
from tiles.products.dates import SensingTime, resolve_stack_time
from tiles.products.dn_samples import DnSamples, read_samples
from tiles.products.files import BandFile, find_band_files
from tiles.products.fills import describe_fills, is_beyond_reflectance, resolve_fills
from tiles.products.headers import (
    RasterHeader,
    read_header,
    resolve_gdal_path,
    resolve_scene_grid,
    sort_bands,
)
from tiles.products.name import ProductName, describe_baseline, has_offset, make_scene_id, parse_product_name
from tiles.products.radiometry import (
    EVIDENCE_BANDS,
    OFFSET_DN,
    QUANTIFICATION,
    OffsetDecision,
    OffsetStatement,
    compute_offset_evidence,
    resolve_nodata_rule,
    resolve_offset,
)
from tiles.scene import BandSource, Level, Radiometry, Scene
from tiles.times import parse_moment

__all__ = ["StackOptions", "open_band_folder", "open_stack"]

_SKIP = "-"
_FEWEST = 4
"""Bands: a raster with fewer and no names is no scene (a DEM, a mask); one with as many may well be."""
_L1C_STACK = tuple(BANDS)


class StackOptions(Options):
    """What the user knows of a stack that does not say it: ``reflectance = (DN + offset) * scale``.

    Attributes:
        bands: Names of the file's bands in order (``B02``, ``SCL``; ``-`` for one to be skipped), or ``None``: as
            described in the file.
        scale: Reflectance a DN, usually 0.0001; 1 where pixels hold reflectance. ``None``: as found.
        offset: DN to add before scaling, usually -1000 or 0, for all bands. ``None``: as found.
        nodata: DN of missing pixels. ``None``: as the file says, else 0.
        date: When it was sensed: a moment, or a text by ISO 8601, in UTC where it names no zone, as a day alone where
            the time is not known. ``None``: as found.
        any_platform: A STAC item may be of another mission than Sentinel-2, whose bands go by the same names.

    Raises:
        OptionError: The scale is not positive, a band's name means nothing, or comes twice, or the date is none.
    """

    bands: tuple[str, ...] | None = None
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    date: datetime | None = None
    any_platform: bool = False

    @field_validator("date", mode="before")
    @classmethod
    def _check_date(cls, said: object) -> datetime | None:
        moment = None if said is None else parse_moment(said)
        if said is not None and (moment is None or moment > datetime.now(UTC) + timedelta(days=1)):
            raise OptionError(
                f"Expected --date as a day or a moment that has passed (2024-06-01, 2024-06-01T11:20Z), found {said}."
            )
        return moment

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        if self.scale is not None and not self.scale > 0:
            raise OptionError(f"Expected --scale above 0 (reflectance a DN, usually 0.0001), found {self.scale}.")
        named = [name for name in map(_resolve_channel, self.bands or ()) if name != _SKIP]
        unknown = [text for text in self.bands or () if not _resolve_channel(text)]
        if unknown:
            raise OptionError(
                f"Expected names of Sentinel-2 bands in --bands, found {', '.join(unknown)}. "
                f"Known are {', '.join(BANDS)}, SCL, and - for a band to skip."
            )
        if len(set(named)) < len(named):
            raise OptionError(f"Expected each band once in --bands, found {', '.join(self.bands or ())}.")
        return self


def _resolve_channel(text: str) -> str:
    """Name of a band, ``SCL``, ``-`` or nothing."""
    word = text.strip()
    return word.upper() if word.upper() in {"SCL", _SKIP} else resolve_band(word) or ""


def open_stack(path: str, *, options: StackOptions) -> Scene:
    """Open one raster that holds the bands.

    Args:
        path: A file or URL, or a path that GDAL knows (``/vsi...``).
        options: What the file does not say.

    Raises:
        SceneError: Its bands are unknown, or its values cannot be told.
        RasterReadError: GDAL cannot open it.
        GridError: It has no usable CRS, or is rotated.
    """
    header = read_header(resolve_gdal_path(path))
    channels, notes = _resolve_channels(header, options, path)
    indexes = {name: index for index, name in enumerate(channels, start=1) if name not in {"", _SKIP}}
    sources = {name: header.make_source(name, index=index, bands=indexes.values()) for name, index in indexes.items()}
    named = parse_product_name(" ".join([path, *header.tags.values()]))
    sensed = resolve_stack_time(
        PurePath(path), said=options.date, names=[PurePath(path.split("?", 1)[0]).name], tags=header.tags
    )
    return _make_scene(path, sources, dict.fromkeys(sources, header), options, (named, sensed, notes))


def open_band_folder(folder: Path, *, names: Sequence[str], options: StackOptions) -> Scene:
    """Open a folder with a file a band.

    Args:
        folder: The folder.
        names: The files within, relative to it.
        options: What the files do not say; ``bands`` is refused.

    Raises:
        BandError: Two files claim to be the same band.
        SceneError: Bands lie on different ground, or their values cannot be told.
        RasterReadError: GDAL cannot open a file.
        GridError: A file has no usable CRS, or is rotated.
    """
    if options.bands is not None:
        raise SceneError(f"--bands names the bands of one file; in the folder {folder} the files' names say it.")
    files = _choose_files(folder, find_band_files(names))
    headers = {name: read_header(str(folder / file.name)) for name, file in files.items()}
    sources = {name: header.make_source(name, bands=(1,)) for name, header in headers.items()}
    named = parse_product_name(" ".join([str(folder.resolve()), *(file.name for file in files.values())]))
    listed = [folder.resolve().name, *(Path(file.name).name for file in files.values())]
    sensed = resolve_stack_time(folder.resolve(), said=options.date, names=listed, tags=headers[next(iter(files))].tags)
    return _make_scene(str(folder), sources, headers, options, (named, sensed, ()))


def _choose_files(folder: Path, files: Sequence[BandFile]) -> dict[str, BandFile]:
    chosen: dict[str, BandFile] = {}
    for file in sorted(files, key=lambda file: (file.resolution_m or 0, file.name)):
        other = chosen.setdefault(file.band, file)
        if other is not file and other.resolution_m == file.resolution_m:
            raise BandError(
                f"Expected one file for {file.band}, found {other.name} and {file.name} in {folder}. "
                "Give a folder with the bands of one scene."
            )
    return chosen


def _resolve_channels(header: RasterHeader, options: StackOptions, path: str) -> tuple[list[str], tuple[str, ...]]:
    """Which band each channel of a file is, and how that is known."""
    if options.bands is not None:
        return _take_users_names(header, options.bands, path), ()
    labels = [
        "" if index == header.alpha and not _resolve_channel(text) else text
        for index, text in enumerate(header.descriptions, 1)
    ]
    naming = resolve_naming(labels)
    if naming == "ambiguous":
        names = ",".join(resolve_band(label) or _SKIP for label in labels)
        raise BandError(
            f"Expected names of Sentinel-2 bands in {path}, found {', '.join(filter(None, labels))}, which may as well "
            f"only count the file's bands. Say which they are: --bands {names} if these are their names."
        )
    channels = [_resolve_channel(text) for text in (drop_counts(labels) if naming == "counted" else labels)]
    known = [name for name in channels if name not in {"", _SKIP}]
    if len(set(known)) < len(known):
        raise BandError(f"Expected each band once in {path}, found {', '.join(known)}. Name them with --bands.")
    if any(name != "SCL" for name in known):
        ignored = [
            text or f"band {i}"
            for i, text in enumerate(header.descriptions, 1)
            if not channels[i - 1] and i != header.alpha
        ]
        return channels, (
            (f"Bands left out, as they are none of Sentinel-2: {', '.join(ignored)}.",) if ignored else ()
        )
    return _assume_order(header, path)


def _take_users_names(header: RasterHeader, bands: Sequence[str], path: str) -> list[str]:
    names = [_resolve_channel(text) for text in bands]
    if header.alpha is not None and len(names) == header.count - 1:
        names.insert(header.alpha - 1, _SKIP)
    if len(names) != header.count:
        raise SceneError(
            f"Expected {header.count} names in --bands, one a band of {path}, found {len(bands)}: "
            f"{', '.join(bands)}. Use - for a band to skip."
        )
    return names


def _assume_order(header: RasterHeader, path: str) -> tuple[list[str], tuple[str, ...]]:
    """The order of a full stack, where no band has a name."""
    count = header.count - (header.alpha is not None)
    order = {len(L2A_STACK): L2A_STACK, len(_L1C_STACK): _L1C_STACK}.get(count)
    if order is None:
        labels = ", ".join(filter(None, header.descriptions))
        is_picture = header.dtypes[0] in {"uint8", "int8"}
        raise (SceneError if count < _FEWEST or is_picture else UnnamedBandsError)(
            f"Expected named bands, or 12 (L2A) or 13 (L1C) without names, found {header.count} without names of "
            f"Sentinel-2 in {path}{f' ({labels})' if labels else ''}. Name them in order: --bands B02,B03,B04,B08."
        )
    names = list(order)
    if header.alpha is not None:
        names.insert(header.alpha - 1, _SKIP)
    level = "L2A" if order is L2A_STACK else "L1C"
    return names, (f"The {count} bands have no names: the {level} order was assumed ({', '.join(order)}).",)


def _make_scene(
    source: str,
    sources: Mapping[str, BandSource],
    headers: Mapping[str, RasterHeader],
    options: StackOptions,
    known: tuple[ProductName | None, SensingTime, tuple[str, ...]],
) -> Scene:
    named, sensed, notes = known
    bands = sort_bands([band for name, band in sources.items() if name != "SCL"])
    if not bands:
        raise BandError(f"No Sentinel-2 band was found in {source}: only {', '.join(sources)}.")
    return Scene(
        id=make_scene_id(source),
        source=source,
        kind="stack",
        level=_resolve_level(bands, named),
        bands=bands,
        grid=resolve_scene_grid(bands, where=source),
        radiometry=resolve_stack_radiometry(bands, headers, options=options, named=named),
        classification=sources.get("SCL"),
        acquired=sensed.moment,
        date_source=sensed.source,
        baseline=named.baseline if named else None,
        platform=named.platform if named else None,
        files=tuple(dict.fromkeys(source.path for source in sources.values())),
        notes=(*notes, *sensed.notes, *describe_baseline(named.baseline if named else None)),
    )


def _resolve_level(bands: Sequence[BandSource], named: ProductName | None) -> Level:
    names = tuple(band.name for band in bands)
    if "B10" in names:
        return "L1C"  # L2A has no B10, whatever a file is called.
    if named is not None:
        return named.level
    return "L2A" if names == L2A_STACK else "unknown"


def resolve_stack_radiometry(
    bands: Sequence[BandSource],
    headers: Mapping[str, RasterHeader],
    *,
    options: StackOptions,
    named: ProductName | None,
) -> Radiometry:
    """Decide how the values of a stack become reflectance.

    The user's word comes first, then what the file says of each band, then the baseline in its name, then the pixels.

    Args:
        bands: The bands.
        headers: Of the files that hold them, by band.
        options: The user's word.
        named: What the name of the file or folder says.

    Raises:
        SceneError: Floating-point values that are neither reflectance nor DN.
    """
    markers = {band.name: _resolve_nodata(headers[band.name].markers[band.index - 1], options) for band in bands}
    sampled = [band for band in bands if band.name in EVIDENCE_BANDS] or bands
    samples = read_samples(
        {band.name: (band.path, band.index) for band in sampled}, masks={band.name: band.masks for band in sampled}
    )
    repeated = samples.compute_repeated_values()
    scales = _resolve_quantifications(bands, headers, samples, (markers, repeated), options)
    quantifications = {name: quantification for name, (quantification, _) in scales.items()}
    fills = resolve_fills(repeated, quantifications=quantifications.values(), markers=markers.values())
    valid = samples.select_valid(markers, fills=fills)
    terms = {band.name: _read_term(headers[band.name], band.index, quantifications[band.name]) for band in bands}
    offsets, decisions = _resolve_offsets(quantifications, terms, valid, options, named)
    least = 0.0 if 0 in offsets.values() else min(offsets.values())
    nodata = 0 if 0 in markers.values() else next(iter(markers.values()))
    who = "; ".join(dict.fromkeys(source for _, source in scales.values()))
    return Radiometry.gather(
        quantifications=quantifications,
        markers=markers,
        offsets=offsets,
        source=f"{'; '.join(dict.fromkeys(decision.source for decision in decisions))}; scale: {who}",
        nodata_rule=resolve_nodata_rule(nodata=nodata, offset=least, clipped=True),
        doubts=(*(doubt for decision in decisions for doubt in decision.doubts), *describe_fills(fills)),
        fills=fills,
    )


def _resolve_nodata(marker: float | None, options: StackOptions) -> float | None:
    stated = options.nodata if options.nodata is not None else marker
    if stated is None:
        return 0  # Nothing said: 0 in all bands is missing by the custom of Sentinel-2.
    return None if np.isnan(stated) else stated


def _resolve_quantifications(
    bands: Sequence[BandSource],
    headers: Mapping[str, RasterHeader],
    samples: DnSamples,
    missing: tuple[Mapping[str, float | None], Mapping[float, float]],
    options: StackOptions,
) -> dict[str, tuple[float, str]]:
    """DN per unit of reflectance a band, and who says so."""
    markers, repeated = missing
    scales: dict[str, tuple[float, str]] = {}
    unstated = []
    for band in bands:
        header = headers[band.name]
        scale, kind = header.scales[band.index - 1], header.dtypes[band.index - 1]
        if options.scale is not None:
            scales[band.name] = round(1 / options.scale, 6), "--scale"
        elif scale not in (0, 1):
            scales[band.name] = round(1 / scale, 6), "scale tag of the file"
        elif kind in {"uint8", "int8"}:
            raise SceneError(
                f"Expected reflectance or DN of 16 bits, found 8 bits in {header.path}, which is a picture more than a "
                "measurement. If it is one, say its scale: --scale 0.004."
            )
        elif not kind.startswith("float"):
            scales[band.name] = QUANTIFICATION, "whole numbers, so 10000 as in all products"
        else:
            unstated.append(band)
    if not unstated:
        return scales
    # A value that all bands have is fill more often than ground: it says nothing of the scale.
    fills = [value for value in repeated if is_beyond_reflectance(value, 1)]
    valid = samples.select_valid(markers, fills=fills)
    if not any(values.size for values in valid.values()):
        valid = samples.select_valid(markers)
    names = {band.name for band in unstated}
    judged = _judge_scale({name: valid[name] for name in valid if name in names} or valid, unstated[0].path)
    return {band.name: scales.get(band.name, judged) for band in bands}


def _judge_scale(samples: Mapping[str, NDArray[Any]], where: str) -> tuple[float, str]:
    """Fractions and DN can both be floating-point: their size tells which."""
    tops = [float(np.percentile(values, 99)) for values in samples.values() if values.size]
    top = max(tops, default=0.0)
    if top <= 2:
        return 1.0, "fractions, so reflectance already"
    if top >= 100:
        return QUANTIFICATION, f"values up to {top:.0f}, so 10000 as in all products"
    raise SceneError(
        f"Expected reflectance (up to about 1) or DN (up to about 10000), found values up to {top:.3g} in "
        f"{where}. Say which: --scale 0.0001 for DN, --scale 0.01 for percent, --scale 1 for reflectance."
    )


def _read_term(header: RasterHeader, index: int, quantification: float) -> float:
    """Reflectance that the file says to add to a band; 0 where it says nothing."""
    stated = header.offsets[index - 1]
    return _convert_term(stated, quantification) if stated else _read_offset_tag(header.tags, quantification)


def _convert_term(value: float, quantification: float) -> float:
    return value if abs(value) < 1 else value / quantification  # -0.1 is reflectance, -1000 is DN


def _resolve_offsets(
    quantifications: Mapping[str, float],
    terms: Mapping[str, float],
    samples: Mapping[str, NDArray[Any]],
    options: StackOptions,
    named: ProductName | None,
) -> tuple[dict[str, float], list[OffsetDecision]]:
    """DN to add a band, and the decisions; bands of which the file says the same are judged together."""
    usual = Counter(quantifications.values()).most_common(1)[0][0]
    offsets, decisions = {}, []
    for term in dict.fromkeys(terms.values()):
        names = [name for name, other in terms.items() if other == term]
        alike = {
            name: values * (usual / quantifications[name]) if quantifications[name] != usual else values
            for name, values in samples.items()
            if name in names
        }
        statement = _state_offset(term if any(terms.values()) else None, options, named, usual)
        decision = resolve_offset(statement, compute_offset_evidence(alike, quantification=usual))
        decisions.append(decision)
        for name in names:
            factor = 1.0 if options.offset is not None else quantifications[name] / usual
            offsets[name] = decision.offset if factor == 1 else round(decision.offset * factor, 6)
    return {name: offsets[name] for name in terms}, decisions


def _read_offset_tag(tags: Mapping[str, str], quantification: float) -> float:
    """Reflectance that a tag of the file's own says to add (``offset``, as some exporters write); 0 where none does."""
    for name in ("offset", "add_offset", "boa_add_offset"):
        try:
            value = float({key.lower(): text for key, text in tags.items()}.get(name, ""))
        except ValueError:
            continue
        return _convert_term(value, quantification)
    return 0.0


def _state_offset(
    term: float | None, options: StackOptions, named: ProductName | None, quantification: float
) -> OffsetStatement:
    full = OFFSET_DN * quantification / QUANTIFICATION
    if options.offset is not None:
        return OffsetStatement(offset=options.offset, source="--offset", final=True, alternative=full, authority="user")
    if term is not None:
        return OffsetStatement(
            offset=round(term * quantification, 6), source="offset tag of the file", alternative=full
        )
    late = has_offset(named.baseline) if named is not None else None
    if named is not None and late is not None:
        source = f"processing baseline {named.baseline} in the name"
        return OffsetStatement(offset=full if late else 0.0, source=source, final=not late, alternative=full)
    source = "no metadata"
    if named is not None and named.baseline is not None:
        source = f"baseline {named.baseline} in the name says nothing of an offset"
    acquired = named.acquired.date() if named is not None and named.acquired is not None else None
    return OffsetStatement(offset=None, source=source, alternative=full, acquired=acquired)
