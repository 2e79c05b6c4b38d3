"""Hosts of Sentinel-2 that are known by name: where they answer, what their pixels need, who must say who they are.

Credentials come from environment variables alone: they are read where a request is made or a file is opened, and stand
in no plan, log or record.

Source: each host's own documentation; Element84/earth-search issues 9, 66 and 71 on the offset.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tiles.errors import OptionError

__all__ = ["DEFAULT_HOST", "HOSTS", "TOKEN_VARIABLE", "Host", "find_host", "resolve_address", "split_sources"]

DEFAULT_HOST = "earth-search"

TOKEN_VARIABLE = "STRANDLINE_STAC_TOKEN"  # noqa: S105 - the name of a variable, not a token
"""Environment variable with a bearer token for a STAC API that wants one; it is sent to that host alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What is known of a host.

    Attributes:
        name: As a user writes it.
        title: For people.
        url: Landing page of its STAC API.
        collection: Of Sentinel-2 L2A.
        offset_rule: How the radiometric offset stands in its pixels and items; ``tiles.products.stac_item`` follows it.
        asset_keys: How its bands are called.
        access: What its files need to be opened.
        environment: Variables that carry credentials or endpoints for its files.
    """

    name: str
    title: str
    url: str
    collection: str
    offset_rule: str
    asset_keys: str
    access: str
    environment: tuple[str, ...] = ()


_LIST = (
    Host(
        name="earth-search",
        title="Earth Search (Element 84, on AWS)",
        url="https://earth-search.aws.element84.com/v1",
        collection="sentinel-2-c1-l2a",
        offset_rule="raw DN; raster:bands states scale 0.0001 and offset -0.1 a band",
        asset_keys="blue, green, red, nir, rededge1 ...",
        access="open: COGs over HTTPS",
    ),
    Host(
        name="planetary-computer",
        title="Planetary Computer (Microsoft)",
        url="https://planetarycomputer.microsoft.com/api/stac/v1",
        collection="sentinel-2-l2a",
        offset_rule="raw DN, no raster:bands: the processing baseline decides (offset from 04.00 on)",
        asset_keys="B02, B03, B04, B08 ...",
        access="open, with links that GDAL signs when it opens them; no token is kept",
    ),
    Host(
        name="copernicus",
        title="Copernicus Data Space Ecosystem",
        url="https://stac.dataspace.copernicus.eu/v1",
        collection="sentinel-2-l2a",
        offset_rule="raw DN; offset a band in the item, the processing baseline where it is silent",
        asset_keys="B02_10m, B05_20m, B01_60m ...",
        access="JPEG 2000 on S3, with keys of an account",
        environment=("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_S3_ENDPOINT", "AWS_VIRTUAL_HOSTING"),
    ),
)

HOSTS = {host.name: host for host in _LIST}
"""The hosts by name."""


def find_host(source: str) -> Host | None:
    """Find a host by its name, or by an address of its API.

    Args:
        source: Such as ``earth-search`` or ``https://earth-search.aws.element84.com/v1/``.
    """
    if source in HOSTS:
        return HOSTS[source]
    address = urlsplit(source).netloc
    return next((host for host in _LIST if address and urlsplit(host.url).netloc == address), None)


def resolve_address(source: str) -> str:
    """The address of a host that is given by its name; any other source as it is.

    Args:
        source: Name of a known host, address or path.
    """
    return HOSTS[source].url if source in HOSTS else source


def split_sources(source: str) -> tuple[str, ...]:
    """The sources that are named in one text, in the order in which they are to be asked.

    Args:
        source: One, or several with commas between them; in an address that has a comma, it is written ``%2C``.

    Raises:
        OptionError: One is empty, or stands twice.
    """
    if "," not in source or Path(source).exists():
        return (source,)
    sources = tuple(part.strip() for part in source.split(","))
    if not all(sources):
        raise OptionError(f"Expected sources with one comma between two of them in --stac, found {source!r}.")
    addresses = [resolve_address(one).rstrip("/") for one in sources]
    twice = next((one for one, address in zip(sources, addresses, strict=True) if addresses.count(address) > 1), None)
    if twice is not None:
        raise OptionError(f"Expected each source once in --stac, found {twice} twice. Leave one out.")
    return sources
