"""Recipes as files: read, changed from the command line, checked, written."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from models.errors import TrainingError
from pipeline.recipe import Recipe

__all__ = ["read_recipe", "write_recipe"]


def read_recipe(path: Path, changes: Iterable[str] = ()) -> Recipe:
    """Read a recipe.

    Args:
        path: A YAML file.
        changes: Settings that replace those of the file, as ``data.root=/data/SWED``; values are YAML.

    Raises:
        TrainingError: The file is missing or no YAML, or a setting does not exist or has a wrong value.
    """
    values = _parse(path)
    for change in changes:
        _apply(values, change)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise TrainingError(f"The recipe {path}: {_explain(error)}") from error


def write_recipe(path: Path, recipe: Recipe) -> None:
    """Write a recipe as it was resolved, defaults and all.

    Args:
        path: Where to.
        recipe: The recipe.
    """
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False))
    draft.replace(path)


def _parse(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text())
    except OSError as error:
        raise TrainingError(f"Expected a recipe at {path}, found none to read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TrainingError(f"The recipe {path} is not YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(values, dict):
        raise TrainingError(f"Expected a recipe with keys such as data and model, found something else in {path}.")
    return values


def _apply(values: dict[str, Any], change: str) -> None:
    name, equals, text = change.partition("=")
    if not equals or not name.strip():
        raise TrainingError(f"Expected a change as data.root=FOLDER, found {change!r}.")
    *sections, key = name.strip().split(".")
    target: Any = values
    for section in sections:
        target = _descend(target, section, name)
    index = _as_index(target, key)
    if not isinstance(target, dict) and index is None:
        raise TrainingError(f"{name}: {sections[-1]} is a value, not a section.")
    try:
        target[key if index is None else index] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise TrainingError(f"The value of {name} is not YAML: {text!r}.") from error
    except IndexError as error:
        raise TrainingError(f"{name}: there is no entry {key}; it has {len(target)}.") from error


def _descend(target: object, section: str, name: str) -> Any:  # noqa: ANN401 (whatever YAML holds)
    if isinstance(target, list) and section.isdigit():
        if int(section) >= len(target):
            raise TrainingError(f"{name}: there is no entry {section}; it has {len(target)}.")
        return target[int(section)]
    if not isinstance(target, dict):
        raise TrainingError(f"{name}: {section} stands in a value, not in a section.")
    return target.setdefault(section, {})


def _as_index(target: object, key: str) -> int | None:
    return int(key) if isinstance(target, list) and key.isdigit() else None


def _explain(error: ValidationError) -> str:
    """All that is wrong, in one line, with the setting that was probably meant."""
    parts = []
    for fault in error.errors():
        where = ".".join(str(step) for step in fault["loc"])
        if fault["type"] == "extra_forbidden":
            known = _list_fields(fault["loc"])
            close = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
            parts.append(f"there is no setting {where} ({hint})")
        elif fault["type"] == "missing":
            parts.append(f"{where} is missing")
        else:
            parts.append(
                f"{where or 'it'}: {fault['msg'].removeprefix('Value error, ')}, found {_show(fault['input'])}"
            )
    return "; ".join(parts) + "."


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _list_fields(location: tuple[int | str, ...]) -> list[str]:
    fields: Mapping[str, Any] = Recipe.model_fields
    for step in location[:-1]:
        if isinstance(step, str) and step in fields:
            fields = next(_find_models(fields[step].annotation), Recipe).model_fields
    return list(fields)


def _find_models(annotation: object) -> Iterator[type[BaseModel]]:
    """The models that a type is made of, such as the one in ``tuple[PartRecipe, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _find_models(part)
