"""The plan of a mapping: which items, from where, and what was left out and why. A file that people read and change.

The same answer to the same question gives the same bytes: no time of writing, keys and items in order.
"""

from __future__ import annotations

import difflib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.atomic import open_draft
from pipeline.errors import output_errors
from pipeline.search.errors import PlanError
from tiles.errors import SceneError
from tiles.products.name import make_scene_id
from tiles.products.stac_item import parse_stac_item

__all__ = ["Plan", "PlanQuery", "PlanSource", "PlanVerdict", "VerdictKind", "format_plan", "read_plan", "write_plan"]

VERSION: Literal[1] = 1
"""Of the plan's layout."""

_ITEM_KEYS = ("type", "id", "properties", "assets")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PlanSource(_Part):
    """Where the items come from.

    Attributes:
        href: Address or file, without credentials.
        kind: What it was found to be; ``ledger``: a watcher found the items there, and kept them.
        host: Name of a known host, see ``pipeline.search.hosts``.
        offset_rule: How that host treats the radiometric offset.
    """

    href: str
    kind: Literal["api", "catalogue", "items", "geoparquet", "ledger"]
    host: str | None = None
    offset_rule: str | None = None


class PlanQuery(_Part):
    """What was asked, as it was asked.

    Attributes:
        aoi: Area, as ``W,S,E,N`` or the name of a file.
        area: GeoJSON geometry of the area as it was searched, in degrees.
        dates: Period.
        max_cloud: Percent of cloud that an item may state.
        collection: Collection.
        limit: Most items that the plan may hold.
        any_platform: Items of other missions than Sentinel-2 are wanted too.
    """

    aoi: str
    area: dict[str, Any] | None = None
    dates: str
    max_cloud: float | None = Field(default=None, ge=0, le=100)
    collection: str | None = None
    limit: int | None = Field(default=None, ge=1)
    any_platform: bool = False


VerdictKind = Literal["superseded", "cloud", "no bands", "unreadable", "beyond limit", "other"]
"""Why an item is left out, for programs."""


class PlanVerdict(_Part):
    """An item that was found and left out.

    Attributes:
        id: Of the item.
        kind: Why, for programs; ``other`` in plans of releases that did not say.
        reason: The same for a person.
    """

    id: str
    kind: VerdictKind = "other"
    reason: str


class Plan(_Part):
    """What is to be mapped.

    Attributes:
        strandline_plan: Version of this layout.
        source: Where the items come from; of several hosts, the first.
        others: The hosts that were asked besides, in their order.
        silent: Those of all hosts that did not answer: what only they have is missing.
        query: What was asked.
        notes: What the search decided, a sentence each.
        items: STAC items with bands, whole, their hrefs absolute; by time and id.
        set_aside: Items that were found and left out.
    """

    strandline_plan: Literal[1] = VERSION
    source: PlanSource
    others: tuple[PlanSource, ...] = ()
    silent: tuple[str, ...] = ()
    query: PlanQuery
    notes: tuple[str, ...] = ()
    items: tuple[dict[str, Any], ...]
    set_aside: tuple[PlanVerdict, ...] = ()

    def __repr__(self) -> str:
        """A line for a person; ``format_plan`` gives it whole."""
        days = [str(item["properties"].get("datetime"))[:10] for item in self.items]
        period = f", {min(days)} to {max(days)}" if days else ""
        return f"Plan({len(self.items)} items of {self.source.href}{period}; {len(self.set_aside)} set aside)"

    __str__ = __repr__

    @model_validator(mode="after")
    def _check_items(self) -> Plan:
        for index, item in enumerate(self.items):
            _check_item(item, f"items[{index}]")
        folders = Counter(make_scene_id(item["id"]) for item in self.items)
        twice = [name for name, count in folders.items() if count > 1]
        if twice:
            raise ValueError(f"{twice[0]} stands in items {folders[twice[0]]} times: each id may stand once")
        return self


def read_plan(path: Path) -> Plan:
    """Read a plan, and check it to the last key of ours.

    Args:
        path: A file as ``write_plan`` makes it, perhaps changed by hand since.

    Raises:
        PlanError: It is missing, no JSON, has a key that does not exist, or an item that cannot be mapped.
    """
    try:
        values = json.loads(path.read_bytes(), object_pairs_hook=_refuse_twins)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PlanError(f"Expected a plan at {path}, could not read it ({reason}). See strandline search.") from error
    except json.JSONDecodeError as error:
        raise PlanError(
            f"The plan {path} is no JSON at line {error.lineno}, column {error.colno} ({error.msg}). Look there and on "
            "the line before: the last entry of a list has no comma after it, all others have one."
        ) from error
    except ValueError as error:
        raise PlanError(f"The plan {path}: {error}.") from error
    if not isinstance(values, dict) or "strandline_plan" not in values:
        raise PlanError(f"Expected a plan with the key strandline_plan, found {_describe_content(values)} in {path}.")
    try:
        return Plan.model_validate(values)
    except ValidationError as error:
        raise PlanError(f"The plan {path}: {_explain_faults(error)}.") from error


