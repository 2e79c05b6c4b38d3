"""Search for scenes: from an area and a period to a plan that can be read, changed and mapped.

The way through: find out what the source is, get its items, filter them here whatever the host did, set aside what
cannot be mapped or shows the same acquisition twice, and put the rest in order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import shapely
from pydantic import model_validator
from pystac_client.exceptions import APIError

from pipeline.dates import Period, parse_period
from pipeline.search.api import RetryingIO, explain_failure, search_api
from pipeline.search.area import SearchArea, resolve_search_area
from pipeline.search.documents import Document, change_hrefs, identify, read_geoparquet, walk_catalogue, yield_items
from pipeline.search.duplicates import resolve_duplicates
from pipeline.search.errors import EmptySearchError, HostError, MissingCollectionError, SearchError
from pipeline.search.hosts import DEFAULT_HOST, find_host, resolve_address, split_sources
from pipeline.search.item_facts import describe_acquisition, read_cloud, read_footprint, read_moment
from pipeline.search.merge_hosts import Find, describe_hosts, merge_finds
from pipeline.search.plan import Plan, PlanQuery, PlanSource, PlanVerdict, VerdictKind
from tiles.errors import OptionError, SceneError
from tiles.options import Options
from tiles.products.asset_hosts import strip_credentials
from tiles.products.mission import find_other_mission
from tiles.products.name import make_scene_id
from tiles.products.stac_item import is_stac_item, parse_stac_item

__all__ = ["SearchOptions", "search_scenes"]

_NAMESAKE = "another item goes by the name of"


class SearchOptions(Options):
    """What is asked.

    Attributes:
        aoi: Area, as ``W,S,E,N`` in degrees or a vector file.
        dates: Period, such as ``2024-06/2024-09``.
        source: Name of a known host, address of a STAC API, or a catalogue, items or stac-geoparquet here or there;
            several with commas between them are asked in their order, and merged by product.
        max_cloud: Percent of cloud that an item may state; one that states none stays.
        collection: Collection; several with commas between them are asked in their order. ``None``: the host's own of
            Sentinel-2 L2A, or all that a file holds.
        limit: Most items that stay, the earliest first.
        any_platform: Items of other missions than Sentinel-2 stay too.
    """

    aoi: str
    dates: str
    source: str = DEFAULT_HOST
    max_cloud: float | None = None
    collection: str | None = None
    limit: int | None = None
    any_platform: bool = False

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        if self.max_cloud is not None and not 0 <= self.max_cloud <= 100:
            raise OptionError(f"Expected --max-cloud in percent, 0 to 100, found {self.max_cloud:g}.")
        if self.limit is not None and self.limit < 1:
            raise OptionError(f"Expected --limit to be 1 or more, found {self.limit}.")
        return self


def search_scenes(options: SearchOptions) -> Plan:
    """Search, and decide what is to be mapped.

    Args:
        options: What is asked.

    Returns:
        A plan with at least one item.

    Raises:
        SearchError: The area or the source make no sense.
        OptionError: The dates make no sense.
        HostError: A host does not answer.
        EmptySearchError: Nothing that was found can be mapped.
    """
    area, period = resolve_search_area(options.aoi), parse_period(options.dates)
    origins = _list_origins(options)
    signed = _find_signed(origins)
    searches = [_search_origin(origin, area, period, is_signed=origin.source == signed) for origin in origins]
    _require_answers(searches)
    items, set_aside = _choose_items(searches, options)
    if not items:
        for search in searches:
            if isinstance(search.fault, HostError):  # that nothing is there is not known
                raise search.fault
        raise _make_empty_error(searches, set_aside, options)
    sources = tuple(dict.fromkeys(search.source for search in searches))
    silent = tuple(dict.fromkeys(search.host for search in searches if isinstance(search.fault, HostError)))
    return Plan(
        source=sources[0],
        others=sources[1:],
        silent=silent,
        query=PlanQuery(
            aoi=options.aoi,
            area=_as_geojson(area),
            dates=options.dates,
            max_cloud=options.max_cloud,
            collection=options.collection if len(origins) > 1 else searches[0].collection,
            limit=options.limit,
            any_platform=options.any_platform,
        ),
        notes=(*area.notes, *_note_hosts(searches, items)),
        items=tuple(items),
        set_aside=tuple(sorted(set_aside, key=lambda verdict: (verdict.id, verdict.reason))),
    )


def _list_origins(options: SearchOptions) -> list[SearchOptions]:
    """A search for each source and collection, in the order in which they are to be asked."""
    collections = [None] if options.collection is None else options.collection.split(",")
    return [
        options.model_copy(update={"source": source, "collection": name and name.strip()})
        for source in split_sources(options.source)
        for name in collections
    ]


def _find_signed(origins: Sequence[SearchOptions]) -> str | None:
    """The source that a token of the environment is for: of several the first that is not known to want none."""
    sources = list(dict.fromkeys(origin.source for origin in origins))
    return sources[0] if len(sources) == 1 else next((one for one in sources if find_host(one) is None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """What came of one source and collection.

    Attributes:
        host: As a person calls it.
        source: As the plan names it.
        collection: That was searched; ``None``: all.
        sieve: What it kept, and what not.
        fault: Why it gave nothing, or not all.
    """

    host: str
    source: PlanSource
    collection: str | None
    sieve: _Sieve
    fault: HostError | MissingCollectionError | None = None


def _search_origin(options: SearchOptions, area: SearchArea, period: Period, *, is_signed: bool) -> _Search:
    host, address = find_host(options.source), strip_credentials(resolve_address(options.source))
    source = PlanSource(
        href=address, kind="api", host=host.name if host else None, offset_rule=host.offset_rule if host else None
    )
    sieve, collection, fault = _Sieve(area=area, period=period, options=options), options.collection, None
    try:
        catalogue = _open_catalogue(options, area, period, is_signed=is_signed)
        source, collection = catalogue.source, catalogue.collection
        for item in catalogue.items:
            sieve.examine(item)
    except (HostError, MissingCollectionError) as error:
        fault = error
    name = (host.name if host else source.href) + (f"/{options.collection}" if options.collection else "")
    return _Search(host=name, source=source, collection=collection, sieve=sieve, fault=fault)


def _require_answers(searches: Sequence[_Search]) -> None:
    """Of several hosts some may be silent, and some may lack a collection; but each collection must be somewhere."""
    faults = [search.fault for search in searches if search.fault is not None]
    if len(faults) == len(searches):
        raise faults[0]
    for search in searches:
        alike = [one for one in searches if one.source == search.source]
        named = [one for one in searches if one.collection == search.collection]
        for group in (alike, named):
            lacking = [one.fault for one in group if isinstance(one.fault, MissingCollectionError)]
            if len(lacking) == len(group):
                raise lacking[0]


def _choose_items(
    searches: Sequence[_Search], options: SearchOptions
) -> tuple[list[dict[str, Any]], list[PlanVerdict]]:
    """What stays, by time and id; and the reasons of all that does not."""
    if len(searches) == 1:
        kept, set_aside = dict(searches[0].sieve.kept), list(searches[0].sieve.set_aside)
    else:
        kept, set_aside = {}, []
        for search in searches:
            set_aside += [
                verdict.model_copy(update={"reason": f"{verdict.reason} ({search.host})"})
                for verdict in search.sieve.set_aside
            ]
        finds = [Find(host=search.host, items=tuple(search.sieve.kept.values())) for search in searches]
        for item in merge_finds(finds):
            twin = kept.setdefault(make_scene_id(item["id"]), item)
            if twin is not item:
                set_aside.append(_make_verdict(item["id"], "other", f"{_NAMESAKE} {item['id']} too, and stays"))
    resolution = resolve_duplicates(describe_acquisition(item) for item in kept.values())
    items = [kept[make_scene_id(entry.id)] for entry in resolution.kept]
    items.sort(key=lambda item: (str(read_moment(item)), item["id"]))
    beyond = [
        _make_verdict(item["id"], "beyond limit", f"beyond --limit {options.limit}")
        for item in items[options.limit or len(items) :]
    ]
    return items[: options.limit], [*set_aside, *resolution.set_aside, *beyond]


def _note_hosts(searches: Sequence[_Search], items: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What came from where, and who did not answer, where there are several."""
    if len(searches) < 2:
        return
    yield from describe_hosts(items, [search.host for search in searches if search.fault is None])
    for search in searches:
        if isinstance(search.fault, HostError):
            yield f"What only {search.host} has may be missing: {search.fault}"
        elif search.fault is not None:
            yield f"{search.host} was left out: {search.fault}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Catalogue:
    """A source that was opened; its items are read as they are taken.

    Attributes:
        source: As the plan names it.
        collection: That is searched; ``None``: all.
        items: Its items, and verdicts on what could not be read.
    """

    source: PlanSource
    collection: str | None
    items: Iterator[dict[str, Any] | PlanVerdict]


