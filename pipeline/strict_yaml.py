"""YAML files that are checked to the last key: what is wrong is said in one line, with the setting that was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from models.errors import TrainingError

__all__ = ["explain", "read_yaml"]


def read_yaml(path: Path) -> dict[str, Any]:
    """The values of a recipe's file.

    Args:
        path: A YAML file.

    Raises:
        TrainingError: It is missing, no YAML, or has no keys.
    """
    try:
        values = yaml.safe_load(path.read_text())
    except OSError as error:
        raise TrainingError(f"Expected a recipe at {path}, found none to read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TrainingError(f"The recipe {path} is not YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(values, dict):
        raise TrainingError(f"Expected a recipe with keys, found something else in {path}.")
    return values


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """All that is wrong, in one line.

    Args:
        error: What pydantic found.
        model: What was being validated.
    """
    parts = []
    for fault in error.errors():
        where = ".".join(str(step) for step in fault["loc"])
        if fault["type"] == "extra_forbidden":
            known = _list_fields(model, fault["loc"])
            close = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
            parts.append(f"there is no setting {where} ({hint})")
        elif fault["type"] == "missing":
            parts.append(f"{where} is missing")
        else:
            message = fault["msg"].removeprefix("Value error, ")
            parts.append(f"{where or 'it'}: {message}, found {_show(fault['input'])}")
    return "; ".join(parts) + "."


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _list_fields(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    fields: Mapping[str, Any] = model.model_fields
    for step in location[:-1]:
        if isinstance(step, str) and step in fields:
            fields = next(_find_models(fields[step].annotation), model).model_fields
    return list(fields)


def _find_models(annotation: object) -> Iterator[type[BaseModel]]:
    """The models that a type is made of, such as the one in ``tuple[PartRecipe, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _find_models(part)
