"""One area of a watcher: where, from whom, how often, in which months, what is mapped, where it is published."""

from __future__ import annotations

import os
import posixpath
import re
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pipeline.errors import AreasError, SecretError
from pipeline.output.vectors import resolve_formats
from pipeline.publish.target import resolve_destination
from pipeline.search.area import SearchArea, resolve_search_area
from pipeline.search.hosts import DEFAULT_HOST, HOSTS, split_sources
from pipeline.secrets import refuse_credentials
from pipeline.watch.areas.schedule import Schedule, Season, parse_duration

__all__ = [
    "AreaDefaults",
    "AreaSettings",
    "BackfillSettings",
    "CompareSettings",
    "Duration",
    "RetrySettings",
    "TideSettings",
    "anchor",
]

Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
"""How long, as ``90m``, ``6h`` or ``30d``."""

_DEFAULT_MODEL = "strandline-small"  # that of models.runtimes.registry, which imports torch
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CompareSettings(_Strict):
    """What is told about a coast that moved; without a threshold it is compared and nobody is told.

    Attributes:
        alert_m: Shift of a shore in metres that is passed for sure, beyond the 95% bound.
        alert_area_m2: Land that a shore gained or lost, in square metres, likewise.
    """

    alert_m: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    alert_area_m2: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None


class TideSettings(_Strict):
    """Heights of the tide, from a table or a model; without them shores are those of the instant.

    Attributes:
        heights: CSV with the columns ``time`` and ``height_m``.
        model: Name of a model that pyTMD reads.
        folder: Where that model lies.
        beach_slope: Rise over run: takes the tide out of the time series.
    """

    heights: str | None = None
    model: str | None = None
    folder: str | None = None
    beach_slope: Annotated[float, Field(gt=0, le=10)] | None = None

    @field_validator("heights", "folder")
    @classmethod
    def _anchor_path(cls, path: str | None, info: ValidationInfo) -> str | None:
        if path is None:
            return None
        anchored = anchor(path, info)
        if not Path(anchored).exists():
            raise AreasError(f"expected heights of the tide, there is no {anchored}")
        return anchored

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if (self.heights is None) == (self.model is None) or (self.model is None) != (self.folder is None):
            raise AreasError("expected heights (a table), or model and folder")
        return self

    def to_choices(self) -> dict[str, Any]:
        """Fields of ``ChangeOptions`` and of ``TimeseriesOptions``; the slope is the latter's alone."""
        if self.heights is not None:
            return {"tides": Path(self.heights)}
        return {"tide_model": self.model, "tide_folder": Path(str(self.folder))}


class RetrySettings(_Strict):
    """What happens to a scene that failed.

    Attributes:
        times: How often it is tried again, in rounds that follow; then it is left, and told.
        wait: Pause before the second try; it doubles each time.
        longest: Longest pause.
    """

    times: Annotated[int, Field(ge=0, le=1000)] = 8
    wait: Duration = timedelta(minutes=10)
    longest: Duration = timedelta(days=1)

    def compute_wait(self, failures: int) -> timedelta:
        """The pause after a failure.

        Args:
            failures: How often it has failed, 1 or more.
        """
        seconds = self.wait.total_seconds() * 2.0 ** min(max(failures, 1) - 1, 100)
        return timedelta(seconds=min(seconds, self.longest.total_seconds()))


class BackfillSettings(_Strict):
    """Years before the area's first day, which are mapped beside what is new and never before it.

    Attributes:
        since: First day.
        until: Last day; ``None``: up to what is searched anyway.
        order: Which of them are mapped first.
    """

    since: date
    until: date | None = None
    order: Literal["oldest", "newest"] = "oldest"

    @model_validator(mode="after")
    def _check_days(self) -> Self:
        if self.until is not None and self.until < self.since:
            raise AreasError(f"expected a last day from {self.since} on, found {self.until}")
        return self

    def resolve_dates(self, now: datetime) -> str:
        """Both days, as ``SearchOptions.dates`` takes them.

        Args:
            now: With a time zone.
        """
        return f"{self.since:%Y-%m-%d}/{self.until or max(self.since, now.astimezone(UTC).date()):%Y-%m-%d}"


def _parse_backfill(value: object) -> object:
    """Also as a first day, or as both days with a slash between them."""
    if isinstance(value, str):
        since, _, until = value.partition("/")
        return {"since": since.strip(), "until": until.strip() or None}
    return {"since": value} if isinstance(value, date) else value


def _parse_compare(value: object) -> object:
    return {True: CompareSettings(), False: None}[value] if isinstance(value, bool) else value