def _open_catalogue(options: SearchOptions, area: SearchArea, period: Period, *, is_signed: bool) -> _Catalogue:
    host, href = find_host(options.source), resolve_address(options.source)
    is_known = host is not None and href.rstrip("/") == host.url
    remote = href.startswith(("http://", "https://"))
    reader = RetryingIO(href, is_signed=is_signed) if remote else None
    document = _open(href, reader, known_api=is_known)
    collection = options.collection or (host.collection if host and is_known else None)
    items: Iterator[dict[str, Any] | PlanVerdict]
    if document.kind == "api" and reader is not None:
        items = search_api(
            href, area=area, period=period, max_cloud=options.max_cloud, collection=collection, reader=reader
        )
    elif document.kind == "catalogue":
        items = walk_catalogue(document, stac_io=reader)
    elif document.kind == "geoparquet":
        items = read_geoparquet(document, reader=reader)
    else:
        items = yield_items(document)
    source = PlanSource(
        href=strip_credentials(document.href),
        kind=document.kind,
        host=host.name if host else None,
        offset_rule=host.offset_rule if host else None,
    )
    return _Catalogue(source=source, collection=collection, items=_name_failures(items, href))


def _open(href: str, reader: RetryingIO | None, *, known_api: bool) -> Document:
    if known_api:
        return Document(href=href, kind="api", content={})
    try:
        return identify(href, stac_io=reader)
    except SearchError:
        raise
    except Exception as error:
        if reader is None:
            raise
        raise explain_failure(href, error) from error


