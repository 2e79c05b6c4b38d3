"""Data by the names that a user gives them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.errors import OptionError
from pipeline.samples import sources
from pipeline.samples.simulated import SimulatedSource
from pipeline.samples.sources import HELD_OUT, resolve_places, resolve_source
from tiles.errors import SampleError
from tiles.samples.mask_values import MaskValues


@pytest.fixture(autouse=True)
def _opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is opened; what would be is named."""
    monkeypatch.setattr(sources, "LabelledCrops", lambda *, root, lists=(): ("labels", root, *lists))
    monkeypatch.setattr(sources, "SharedCrops", lambda *, crops: ("shares", *crops))
    monkeypatch.setattr(sources, "Swed", lambda *, root, split: ("swed", root, split))
    monkeypatch.setattr("tiles.samples.folder.FolderSamples", lambda *, root, values: ("folder", root, values))


@pytest.mark.parametrize(
    ("text", "first", "chips"),
    [("simulated:7", 7, 1), ("simulated:1-9", 1, 9), ("simulated:5-5", 5, 1), ("simulated:0-1", 0, 2)],
)
def test_simulated_chips_go_by_their_seeds(text: str, first: int, chips: int, tmp_path: Path) -> None:
    source = resolve_source(text, cache=tmp_path)
    assert isinstance(source, SimulatedSource)
    assert (source.first_seed, source.chips, source.cache) == (first, chips, tmp_path)


@pytest.mark.parametrize("text", ["simulated:", "simulated:9-8", "simulated:a", "simulated:1-2-3", "simulated:-1"])
def test_seeds_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match="Expected seeds as simulated:FIRST-LAST"):
        resolve_source(text)


def test_simulated_worlds_may_be_of_one_kind_and_are_kept_apart(tmp_path: Path) -> None:
    harbours, any_kind = resolve_source("simulated:3-4:harbour", cache=tmp_path), resolve_source("simulated:3-4")
    assert isinstance(harbours, SimulatedSource)
    assert (harbours.kind, harbours.first_seed, harbours.chips) == ("harbour", 3, 2)
    assert harbours.name != any_kind.name
    for text in ("simulated:3-4:port", "simulated:3-4:", "simulated:3-4:random"):
        with pytest.raises(OptionError, match=r"Expected a kind of world .*harbour"):
            resolve_source(text)


def test_one_list_of_labels_may_be_named(tmp_path: Path) -> None:
    assert resolve_source(f"labels:{tmp_path}:ports") == ("labels", tmp_path, "ports")
    (tmp_path / "a:b").mkdir()
    assert resolve_source(f"labels:{tmp_path / 'a:b'}") == ("labels", tmp_path / "a:b")
    assert resolve_source(f"shares:{tmp_path}:ports") == ("shares", "labels", tmp_path, "ports")


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_folder_is_what_it_is_called_or_what_it_holds(tmp_path: Path, split: str) -> None:
    assert resolve_source(f"labels:{tmp_path}") == ("labels", tmp_path)
    assert resolve_source(f"folder:{tmp_path}") == resolve_source(str(tmp_path)) == ("folder", tmp_path, MaskValues())
    stated = MaskValues(land=(1.0,), water=(2.0, 3.0), stated=True)
    for text in (f"folder:{tmp_path}:land=1:water=2,3", f"{tmp_path}:land=1:water=2,3"):
        assert resolve_source(text) == ("folder", tmp_path, stated)
    (tmp_path / split / "images").mkdir(parents=True)
    if split == "test":
        assert resolve_source(str(tmp_path)) == ("swed", tmp_path, "test")
        assert (
            resolve_source(f"swed:{tmp_path}") == resolve_source(f"swed:{tmp_path}:test") == ("swed", tmp_path, "test")
        )
    else:
        for text in (str(tmp_path), f"swed:{tmp_path}", f"swed:{tmp_path}:test"):
            with pytest.raises(SampleError, match=f"name swed:{tmp_path}:train"):
                resolve_source(text)
    assert resolve_source(f"swed:{tmp_path}:train") == ("swed", tmp_path, "train")


@pytest.mark.parametrize("text", ["nowhere", "labels:", "swed", "simulated", "other:x", ""])
def test_what_is_no_data_says_how_data_are_named(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if text:
        with pytest.raises(OptionError, match="Expected data as simulated:FIRST-LAST"):
            resolve_source(text)
    for kind in ("labels", "shares", "swed", "folder"):
        with pytest.raises(OptionError, match="Expected a folder of data, found none at nowhere"):
            resolve_source(f"{kind}:nowhere")


@pytest.mark.parametrize("named", ["swed:train", "swed:test"])
def test_a_folder_may_be_called_as_a_split_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path(named.partition(":")[2])
    (folder / "test").mkdir(parents=True)
    assert resolve_source(named) == ("swed", folder, "test")


@pytest.mark.parametrize("which", ["all", "held-out", "learned"])
def test_places_are_all_or_one_side_of_the_split(monkeypatch: pytest.MonkeyPatch, which: str) -> None:
    told: list[Any] = []
    restrict: Callable[[object], object] = lambda side: side  # noqa: E731
    source: Any = SimpleNamespace(places=("a", "b"), restrict=restrict)

    def split(places: object, *, held_out: float, seed: int) -> tuple[str, str]:
        told.append((places, held_out, seed))
        return "learned side", "held side"

    monkeypatch.setattr(sources, "split_places", split)
    answer = resolve_places(source, which)
    assert answer == {"all": source, "held-out": "held side", "learned": "learned side"}[which]
    assert told == ([] if which == "all" else [(("a", "b"), 0.15, 0)])
    assert HELD_OUT == 0.15
    with pytest.raises(OptionError, match="one of all, held-out, learned; found 'some'"):
        resolve_places(source, "some")
