"""What a model reads of a scene, and what is said where bands are missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.card import ModelCard
from models.networks.unet_config import UNetConfig
from pipeline.errors import UnfitSceneError
from pipeline.predict.inputs import describe_absence, describe_fit, describe_need, list_absent, resolve_inputs
from tests.models.conftest import build_card
from tests.tiles.products.small_products import write_raster
from tiles.errors import BandError
from tiles.products.open import StackOptions, open_scene
from tiles.scene import Scene


def make_card(**changes: object) -> ModelCard:
    card = build_card(UNetConfig(in_channels=3))
    return card.model_copy(update={"inputs": ("B03", "B08", "B11"), **changes})


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    path = write_raster(tmp_path / "scene.tif", np.full((2, 4, 4), 1500, np.uint16))
    return open_scene(str(path), options=StackOptions(bands=("B08", "B03"), scale=1e-4, offset=0))


def test_bands_are_read_in_the_order_of_the_model(scene: Scene) -> None:
    card = make_card(inputs=("B08", "B03"))
    assert [source.name for source in resolve_inputs(scene, card)] == ["B08", "B03"]
    assert (list_absent(scene, card), describe_absence(scene, card)) == ((), ())
    assert describe_fit(scene, card) == "all its bands are there"


def test_a_band_that_a_model_can_do_without_is_left_out_and_told(scene: Scene) -> None:
    card = make_card(required_inputs=(("B03",), ("B08", "B11")))
    assert [source.name for source in resolve_inputs(scene, card)] == ["B03", "B08"]
    assert list_absent(scene, card) == ("B11",)
    assert describe_absence(scene, card) == (
        "The scene has no B11: tiny was told so, and mapped it from the other 2 of its 3 bands.",
    )
    assert describe_fit(scene, card) == "without B11"
    assert describe_need(card) == "B03 and B08/B11"


def test_a_band_that_a_model_needs_is_missed(scene: Scene) -> None:
    card = make_card()
    with pytest.raises(BandError, match="Band B11 is not in"):
        resolve_inputs(scene, card)
    assert describe_fit(scene, card) == "cannot: needs all of its 3 bands"


@pytest.mark.parametrize(("level", "fits"), [("L2A", True), ("L1C", False), ("unknown", True)])
def test_a_scene_is_of_a_level_that_the_model_was_made_for(scene: Scene, level: str, fits: bool) -> None:
    object.__setattr__(scene, "level", level)
    card = make_card(inputs=("B03", "B08"))
    assert describe_fit(scene, card) == ("all its bands are there" if fits else "cannot: wants L2A")
    if not fits:
        with pytest.raises(UnfitSceneError, match="scene is L1C, and the model tiny wants L2A: fetch the L2A product"):
            resolve_inputs(scene, card)
