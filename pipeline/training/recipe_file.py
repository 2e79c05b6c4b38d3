"""Recipes as files: read, changed from the command line, checked, written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from models.errors import TrainingError
from pipeline.strict_yaml import explain, read_yaml
from pipeline.training.recipe import Recipe

__all__ = ["read_recipe", "write_recipe"]


def read_recipe(path: Path, changes: Iterable[str] = ()) -> Recipe:
    """Read a recipe.

    Args:
        path: A YAML file.
        changes: Settings that replace those of the file, as ``data.root=/data/SWED``; values are YAML.

    Raises:
        TrainingError: The file is missing or no YAML, or a setting does not exist or has a wrong value.
    """
    values = read_yaml(path)
    for change in changes:
        _apply(values, change)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise TrainingError(f"The recipe {path}: {explain(error, Recipe)}") from error


def write_recipe(path: Path, recipe: Recipe) -> None:
    """Write a recipe as it was resolved, defaults and all.

    Args:
        path: Where to.
        recipe: The recipe.
    """
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False))
    draft.replace(path)


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
