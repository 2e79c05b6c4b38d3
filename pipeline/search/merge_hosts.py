"""Bring together what several hosts have: the same product is one scene, and the first host that has it comes first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.search.item_facts import describe_acquisition, read_product_name
from tiles.products.name import parse_product_name
from tiles.products.offers import Offer, add_offers, list_offers

__all__ = ["Find", "describe_hosts", "merge_finds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """What was found at one host.

    Attributes:
        host: Its name or address, with the collection where several of one host are searched.
        items: STAC items that can be mapped.
    """

    host: str
    items: tuple[dict[str, Any], ...]


def merge_finds(finds: Sequence[Find]) -> list[dict[str, Any]]:
    """Make one item of each product, whoever has it.

    Args:
        finds: In the order in which hosts are to be asked.

    Returns:
        Items as ``tiles.products.offers`` has them, those of the first host first.
    """
    products: dict[tuple[str, ...], list[Offer]] = {}
    for find in finds:
        for number, item in enumerate(find.items):
            offers = products.setdefault(_identify_product(item), [])
            if any(offer.host == find.host for offer in offers):  # a host's own twins are judged like all duplicates
                offers = products.setdefault((find.host, str(number)), [])
            offers.append(Offer(host=find.host, item=item))
    return [add_offers(offers) for offers in products.values()]


def describe_hosts(items: Sequence[Mapping[str, Any]], hosts: Sequence[str]) -> Iterator[str]:
    """Say what came from where, and what only one had.

    Args:
        items: As ``merge_finds`` gave them.
        hosts: All that were asked, in their order.

    Yields:
        A sentence.
    """
    having = [[offer.host for offer in list_offers(item)] for item in items]
    parts = []
    for host in hosts:
        count, alone = sum(host in names for names in having), sum([host] == names for names in having)
        parts.append(f"{host} has {count}{f', {alone} of them it alone' if alone else ''}")
    yield (
        f"Of {len(items)} scene{'s' if len(items) > 1 else ''} {'; '.join(parts)}. Each is read at the first of these "
        "that has it, and at the next where that one fails."
    )


def _identify_product(item: Mapping[str, Any]) -> tuple[str, ...]:
    """The same for one product at all hosts, and for no other: by its name, or else by what the item says of it."""
    name = read_product_name(item)
    parsed = parse_product_name(name)
    if parsed is not None and parsed.acquired and parsed.baseline and parsed.tile:
        return (name,)
    shown = describe_acquisition(item)
    return str(item["id"]), str(shown.acquired), str(shown.baseline), str(shown.platform), str(shown.tile)
