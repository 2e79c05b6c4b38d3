"""What is asked of a coast: where and when, from which scenes, mapped and joined how, in how many parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.batch.record import resolve_record
from pipeline.checksums import Basis, compute_basis, compute_source_sha256
from pipeline.dates import Every
from pipeline.mapping.options import MapOptions
from pipeline.mosaic.build_mosaic import MosaicOptions
from pipeline.search.area import resolve_search_area
from pipeline.search.hosts import split_sources
from pipeline.search.search_scenes import SearchOptions
from tiles.errors import OptionError
from tiles.products.asset_hosts import strip_credentials
from tiles.products.open import StackOptions
from tiles.vector_file import read_layers

__all__ = ["OF_LINES", "CoastJob"]

OF_LINES = frozenset((MosaicOptions.model_fields.keys() & MapOptions.model_fields.keys()) - {"ocean", "overwrite"})
"""Choices that a map has too, and that are meant for the mosaics alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoastJob:
    """A coast that is to be mapped.

    Attributes:
        search: Area and dates, and where scenes are searched.
        scenes: Scenes that are here already, as ``pipeline.batch.sources.list_sources`` takes them: of these, and not
            of a catalogue, those of the dates are mapped. ``None``: they are searched.
        every: A mosaic for each year or quarter; ``None``: one of all dates.
        mapping: Choices for each scene; its area and ``overwrite`` are the coast's.
        stack: What metadata does not say, for stacks.
        mosaic: Choices for each mosaic, the shape of the lines among them.
        overwrite: Search again where another coast was planned, and replace what differs.

    Raises:
        OptionError: The dates or the area make no sense, or a choice stands where it has no meaning.
        SearchError: Likewise.
    """

    search: SearchOptions
    scenes: Path | None = None
    every: Every | None = None
    mapping: MapOptions = field(default_factory=MapOptions)
    stack: StackOptions | None = None
    mosaic: MosaicOptions = field(default_factory=MosaicOptions)
    overwrite: bool = False

    def __post_init__(self) -> None:
        area = self.search.aoi
        resolve_search_area(area)
        if Path(area).exists():  # a search takes what lies around lines and points; a map is of an area
            read_layers(area, kind="polygons", noun="area", error_type=OptionError)
        if shaped := sorted(self.mapping.model_dump(include=set(OF_LINES), exclude_defaults=True)):
            raise OptionError(f"Lines are drawn of the mosaics: choose {', '.join(shaped)} in mosaic, not in mapping.")
        if self.mosaic.dates is not None:
            raise OptionError("Each mosaic has the dates of its part: choose dates in search, not in mosaic.")
        object.__setattr__(self, "mapping", self.mapping.replace(aoi=area, overwrite=self.overwrite))

    def compute_basis(self) -> Basis:
        """All that was asked, by name, to be compared with what a folder was made for.

        Raises:
            UnknownModelError: There is no such model.
            ModelFileError: The file is no model.
        """
        record = resolve_record(self.mapping, self.stack)
        asked = self.search.model_dump(exclude={"aoi", "source"})
        joined = {f"{name} of mosaics": value for name, value in self.mosaic.result_parameters().items()}
        choices: Mapping[str, Any] = {
            **asked,
            "aoi": compute_source_sha256(Path(self.search.aoi)) or self.search.aoi,
            "scenes from": str(self.scenes.resolve()) if self.scenes else _anchor(self.search.source),
            "every": self.every,
            "model": f"{record.model} ({record.model_sha256[:8]})",
            # What mosaics have too is theirs to say: maps are made of the defaults there.
            **{name: value for name, value in record.parameters.items() if f"{name} of mosaics" not in joined},
            **joined,
        }
        return compute_basis("coast", inputs={}, choices=choices)


def _anchor(sources: str) -> str:
    """Catalogues on this machine by their whole paths, others without credentials."""
    return ",".join(
        str(Path(source).resolve()) if Path(source).exists() else strip_credentials(source)
        for source in split_sources(sources)
    )
