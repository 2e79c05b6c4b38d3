"""One product at several hosts: an item that carries what other hosts say of the same product, in the order to ask.

Each host's word is a whole item of its own, for hosts differ in how they serve a product: their scales and offsets
belong to their files. The item is the first host's; the others' stand in a member of ours, which STAC allows.

Source: STAC 1.1 item specification, foreign members (RFC 7946, section 6.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tiles.products.stac_item import parse_stac_item

__all__ = ["HOST", "OFFERS", "Offer", "add_offers", "list_offers"]

HOST = "strandline:host"
"""Member of an item that was found at one of several hosts: which."""

OFFERS = "strandline:offers"
"""Member of an item: what other hosts say of the same product, each an item with a member ``strandline:host``."""

_KEPT = ("type", "stac_version", "id", "collection", "geometry", "bbox", "properties")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A product at a host.

    Attributes:
        host: Its name or address.
        item: What the host says of the product, a STAC item.
    """

    host: str
    item: Mapping[str, Any]


def add_offers(offers: Sequence[Offer]) -> dict[str, Any]:
    """The item of the first host, with those of the others in it.

    Args:
        offers: Of one product, in the order in which they are to be asked; one or more.
    """
    first, *others = offers
    item = {"id": first.item["id"], HOST: first.host} | dict(first.item)
    return item | ({OFFERS: [_shorten_item(offer) for offer in others]} if others else {})


def list_offers(document: object) -> tuple[Offer, ...]:
    """Where a product is to be had, the first host first.

    Args:
        document: A STAC item.

    Returns:
        Nothing where it does not say.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get(HOST), str):
        return ()
    stated = document.get(OFFERS)
    items = [item for item in stated if isinstance(item, Mapping)] if isinstance(stated, list) else []
    own = {name: value for name, value in document.items() if name != OFFERS}
    return tuple(Offer(host=str(item.get(HOST)), item=item) for item in (own, *items))


def _shorten_item(offer: Offer) -> dict[str, Any]:
    """An item without what is not needed to read its bands."""
    bands = parse_stac_item(offer.item, where=str(offer.item["id"]), any_platform=True).assets.values()
    kept = {name: offer.item[name] for name in _KEPT if name in offer.item}
    return {HOST: offer.host, **kept, "assets": {band.key: offer.item["assets"][band.key] for band in bands}}
