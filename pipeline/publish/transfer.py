"""Bring a file into a store, and see that its bytes arrived.

Stores say of what they hold its MD5, in ways of their own; where one says nothing, the file is read back. What may
pass (a busy store, a line that was cut) is tried again after a pause; what will not (keys, space, a bucket that is not
there) is told at once.

Source: Amazon S3 API, ``ETag`` of objects and of multipart uploads; Google Cloud Storage, ``md5Hash``; Azure Blob
Storage, ``Content-MD5``.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from pipeline.checksums import compute_sha256, format_multihash

__all__ = ["Cause", "find_cause", "get_file", "is_same_file", "put_bytes", "put_file", "retry"]

_PAUSES_S: Final = (1.0, 4.0, 15.0)
"""Between tries; a library that speaks to a store tries by itself before it gives up each time."""

_PART: Final = 50 << 20
"""Bytes of a part as s3fs uploads large files: what the ``ETag`` of such an upload is computed from."""

_ETAG = re.compile(r'"?([0-9a-f]{32})(?:-(\d+))?"?')

Cause = Literal["expired", "keys", "full", "missing", "busy"]
"""Why a store did not take or give something."""

_EXPIRED = re.compile(r"expired|ExpiredToken|TokenRefreshRequired", re.IGNORECASE)
_KEYS = re.compile(
    r"credentials|access ?denied|forbidden|unauthori[sz]ed|signature|InvalidAccessKeyId|\b40[13]\b", re.IGNORECASE
)
_FULL = re.compile(r"\b507\b|insufficient ?storage|quota|storage ?full|no space left|disk ?full", re.IGNORECASE)
_MISSING = re.compile(r"bucket does not exist|NoSuchBucket|container does not exist|ContainerNotFound", re.IGNORECASE)

_Answer = TypeVar("_Answer")


def find_cause(error: BaseException) -> Cause:
    """Decide what kind of failure a store's error is.

    Args:
        error: Whatever the library raised; what it was raised from counts as well.

    Returns:
        ``busy`` where nothing says that trying again is in vain.
    """
    seen = [error]
    while (cause := seen[-1].__cause__) is not None:
        seen.append(cause)
    texts = " ".join(f"{type(one).__name__} {one}" for one in seen)
    numbers = {getattr(one, "errno", None) for one in seen}
    if _EXPIRED.search(texts):
        return "expired"
    if numbers & {errno.ENOSPC, errno.EDQUOT} or _FULL.search(texts):
        return "full"
    if any(isinstance(one, PermissionError) for one in seen) or _KEYS.search(texts):
        return "keys"
    if _MISSING.search(texts) or any(isinstance(one, FileNotFoundError) for one in seen):
        return "missing"
    return "busy"


def retry(work: Callable[[], _Answer]) -> _Answer:
    """Do something with a store, and again where that may help.

    Args:
        work: What may be done twice.

    Raises:
        Exception: What the last try ended with.
    """
    for pause_s in _PAUSES_S:
        try:
            return work()
        except Exception as error:
            if find_cause(error) != "busy":
                raise
            time.sleep(pause_s)
    return work()


def put_file(files: Any, local: Path, path: str) -> None:  # noqa: ANN401 (a file system of fsspec)
    """Upload a file, in parts where it is large, and see that it arrived.

    Args:
        files: File system of fsspec.
        local: The file.
        path: Where to.

    Raises:
        Exception: The store did not take it.
    """

    def upload() -> None:
        files.put_file(str(local), path)
        _require_same(files, local, path)

    retry(upload)


def get_file(files: Any, path: str, local: Path, *, checksum: str | None) -> None:  # noqa: ANN401
    """Download a file, and see that it arrived.

    Args:
        files: File system of fsspec.
        path: Of the file there.
        local: Where to.
        checksum: As its record states it, a multihash; ``None``: it states none.

    Raises:
        Exception: The store did not give it.
    """

    def download() -> None:
        files.get_file(path, str(local))
        if checksum is not None and format_multihash(compute_sha256(local)) != checksum:
            raise OSError(f"{path} did not arrive whole")

    retry(download)


def put_bytes(files: Any, content: bytes, path: str) -> None:  # noqa: ANN401
    """Write a small file by one request, and read it back.

    Args:
        files: File system of fsspec.
        content: Of the file.
        path: Where to.

    Raises:
        Exception: The store did not take it.
    """

    def write() -> None:
        files.pipe_file(path, content)
        if files.cat_file(path) != content:
            raise OSError(f"{path} came back otherwise than it was written")

    retry(write)


def is_same_file(local: Path, facts: Mapping[str, Any]) -> bool | None:
    """Whether a store holds a file's very bytes, as far as it says.

    Args:
        local: The file.
        facts: What fsspec knows of the one in the store.

    Returns:
        ``None`` where the store says too little: an ``ETag`` need not be a checksum.
    """
    size = local.stat().st_size
    if int(facts.get("size") or 0) != size:
        return False
    if match := _ETAG.fullmatch(str(facts.get("ETag") or "")):
        parts = None if match[2] is None else int(match[2])
        if parts is None or parts == -(-size // _PART):
            return _compute_etag(local, parts) == match[1] or None
    digest = facts.get("md5Hash") or (facts.get("content_settings") or {}).get("content_md5")
    if digest:
        said = base64.b64decode(digest) if isinstance(digest, str) else bytes(digest)
        return said == bytes.fromhex(_compute_etag(local, None))
    return None


def _compute_etag(local: Path, parts: int | None) -> str:
    """The MD5 of a file, or of the MD5s of its parts."""
    with local.open("rb") as file:
        if parts is None:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        digests = b"".join(hashlib.md5(file.read(_PART), usedforsecurity=False).digest() for _ in range(parts))
    return hashlib.md5(digests, usedforsecurity=False).hexdigest()


def _require_same(files: Any, local: Path, path: str) -> None:  # noqa: ANN401
    files.invalidate_cache()
    same = is_same_file(local, files.info(path))
    if same is None:
        with files.open(path, "rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == compute_sha256(local)
    if not same:
        raise OSError(f"{path} did not arrive whole")
