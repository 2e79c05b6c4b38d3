"""Assets on hosts that want to know who opens them: what GDAL opens, and what must not be written down.

Planetary Computer signs each link for an hour. GDAL asks for the signature itself when it opens a file, so that none
stands in a path, a record or a fingerprint, and none grows stale in a plan. The Copernicus Data Space wants keys of an
account, which GDAL takes from the environment.

Source: GDAL, virtual file systems, ``/vsicurl`` options ``pc_url_signing`` and ``pc_collection`` (3.10) and ``/vsis3``;
https://documentation.dataspace.copernicus.eu/APIs/S3.html.
"""

from __future__ import annotations

import os
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from tiles.errors import SceneError
from tiles.products.headers import resolve_gdal_path

__all__ = ["require_access", "resolve_remote", "strip_credentials"]

_PLANETARY_COMPUTER = ("sentinel2l2a01.blob.core.windows.net",)
"""Where Planetary Computer keeps Sentinel-2 L2A."""

_CURL = "/vsicurl/"
_COPERNICUS_BUCKET = "/vsis3/eodata/"
_COPERNICUS_ENDPOINT = "eodata.dataspace.copernicus.eu"
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")

_SIGNATURES = {"se", "sig", "ske", "skoid", "sks", "skt", "sktid", "skv", "sp", "spr", "sr", "st", "sv"}
"""Parameters of a shared access signature of Azure; they count only beside ``sig``."""

_SECRETS = ("x-amz-", "x-goog-", "awsaccesskeyid", "signature", "token", "access_token", "key-pair-id", "policy")


def resolve_remote(href: str, *, collection: str | None = None) -> str:
    """Find what GDAL opens for an asset on a host.

    Args:
        href: URL of the asset.
        collection: Collection of its item; with it, one signature of Planetary Computer serves all its assets.

    Returns:
        A ``/vsicurl`` or ``/vsis3`` path; never with a signature of Planetary Computer, which GDAL adds by itself.
    """
    if urlsplit(href).hostname not in _PLANETARY_COMPUTER:
        return resolve_gdal_path(href)
    named = f"&pc_collection={quote(collection, safe='')}" if collection else ""
    return f"/vsicurl?pc_url_signing=yes{named}&url={quote(strip_credentials(href), safe='')}"


def require_access(path: str) -> None:
    """Refuse a path for which the environment lacks what its host asks for, before GDAL says only that it is not there.

    Args:
        path: What GDAL would open.

    Raises:
        SceneError: It lies in the Copernicus Data Space and the endpoint or the keys are not set.
    """
    if not path.startswith(_COPERNICUS_BUCKET):
        return
    missing = [name for name in ("AWS_S3_ENDPOINT", *_KEYS) if not os.environ.get(name)]
    if os.environ.get("AWS_PROFILE"):
        missing = [name for name in missing if name not in _KEYS]
    if missing:
        raise SceneError(
            f"{path} lies in the Copernicus Data Space, which wants keys: set {', '.join(missing)} in the environment "
            f"(AWS_S3_ENDPOINT={_COPERNICUS_ENDPOINT}, AWS_VIRTUAL_HOSTING=FALSE, keys from its S3 access page)."
        )


def strip_credentials(href: str) -> str:
    """An address without user, password, signature and token: what may be written down.

    Args:
        href: A URL, perhaps as GDAL opens it (``/vsicurl/https://...``); anything else comes back as it is.
    """
    if href.startswith(_CURL):
        return _CURL + strip_credentials(href.removeprefix(_CURL))
    parts = urlsplit(href) if "://" in href else None
    if parts is None or not parts.netloc:
        return href
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    signed = any(name.lower() == "sig" for name, _ in pairs)
    kept = [(name, value) for name, value in pairs if not _is_secret(name.lower(), signed=signed)]
    query = parts.query if len(kept) == len(pairs) else urlencode(kept)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query))


def _is_secret(name: str, *, signed: bool) -> bool:
    return (signed and name in _SIGNATURES) or name.startswith(_SECRETS)