def _name_failures(items: Iterator[dict[str, Any] | PlanVerdict], href: str) -> Iterator[dict[str, Any] | PlanVerdict]:
    """A walk over a host's documents fails as a search of its API does: in one line with its name."""
    try:
        yield from items
    except APIError as error:
        raise explain_failure(href, error) from error


@dataclass(slots=True, kw_only=True)
class _Sieve:
    """Keeps what was asked for, and the reason of each item that was not."""

    area: SearchArea
    period: Period
    options: SearchOptions
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    set_aside: list[PlanVerdict] = field(default_factory=list)
    beside: int = 0
    """Items of other places and times: a file holds many, and they are no loss."""

    def examine(self, item: dict[str, Any] | PlanVerdict) -> None:
        """Keep an item, or set it aside and say why."""
        if isinstance(item, PlanVerdict):
            self.set_aside.append(item)
            return
        if not is_stac_item(item) or not isinstance(item.get("id"), str):
            self._set_item_aside(str(item.get("id", "(no id)")), "other", "no STAC item")
            return
        if not self._lies_within_query(item):
            self.beside += 1
            return
        fault = self._find_fault(item)
        if fault is not None:
            self._set_item_aside(item["id"], *fault)
        else:
            self._keep(_strip_item(item))

    def _keep(self, item: dict[str, Any]) -> None:
        """Keep an item; the same one comes up again where an area has two sides."""
        folder = make_scene_id(item["id"])
        twin = self.kept.get(folder)
        if twin is not None and twin != item:
            # Which of two stays must not hang on which came first.
            item, twin = sorted((item, twin), key=lambda one: json.dumps(one, sort_keys=True))
            self._set_item_aside(twin["id"], "other", f"{_NAMESAKE} {item['id']} too, and stays")
        self.kept[folder] = item

    def _lies_within_query(self, item: dict[str, Any]) -> bool:
        wanted = self.options.collection
        if wanted is not None and item.get("collection") not in {wanted, None}:
            return False
        moment, footprint = read_moment(item), read_footprint(item)
        here = footprint is None or self.area.intersects(footprint)
        return here and (moment is None or self.period.contains(moment))

    def _find_fault(self, item: dict[str, Any]) -> tuple[VerdictKind, str] | None:
        if read_moment(item) is None:
            return "other", "states no time of sensing"
        other = find_other_mission(item)
        if other is not None and not self.options.any_platform:
            return "other", f"not of Sentinel-2 ({other})"
        if read_footprint(item) is None:
            return "other", "states neither geometry nor bbox"
        cloud, most = read_cloud(item), self.options.max_cloud
        if cloud is not None and most is not None and cloud > most:
            return "cloud", f"cloud {cloud:.4g}% over {most:g}%"
        try:
            parse_stac_item(item, where=item["id"], any_platform=True)
        except SceneError:
            keys = ", ".join(list(item["assets"])[:6]) or "none"
            return "no bands", f"no assets with bands of Sentinel-2 (found {keys})"
        return None

    def _set_item_aside(self, name: str, kind: VerdictKind, reason: str) -> None:
        self.set_aside.append(_make_verdict(name, kind, reason))


def _make_verdict(name: str, kind: VerdictKind, reason: str) -> PlanVerdict:
    return PlanVerdict(id=name, kind=kind, reason=reason)


def _strip_item(item: dict[str, Any]) -> dict[str, Any]:
    """An item that begins with its id, for who reads the plan, and has no signatures in its hrefs."""
    return {"id": item["id"]} | change_hrefs(item, lambda href, _: strip_credentials(href))


def _as_geojson(area: SearchArea) -> dict[str, Any]:
    sides = [json.loads(shapely.to_geojson(side)) for side in area.compute_sides()]
    return dict(sides[0]) if len(sides) == 1 else {"type": "GeometryCollection", "geometries": sides}


def _make_empty_error(
    searches: Sequence[_Search], set_aside: Sequence[PlanVerdict], options: SearchOptions
) -> EmptySearchError:
    reasons = sorted({verdict.reason for verdict in set_aside})
    names = " and ".join(dict.fromkeys(search.source.href for search in searches))
    where = f"{names} for {options.aoi} in {options.dates}"
    if set_aside:
        cloudy = any(verdict.kind == "cloud" for verdict in set_aside)
        advice = "Raise --max-cloud, or widen the area or the dates" if cloudy else "Search another source (--stac)"
        return EmptySearchError(
            f"Nothing to map in {where}: all {len(set_aside)} that were found were set aside "
            f"({'; '.join(reasons[:3])}). {advice}."
        )
    beside = sum(search.sieve.beside for search in searches)
    others = f" ({beside} items are of other places, times or collections)" if beside else ""
    return EmptySearchError(f"Found no scene in {where}{others}. Widen the area or the dates, or choose --collection.")
