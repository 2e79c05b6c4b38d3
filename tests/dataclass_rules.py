"""The house's rules for values: frozen, slotted, named by keyword, and compared only where that makes sense."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from types import ModuleType

__all__ = ["list_breaches"]

_ARRAYS = re.compile(r"\b(NDArray|Floats|Ints|Bools|Field)\b")
"""Annotations of arrays: two values that hold some have no plain answer to whether they are equal."""


def list_breaches(*modules: ModuleType, mutable: frozenset[str] = frozenset()) -> list[str]:
    """The rules that dataclasses of some modules break, a sentence each.

    Args:
        modules: Where the classes are defined.
        mutable: Names of classes that gather what they find, and so are not frozen.
    """
    return [
        f"{module.__name__}.{name} {breach}"
        for module in modules
        for name, kind in vars(module).items()
        if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__ == module.__name__
        for breach in _find_breaches(kind, frozen=name not in mutable)
    ]


def _find_breaches(kind: type, *, frozen: bool) -> Iterator[str]:
    rules = kind.__dataclass_params__  # type: ignore[attr-defined]
    fields = dataclasses.fields(kind)
    if rules.frozen is not frozen:
        yield "can be changed" if frozen else "cannot be changed"
    if "__slots__" not in vars(kind):
        yield "takes names that it does not have"
    if frozen and not all(field.kw_only for field in fields):
        yield "is made by position"
    if rules.eq and any(_ARRAYS.search(str(field.type)) for field in fields):
        yield "compares arrays"
