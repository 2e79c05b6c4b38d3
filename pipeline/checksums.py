"""Checksums: which bytes went in, which came out, and whether a result stands for the same work.

Source: multiformats multihash (0x12 sha2-256, 0x20 its 32 bytes), as the STAC file extension v2.1.0 asks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from strandline import __version__

__all__ = ["REMOTE", "compute_checksums", "compute_fingerprint", "compute_sha256", "format_multihash"]

REMOTE = "remote"
"""What stands for the checksum of a file that is not on this machine: it is not fetched a second time for it."""


def compute_sha256(path: Path) -> str:
    """Hash one file, in constant memory; hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def compute_checksums(files: Iterable[str]) -> dict[str, str]:
    """Hash the files that a scene is made of.

    Args:
        files: Paths on this machine, or addresses.

    Returns:
        SHA-256 in hexadecimal by path, sorted; ``REMOTE`` for what is not a file here.
    """
    return {name: compute_sha256(Path(name)) if Path(name).is_file() else REMOTE for name in sorted(set(files))}


def compute_fingerprint(*, inputs: Mapping[str, str], model_sha256: str, parameters: Mapping[str, Any]) -> str:
    """Compute one number for all that decides a result: the same number, the same map.

    Args:
        inputs: Checksums by path; of a path only the last part counts, so that a moved product is the same one. Of
            what has no checksum the whole address counts.
        model_sha256: Of the model's file.
        parameters: Choices that change the result, as JSON can hold them.

    Returns:
        SHA-256 in hexadecimal.
    """
    named = sorted((name if checksum == REMOTE else Path(name).name, checksum) for name, checksum in inputs.items())
    facts = {"version": __version__, "inputs": named, "model": model_sha256, "parameters": dict(parameters)}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def format_multihash(sha256: str) -> str:
    """Write a SHA-256 as the multihash that ``file:checksum`` wants."""
    return f"1220{sha256}"
