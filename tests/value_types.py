"""What the house asks of its value types."""

from __future__ import annotations

from dataclasses import fields, is_dataclass


def require_value_type(kind: type, *, by_keyword: bool = True) -> None:
    """A value cannot be changed, holds its fields alone, and is made by keywords, whose order nobody must recall."""
    assert is_dataclass(kind)
    assert kind.__dataclass_params__.frozen, f"{kind} can be changed"  # type: ignore[attr-defined]
    assert "__slots__" in vars(kind), f"{kind} takes further attributes"
    assert {field.kw_only for field in fields(kind)} == {by_keyword}
