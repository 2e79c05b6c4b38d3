"""The options that ``map`` and ``batch`` share have the defaults of ``MapOptions``, and say what they are for."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, get_args

import pytest

from pipeline.mapping.options import MapOptions
from tiles.products.stack import StackOptions
from workflows.commands.batch import batch
from workflows.commands.map import map_
from workflows.runs import map_options
from workflows.runs.map import read_options, read_stack


def read_defaults(command: Callable[..., None]) -> dict[str, Any]:
    parameters = inspect.signature(command).parameters.items()
    return {name: parameter.default for name, parameter in parameters if name in MapOptions.model_fields}


@pytest.mark.parametrize("command", [map_, batch])
def test_what_is_left_out_is_what_the_library_takes(command: Callable[..., None]) -> None:
    defaults = {name: value for name, value in read_defaults(command).items() if name != "threads"}
    assert set(MapOptions.model_fields) - set(defaults) == {"threads"}
    assert read_options(defaults) == MapOptions()


def test_every_option_is_explained_in_a_line() -> None:
    for name in map_options.__all__:
        _, option = get_args(getattr(map_options, name))
        assert option.help.endswith((".", ").")), name
        assert len(option.help) < 100, name


def test_a_zero_is_a_word_about_a_stack() -> None:
    silent = {"bands": None, "scale": None, "offset": None, "any_platform": False}
    assert read_stack(silent) is None
    assert read_stack(silent | {"offset": 0.0}) == StackOptions(offset=0.0)
    assert read_stack(silent | {"any_platform": True}) == StackOptions(any_platform=True)
