"""YAML files that are checked to the last key: what is wrong is said in one line, with the setting that was meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from models.errors import TrainingError
from strandline import StrandlineError

__all__ = ["explain", "read_yaml"]

_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")


def read_yaml(
    path: Path, *, noun: str = "recipe", error_type: type[StrandlineError] = TrainingError, quote: bool = True
) -> dict[str, Any]:
    """The values of a file, such as a recipe's.

    Args:
        path: A YAML file.
        noun: What the file is, for messages.
        error_type: What is raised.
        quote: Quote the place that is no YAML; not where passwords may stand in it.

    Raises:
        StrandlineError: Of ``error_type``: it is missing, no YAML, says a key twice, or has no keys.
    """
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 (a SafeLoader)
    except OSError as error:
        raise error_type(f"Expected a {noun} at {path}, found none to read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split()) if quote else _describe_place(error)
        raise error_type(f"The {noun} {path} is not YAML: {reason}.") from (error if quote else None)
    if not isinstance(values, dict):
        raise error_type(f"Expected a {noun} with keys, found something else in {path}.")
    return values


def explain(error: ValidationError, model: type[BaseModel], *, secret: Collection[str] | None = None) -> str:
    """All that is wrong, in one line.

    Args:
        error: What pydantic found.
        model: What was being validated.
        secret: Names of settings whose values are not shown, wherever they stand; then sections are not shown either.
    """
    parts = []
    faults = error.errors()
    wrong = [fault["loc"] for fault in faults]
    for fault in faults:
        size = len(fault["loc"])
        if fault["type"] == "too_short" and any(loc[:size] == fault["loc"] for loc in wrong if len(loc) > size):
            continue  # its entries are wrong, which is said; that none is left follows from it
        where = ".".join(str(step) for step in fault["loc"])
        if fault["type"] == "extra_forbidden":
            known = _list_fields(model, fault["loc"])
            close = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
            parts.append(f"there is no setting {where} ({hint})")
        elif fault["type"] == "missing":
            parts.append(f"{where} is missing")
        else:
            message = fault["msg"].removeprefix("Value error, ").removesuffix(".")
            shown = _shorten(fault["input"])
            hidden = secret is not None and _is_hidden(fault["loc"], fault["input"], secret)
            ending = "" if hidden or shown in message else f", found {shown}"
            parts.append(f"{where or 'it'}: {message}{ending}")
    return " ".join("; ".join(parts).split()) + "."


class _Loader(yaml.SafeLoader):
    """Reads YAML, and refuses a key that stands twice in one place: one of the two would silently be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {name} stands twice", key.start_mark)
            seen |= {name} - {"", "<<"}
        return super().construct_mapping(node, deep)


def _describe_place(error: Exception) -> str:
    """What is wrong and where, without the text that stands there."""
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or "it cannot be read as text"
    problem = _QUOTED.sub(_drop_word, reason)
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1})" if mark else problem


def _drop_word(match: re.Match[str]) -> str:
    """Leave out a word of the file that the parser repeats; its own, such as ``]`` and ``<stream end>``, stay."""
    word = match[1] or match[2] or ""
    return match[0] if len(word) < 3 or word.startswith("<") else "'...'"


def _is_hidden(location: tuple[int | str, ...], value: object, secret: Collection[str]) -> bool:
    return isinstance(value, dict | list | tuple) or any(step in secret for step in location)


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _list_fields(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    fields: Mapping[str, Any] = model.model_fields
    kinds: list[type[BaseModel]] = []
    for step in location[:-1]:
        if isinstance(step, str) and step in fields:
            kinds = list(_find_models(fields[step].annotation)) or [model]
            fields = kinds[0].model_fields
        elif isinstance(step, str):  # which of several kinds of section it is
            fields = next((kind.model_fields for kind in kinds if _read_kind(kind) == step), fields)
    return list(fields)


def _read_kind(model: type[BaseModel]) -> object:
    """The word that names a kind of section, where a model has several: the literal of its field ``kind``."""
    field = model.model_fields.get("kind")
    return None if field is None else next(iter(get_args(field.annotation)), None)


def _find_models(annotation: object) -> Iterator[type[BaseModel]]:
    """The models that a type is made of, such as the one in ``tuple[PartRecipe, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _find_models(part)
