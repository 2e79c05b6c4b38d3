"""A library that is missing is named with the extra that brings it."""

from __future__ import annotations

from importlib import metadata

import pytest

from pipeline import extras
from pipeline.errors import MissingExtraError
from pipeline.extras import explain_missing_library

REQUIREMENTS = [
    "numpy>=2.0",
    "dask>=2025.1; extra == 'scale'",
    'odc-stac>=0.4; extra == "scale"',
    "pyyaml>=6; extra == 'train'",
    "pyyaml>=6; extra == 'schedule'",
    "nvidia-nvimgcodec-cu13[nvjpeg2k]>=0.9; extra == 'gpu'",
    "segmentation-models-pytorch>=0.5; extra == 'train'",
    "hypothesis>=6; extra == 'dev'",
]


@pytest.fixture(autouse=True)
def _stated(monkeypatch: pytest.MonkeyPatch) -> None:
    extras._list_extras.cache_clear()
    monkeypatch.setattr(metadata, "requires", lambda _name: REQUIREMENTS)


@pytest.mark.parametrize(
    ("library", "line"),
    [
        ("dask", "dask is needed for this, and is not installed: pip install 'strandline[scale]'."),
        ("odc.stac", "odc is needed for this, and is not installed: pip install 'strandline[scale]'."),
        (
            "yaml",
            "yaml is needed for this, and is not installed: pip install 'strandline[train]' or pip install "
            "'strandline[schedule]'.",
        ),
        ("nvidia.nvimgcodec", "nvidia is needed for this, and is not installed: pip install 'strandline[gpu]'."),
        (
            "segmentation_models_pytorch",
            "segmentation_models_pytorch is needed for this, and is not installed: pip install 'strandline[train]'.",
        ),
    ],
)
def test_each_library_has_its_extra(library: str, line: str) -> None:
    error = explain_missing_library(ModuleNotFoundError(name=library))
    assert isinstance(error, MissingExtraError)
    assert (str(error), error.exit_code) == (line, 2)


@pytest.mark.parametrize("library", ["numpy", "hypothesis", "nonsense", None])
def test_what_no_extra_of_a_user_brings_is_left_as_it_is(library: str | None) -> None:
    assert explain_missing_library(ImportError(name=library)) is None


@pytest.mark.parametrize("library", ["fcntl", "resource"])
def test_what_only_posix_has_is_told_in_one_line(library: str) -> None:
    error = explain_missing_library(ModuleNotFoundError(name=library))
    assert str(error).startswith(f"This runs on Linux and macOS alone ({library} is missing here)")


def test_a_checkout_that_was_never_installed_knows_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_name: str) -> None:
        raise metadata.PackageNotFoundError

    extras._list_extras.cache_clear()
    monkeypatch.setattr(metadata, "requires", fail)
    assert explain_missing_library(ModuleNotFoundError(name="dask")) is None
    extras._list_extras.cache_clear()