def write_plan(plan: Plan, path: Path | None) -> None:
    """Write a plan, whole or not at all.

    Args:
        plan: The plan.
        path: Where to; ``None``: standard output.

    Raises:
        OutputError: It cannot be written.
    """
    if path is None:
        sys.stdout.writelines(_format_parts(plan))
        sys.stdout.flush()
        return
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with open_draft(path) as draft, draft.open("w", encoding="utf-8") as file:
        file.writelines(_format_parts(plan))


def format_plan(plan: Plan) -> str:
    """A plan as JSON, an item a line, so that a line can be taken out; the same plan gives the same text."""
    return "".join(_format_parts(plan))


def _format_parts(plan: Plan) -> Iterator[str]:
    head = plan.model_dump(mode="json", exclude={"items", "set_aside"})
    rare = {name for name in ("others", "silent") if not head[name]}  # a plan of one host says nothing of others
    head = {name: value for name, value in head.items() if name not in rare}
    yield "{\n"
    for name, value in head.items():
        if isinstance(value, dict):
            entries = ",\n".join(f'    "{key}": {_format_json(entry)}' for key, entry in value.items())
            yield f'  "{name}": {{\n{entries}\n  }},\n'
        else:
            yield f'  "{name}": {_format_json(value)},\n'
    yield from _format_list("items", plan.items)
    yield ",\n"
    yield from _format_list("set_aside", (verdict.model_dump() for verdict in plan.set_aside))
    yield "\n}\n"


def _format_list(name: str, entries: Iterable[object]) -> Iterator[str]:
    yield f'  "{name}": ['
    before = "\n"
    for entry in entries:
        yield f"{before}    {_format_json(entry)}"
        before = ",\n"
    yield "]" if before == "\n" else "\n  ]"


def _format_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _check_item(item: dict[str, Any], where: str) -> None:
    name = f"{where} ({item['id']})" if isinstance(item.get("id"), str) else where
    for key in _ITEM_KEYS:
        if key not in item:
            close = difflib.get_close_matches(key, item, n=1)
            hint = f"is {close[0]} misspelt?" if close else "put the item back whole, or take it out"
            raise ValueError(f"{name} has no {key} ({hint})")
    if not isinstance(item["id"], str) or not item["id"]:
        raise ValueError(f"{where} needs an id that is a text, found {item['id']!r}")
    try:
        parse_stac_item(item, where=name, any_platform=True)  # who maps it will say whether that may be
    except SceneError as error:
        raise ValueError(str(error).rstrip(".")) from error


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        twin = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twin} stands twice in one place, so one of its values would be lost")
    return values


def _explain_faults(error: ValidationError) -> str:
    """All that is wrong, in one line, with the key that was meant."""
    parts = []
    for fault in error.errors():
        where = _format_place(fault["loc"])
        if fault["type"] == "extra_forbidden":
            known = _list_keys(fault["loc"])
            close = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
            parts.append(f"there is no key {where} ({hint})")
        elif fault["type"] == "missing":
            parts.append(f"{where} is missing")
        elif fault["loc"] == ("strandline_plan",):
            parts.append(f"this Strandline reads plans of version {VERSION}, found {fault['input']!r}: search again")
        else:
            message = fault["msg"].removeprefix("Value error, ")
            parts.append(f"{where}: {message}, found {_shorten_value(fault['input'])}" if where else message)
    return "; ".join(parts)


def _format_place(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location).lstrip(".")


def _list_keys(location: tuple[int | str, ...]) -> list[str]:
    parts: dict[str, type[BaseModel]] = {"source": PlanSource, "query": PlanQuery, "set_aside": PlanVerdict}
    model = parts.get(str(location[0]), Plan) if len(location) > 1 else Plan
    return list(model.model_fields)


def _describe_content(values: object) -> str:
    if not isinstance(values, dict):
        return f"a {type(values).__name__}"
    return f"a STAC {values['type']}" if "type" in values else f"the keys {', '.join(list(values)[:6]) or 'none'}"


def _shorten_value(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