def _parse_seasons(value: object) -> object:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list | tuple):
        raise AreasError("expected a list of seasons such as [04-15/10-31]")
    return tuple(entry if isinstance(entry, Season) else Season.parse(entry) for entry in values)


def anchor(path: str, info: ValidationInfo) -> str:
    """A path as seen from the folder of the file that names it.

    Args:
        path: As it was written; ``~`` is the user's home.
        info: Of pydantic; its context has the ``folder``.
    """
    folder = (info.context or {}).get("folder", Path())
    return str((folder / Path(path).expanduser()).absolute())


class AreaDefaults(_Strict):
    """What an area may leave to the defaults of its file.

    Attributes:
        source: A STAC catalogue, as ``strandline search --stac`` takes it; several with commas between them.
        collection: Collection; ``None``: a known host's own of Sentinel-2 L2A.
        schedule: An interval (``6h``) or a line of cron (``0 6 * * *``).
        time_zone: In which a line of cron counts.
        seasons: Parts of the year that are mapped; empty: all.
        max_cloud: Percent of cloud that a scene may state.
        min_coverage: Percent of the area that a scene must show.
        any_platform: Scenes of other missions than Sentinel-2 are mapped too.
        since: First day; ``None``: ``look_back`` days before the first round.
        look_back: Days before the last round that are searched again: products come late, and come again.
        stale_after: An area without a new scene for this long is told, once; ``None``: it is not. Sentinel-2 comes back
            within 5 days with two satellites, within 10 with one.
        model: Name of a bundled model, or a model file.
        formats: Vector formats besides the GeoPackage.
        threshold: Probability at which the coastline runs.
        min_area_m2: Smaller islands and lakes are left out.
        min_length_m: Shorter open lines that end at cloud, nodata or the edge are left out.
        cloud_buffer_m: Ground within this distance of cloud is hidden too.
        doubtful: Whether islets that look like a cloud or a ship are hidden.
        clip: Map only what lies within the area, not the whole scene.
        nodata: DN of missing pixels, where items and files do not say it, or wrongly.
        destination: Folder or fsspec URL; ``{area}`` in it is the area's name.
        compare: Compare with the coast before; ``None``: no.
        transects: A vector file of lines, ``auto``, or ``None``.
        tides: Heights of the tide, for comparisons and the time series.
        view: Keep a page of the area (``view.html``) beside what is published.
        backfill: Years before; ``None``: none.
        retries: What happens to a scene that failed.
    """

    source: Annotated[str, Field(min_length=1)] = DEFAULT_HOST
    collection: str | None = None
    schedule: str = "6h"
    time_zone: str = "UTC"
    seasons: Annotated[tuple[InstanceOf[Season], ...], BeforeValidator(_parse_seasons)] = ()
    max_cloud: Annotated[float, Field(ge=0, le=100)] = 60.0
    min_coverage: Annotated[float, Field(ge=0, le=100)] = 10.0
    any_platform: bool = False
    since: date | None = None
    look_back: Annotated[int, Field(ge=0, le=3650)] = 30
    stale_after: Duration | None = None
    model: str = _DEFAULT_MODEL
    formats: tuple[str, ...] = ("gpkg",)
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    min_area_m2: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    min_length_m: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    cloud_buffer_m: Annotated[float, Field(ge=0, le=5000)] = 60.0
    doubtful: Literal["hide", "keep"] = "hide"
    clip: bool = True
    nodata: float | None = None
    destination: Annotated[str, Field(min_length=1)] = "published/{area}"
    compare: Annotated[CompareSettings | None, BeforeValidator(_parse_compare)] = None
    transects: str | None = None
    tides: TideSettings | None = None
    view: bool = True
    backfill: Annotated[BackfillSettings | None, BeforeValidator(_parse_backfill)] = None
    retries: RetrySettings = RetrySettings()

    @field_validator("source", "collection", "model", "destination", "transects")
    @classmethod
    def _refuse_references(cls, value: str | None, info: ValidationInfo) -> str | None:
        """These go into records: neither a secret nor the name of one has a place in them."""
        if value is not None and "${" in value:
            raise SecretError(
                "variables of the environment are not put in here, as it is recorded; keys of a store or a host are "
                "taken from the environment by themselves"
            )
        return value if value is None else refuse_credentials(value, f"the {info.field_name}")

    @field_validator("source")
    @classmethod
    def _anchor_source(cls, source: str, info: ValidationInfo) -> str:
        sources = split_sources(source)
        return ",".join(one if one in HOSTS or "://" in one else anchor(one, info) for one in sources)

    @field_validator("model")
    @classmethod
    def _check_model(cls, model: str, info: ValidationInfo) -> str:
        if "/" in model or Path(model).suffix:
            model = anchor(model, info)
            if not Path(model).is_file():
                raise AreasError(f"expected a bundled model's name or a model file; there is no {model}")
        elif not files("models").joinpath("weights", f"{model}.safetensors").is_file():
            from models.runtimes.registry import resolve_path  # noqa: PLC0415 (imports torch; here it says which was meant)

            resolve_path(model)
        return model

    @field_validator("formats")
    @classmethod
    def _check_formats(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        return resolve_formats(formats)

    @field_validator("transects")
    @classmethod
    def _anchor_transects(cls, transects: str | None, info: ValidationInfo) -> str | None:
        if transects in {None, "auto"}:
            return transects
        path = anchor(str(transects), info)
        if not Path(path).is_file():
            raise AreasError(f"expected a vector file of lines, or auto; there is no {path}")
        return path

    @model_validator(mode="after")
    def _check_schedule(self) -> Self:
        Schedule(self.schedule, self.time_zone)
        return self

    @property
    def timetable(self) -> Schedule:
        """When its turn comes."""
        return Schedule(self.schedule, self.time_zone)


class AreaSettings(AreaDefaults):
    """An area, see ``AreaDefaults`` for what is not named here.

    Attributes:
        name: Of folders and records; letters, digits, ``.``, ``_`` and ``-``.
        aoi: ``W,S,E,N`` in degrees, or a vector file.
    """

    name: str
    aoi: str

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise AreasError("expected a name of 1 to 64 letters, digits, '.', '_' and '-', which is also a folder's")
        return name

    @field_validator("aoi")
    @classmethod
    def _check_aoi(cls, aoi: str, info: ValidationInfo) -> str:
        if not re.fullmatch(r"[\s0-9eE.,+-]+", aoi):
            aoi = anchor(aoi, info)
            if not Path(aoi).exists():
                raise AreasError(f"expected W,S,E,N in degrees or a vector file; there is no {aoi}")
        resolve_search_area(aoi)
        return aoi

    @model_validator(mode="after")
    def _check_destination(self) -> Self:
        resolve_destination(self.destination)
        return self

    @model_validator(mode="before")
    @classmethod
    def _name_destination(cls, values: Any) -> Any:  # noqa: ANN401 (whatever YAML holds)
        if not isinstance(values, dict):
            return values
        destination = values.get("destination", cls.model_fields["destination"].default)
        return {**values, "destination": str(destination).replace("{area}", str(values.get("name", "")))}

    @field_validator("destination")
    @classmethod
    def _anchor_destination(cls, destination: str, info: ValidationInfo) -> str:
        return destination.rstrip("/") if "://" in destination else anchor(destination, info)

    def find_home(self) -> str:
        """The destination in one spelling: of a folder without links and detours, of a URL without detours."""
        folder = resolve_destination(self.destination).folder
        if folder is not None:
            return os.path.realpath(folder)
        protocol, _, path = self.destination.partition("://")
        return f"{protocol}://{posixpath.normpath(path.lstrip('/'))}"

    def resolve_area(self) -> SearchArea:
        """Where it lies."""
        return resolve_search_area(self.aoi)

    def resolve_dates(self, now: datetime, *, last: datetime | None = None, since: date | None = None) -> str:
        """Decide which days are searched.

        Args:
            now: With a time zone.
            last: When the last round that saw all of it began; ``None``: there was none.
            since: First day, in place of the area's own and of ``last``.

        Returns:
            Both days, as ``SearchOptions.dates`` takes them; a day that is still to come, where ``since`` is.
        """
        today = now.astimezone(UTC).date()
        back = timedelta(days=self.look_back)
        if since is not None:
            first = since
        elif last is not None:
            first = max(last.astimezone(UTC).date() - back, self.since or date.min)
        else:
            first = self.since or today - back
        return f"{first:%Y-%m-%d}/{max(first, today):%Y-%m-%d}"

    def to_search_choices(self, dates: str) -> dict[str, Any]:
        """Fields of ``SearchOptions``; clouds are judged by the watcher, so that it can say why.

        Args:
            dates: See ``resolve_dates``.
        """
        return {
            "aoi": self.aoi,
            "dates": dates,
            "source": self.source,
            "collection": self.collection,
            "any_platform": self.any_platform,
        }

    def to_map_choices(self) -> dict[str, Any]:
        """Fields of ``pipeline.mapping.options.MapOptions``."""
        return {
            "model": self.model,
            "aoi": self.aoi if self.clip else None,
            "threshold": self.threshold,
            "min_area_m2": self.min_area_m2,
            "min_length_m": self.min_length_m,
            "cloud_buffer_m": self.cloud_buffer_m,
            "doubtful": self.doubtful,
            "formats": self.formats,
            "overwrite": True,
        }
