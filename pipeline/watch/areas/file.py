"""The file of a watcher: which coasts matter, how they are mapped, who is told, and how much the machine may give.

It is checked to the last key before anything runs, and what is wrong is said in one line. Paths in it count from the
folder that it stands in. Secrets stand in the environment; the file names their variables.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pipeline.errors import AreasError, SecretError
from pipeline.secrets import Reference, hide_secrets, refuse_credentials
from pipeline.strict_yaml import explain, read_yaml
from pipeline.watch.areas.settings import AreaDefaults, AreaSettings, Duration, anchor
from pipeline.watch.notify.settings import Notification

__all__ = ["DaskSettings", "Limits", "WatchSettings", "find_unset", "read_areas"]

_SECRET = frozenset({"url", "headers", "secret", "user", "password", "host", "ledger", "destination", "source", "argv"})
"""Settings whose values no message shows: somebody may have written a password there."""

_SCHEMES = ("tcp://", "tls://", "ucx://", "ws://", "wss://")


class Limits(BaseModel):
    """How much the machine may give.

    Attributes:
        scenes_per_round: Most scenes that one round of an area maps, the earliest first; the rest waits for the next.
        keep_free: Bytes of disk that stay free (``20GB``), where scenes are mapped and where they are published.
        prune_work_after: Age at which local working copies of published scenes are removed; ``None``: never.
        prune_published_after: Age at which published scenes are removed from their destination, counted from when
            they were mapped; ``None``: never.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scenes_per_round: Annotated[int, Field(ge=1)] = 20
    keep_free: ByteSize = ByteSize(5_000_000_000)
    prune_work_after: Duration | None = None
    prune_published_after: Duration | None = None


