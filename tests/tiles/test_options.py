"""A bad choice is one line, and says which."""

from __future__ import annotations

import pickle
from typing import Literal, Self

import pytest
from pydantic import ValidationError, model_validator

from tiles.errors import OptionError
from tiles.options import Options


class Choices(Options):
    """Two colours that must differ."""

    first: Literal["red", "blue"] = "red"
    second: Literal["red", "blue"] = "blue"

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        if self.first == self.second == "red":
            raise OptionError("Two reds, found one wall.")
        if self.first == self.second:
            raise ValueError("two blues are too many")
        return self


def refuse(**choices: object) -> OptionError:
    with pytest.raises(OptionError) as caught:
        Choices(**choices)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_value_out_of_range_is_named_with_what_was_found() -> None:
    error = refuse(first="green")
    assert str(error) == "first: Input should be 'red' or 'blue', found 'green'."
    assert (error.option, error.exit_code) == ("first", 2)


def test_a_name_that_does_not_exist_is_named() -> None:
    assert str(refuse(third="red")).startswith("third: Extra inputs are not permitted")


def test_choices_that_contradict_each_other_say_so_as_they_were_told_to() -> None:
    assert str(refuse(second="red")) == "Two reds, found one wall."
    error = refuse(first="blue")
    assert (str(error), error.option) == ("Two blues are too many.", None)


def test_choices_stay_as_they_are() -> None:
    choices = Choices()
    with pytest.raises(ValidationError, match="frozen"):
        choices.first = "blue"  # type: ignore[misc]
    assert choices.replace(first="blue", second="red") == Choices(first="blue", second="red")
    assert choices == Choices() == pickle.loads(pickle.dumps(choices))  # noqa: S301 (our own bytes)
    with pytest.raises(OptionError, match="found 'green'"):
        choices.replace(first="green")
