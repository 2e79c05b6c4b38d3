"""Look into an exported PyTorch program before it is loaded: a program can hold code, and ours hold none.

PyTorch's own loader falls back to pickle, and evaluates texts that it finds in a program. So a file is loaded only
where it holds nothing but plain tensors, a graph of PyTorch's own operators, and our card.

Source: torch.export, https://docs.pytorch.org/docs/stable/export/pt2_archive.html (the archive's layout).
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from models.errors import ModelFileError
from models.model_file import explain_error
from models.runtimes.exported import EXPORT_KEY, ExportHeader

__all__ = ["HEADER_NAME", "read_pt2_header", "require_plain"]

HEADER_NAME = f"{EXPORT_KEY}.json"
"""The extra file of the archive that holds our card."""

_CONFIGS = ("data/weights/model_weights_config.json", "data/constants/model_constants_config.json")
_GRAPH, _SAMPLE = "models/model.json", "data/sample_inputs/model.pt"
_ENTRY = re.compile(
    rf"{_CONFIGS[0]}|{_CONFIGS[1]}|{_GRAPH}|{_SAMPLE}|extra/{re.escape(HEADER_NAME)}|archive_format|archive_version|"
    r"byteorder|\.data/version|\.data/serialization_id|data/weights/weight_\d+|data/constants/tensor_\d+"
)
_OPERATOR = re.compile(
    r"torch\.ops\.aten\.\w+\.\w+|_operator\.(add|sub|mul|floordiv|mod|truediv|eq|ne|ge|gt|le|lt)|torch\.sym_\w+"
)
_EXPRESSION = re.compile(
    r"(Symbol|Integer|Mul|Add|Pow|Max|Min|Mod|PythonMod|FloorDiv|CleanDiv|positive|integer|True|[su]\d+|\d+|"
    r"[\s*+/(),='-])+"
)


def read_pt2_header(path: Path | str) -> ExportHeader:
    """What an exported program says beside its weights; no program is loaded.

    Raises:
        ModelFileError: The file is no exported program of ours.
    """
    path = Path(path)
    extra = _read_entries(path, only=f"extra/{HEADER_NAME}")
    text = extra.get(f"extra/{HEADER_NAME}")
    return ExportHeader.from_json(None if text is None else text.decode("utf-8", "replace"), path)


def require_plain(path: Path | str) -> None:
    """Refuse an exported program that holds more than tensors, PyTorch's own operators and our card.

    Args:
        path: The file.

    Raises:
        ModelFileError: It does, or it is damaged.
    """
    path = Path(path)
    entries = _read_entries(path)
    strange = [name for name in entries if not _ENTRY.fullmatch(name)]
    try:
        pickled = any(True in _walk(json.loads(entries[name]), "use_pickle") for name in _CONFIGS)
        graph = json.loads(entries[_GRAPH])
        strange += ["a pickle"] * pickled + _list_code(graph)
        torch.load(BytesIO(entries[_SAMPLE]), weights_only=True)  # where this fails, torch would run a pickle
    except Exception as error:
        reason = explain_error(error)
        raise ModelFileError(f"The exported program in {path} is damaged, or no such thing: {reason}.") from error
    if strange:
        raise ModelFileError(
            f"Expected an exported program of plain tensors and PyTorch's operators, found {strange[0][:80]!r} in "
            f"{path}. Such a file can run code, so it is not loaded: export the model with strandline export-model."
        )


def _read_entries(path: Path, only: str | None = None) -> dict[str, bytes]:
    """The archive's files by name, less the folder that all stand in."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.partition("/")[2]: name for name in archive.namelist()}
            return {short: archive.read(name) for short, name in names.items() if only in {None, short}}
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ModelFileError(
            f"Expected an exported program (.pt2), found a truncated or foreign file in {path}: {error}."
        ) from error


def _list_code(graph: Any) -> list[str]:  # noqa: ANN401 (JSON)
    """What of a serialised graph PyTorch would look up or evaluate, and is none of what ours hold."""
    targets = [str(text) for text in _walk(graph, "target")]
    expressions = [str(text) for text in _walk(graph, "expr_str")]
    ranges = list(graph.get("range_constraints") or {})
    return [
        *(text for text in targets if not _OPERATOR.fullmatch(text)),
        *(text for text in (*expressions, *ranges) if not _EXPRESSION.fullmatch(text)),
        *(str(text) for text in graph.get("guards_code") or ()),
    ]


def _walk(tree: Any, key: str) -> Iterator[Any]:  # noqa: ANN401 (JSON)
    """All values that stand under a key, at any depth."""
    if isinstance(tree, dict):
        if key in tree:
            yield tree[key]
        tree = list(tree.values())
    if isinstance(tree, list):
        for branch in tree:
            yield from _walk(branch, key)