class DaskSettings(BaseModel):
    """Where scenes are mapped: on workers of this machine, or on a cluster.

    Attributes:
        workers: Processes on this machine; ``None``: as its memory and cores allow.
        scheduler: Address of a cluster.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: Annotated[int, Field(ge=1)] | None = None
    scheduler: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.workers is not None and self.scheduler is not None:
            raise AreasError("expected workers or scheduler, not both")
        if self.scheduler is not None and not self.scheduler.startswith(_SCHEMES):
            raise AreasError(f"expected a scheduler's address such as tcp://10.0.0.5:8786, found {self.scheduler!r}")
        return self


class WatchSettings(BaseModel):
    """All that a watcher is told.

    Attributes:
        defaults: What areas leave out.
        areas: The areas; at least one.
        notifications: Who is told what.
        limits: How much the machine may give.
        dask: Where scenes are mapped.
        ledger: File of the record, or a URL of SQLAlchemy.
        work: Folder in which scenes are mapped before they are published.
        metrics: File of numbers for Prometheus, written anew at the end of each round; ``None``: none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    defaults: AreaDefaults = AreaDefaults()
    areas: Annotated[tuple[AreaSettings, ...], Field(min_length=1)]
    notifications: tuple[Notification, ...] = ()
    limits: Limits = Limits()
    dask: DaskSettings = DaskSettings()
    ledger: str = Field(default="strandline.ledger.db", min_length=1, validate_default=True)
    work: str = Field(default="strandline.work", min_length=1, validate_default=True)
    metrics: str | None = None

    @field_validator("metrics")
    @classmethod
    def _check_metrics(cls, metrics: str | None, info: ValidationInfo) -> str | None:
        if metrics is not None and not metrics.endswith(".prom"):
            raise AreasError("expected a file whose name ends in .prom, which is all that node_exporter reads")
        return None if metrics is None else anchor(metrics, info)

    @field_validator("ledger")
    @classmethod
    def _check_ledger(cls, ledger: str, info: ValidationInfo) -> str:
        reference = Reference(ledger)
        if "://" in ledger:
            return refuse_credentials(ledger, "the ledger's URL")
        return ledger if reference.names else anchor(ledger, info)

    @field_validator("work")
    @classmethod
    def _check_work(cls, work: str, info: ValidationInfo) -> str:
        if "://" in work or "${" in work:
            raise AreasError("expected a folder on this machine")
        return anchor(work, info)

    @field_validator("notifications")
    @classmethod
    def _name_channels(cls, channels: tuple[Notification, ...]) -> tuple[Notification, ...]:
        named = tuple(
            channel if channel.name else channel.model_copy(update={"name": f"{channel.kind}-{number}"})
            for number, channel in enumerate(channels, start=1)
        )
        _refuse_twins("name", [channel.name for channel in named])
        return named

    @model_validator(mode="after")
    def _check_areas(self) -> Self:
        _refuse_twins("area", [area.name.lower() for area in self.areas])
        homes = {area.name: area.find_home() for area in self.areas}
        work = os.path.realpath(self.work)
        for home, count in Counter(homes.values()).items():
            if count > 1:
                names = " and ".join(name for name, other in homes.items() if other == home)
                raise AreasError(f"{names} are published to the same destination {home}: write {{area}} in it")
            if home.startswith("/") and Path(home).is_relative_to(work):
                raise AreasError(f"the destination {home} lies in the work folder, which is pruned: choose another")
        return self

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Variables of the environment that the file names, for ``hide_secrets``."""
        of_channels = (name for channel in self.notifications for name in channel.secret_names)
        return tuple(dict.fromkeys((*Reference(self.ledger).names, *of_channels)))

    def get_area(self, name: str) -> AreaSettings:
        """An area by its name.

        Args:
            name: Of the area.

        Raises:
            AreasError: There is none of that name.
        """
        for area in self.areas:
            if area.name == name:
                return area
        raise AreasError(f"Expected one of the areas {', '.join(area.name for area in self.areas)}, found {name!r}.")

    def reveal_ledger_url(self) -> str:
        """The URL of the ledger with its password in it: for SQLAlchemy alone, never for a log.

        Raises:
            SecretError: A variable of the environment is not set.
        """
        if Path(self.ledger).is_absolute():
            return f"sqlite:///{self.ledger}"
        return Reference(self.ledger).reveal_url()

    def hide(self, text: str) -> str:
        """A text without the secrets that this file names, see ``hide_secrets``."""
        return hide_secrets(text, self.secret_names)


def read_areas(path: str | Path, *, to_work: bool = True) -> WatchSettings:
    """Read the file of a watcher.

    Args:
        path: A YAML file.
        to_work: All that it takes from the environment must be there; false: only to look how things stand.

    Returns:
        Its settings, all paths absolute.

    Raises:
        AreasError: It cannot be read, has a key that does not exist or a value that makes no sense, holds a secret,
            or names a variable of the environment that is not set.
    """
    path = Path(path)
    values = _merge(read_yaml(path, noun="file of areas", error_type=AreasError, quote=False))
    context = {"folder": path.absolute().parent}
    try:
        settings = WatchSettings.model_validate(values, context=context)
    except ValidationError as error:
        raise AreasError(hide_secrets(f"{path}: {explain(error, WatchSettings, secret=_SECRET)}")) from None
    if to_work:
        _require_environment(path, settings)
    return settings


def _merge(values: Mapping[str, Any]) -> dict[str, Any]:
    """Put the defaults under each area. What is wrong with a default is said once, not for every area."""
    defaults, areas = values.get("defaults"), values.get("areas")
    if not isinstance(defaults, dict) or not isinstance(areas, list):
        return {key: value for key, value in values.items() if value is not None or key == "areas"}
    good = {key: value for key, value in defaults.items() if key in AreaDefaults.model_fields}
    merged = [{**good, **area} if isinstance(area, dict) else area for area in areas]
    return {**values, "areas": merged}


def _refuse_twins(what: str, names: list[str]) -> None:
    twins = [name for name, count in Counter(names).items() if count > 1]
    if twins:
        raise AreasError(
            f"expected each {what} once, found {', '.join(twins)} twice (upper and lower case are the same)"
        )


def find_unset(settings: WatchSettings) -> list[str]:
    """Variables of the environment that a file names and that are not set, in order.

    Args:
        settings: Of the file.
    """
    references = [Reference(settings.ledger), *(text for one in settings.notifications for text in one.references)]
    return sorted({name for reference in references for name in reference.find_unset()})


def _require_environment(path: Path, settings: WatchSettings) -> None:
    unset = find_unset(settings)
    if unset:
        names = ", ".join(unset)
        raise SecretError(f"{path} needs from the environment what is not set there: {names}. Set it for the watcher.")
