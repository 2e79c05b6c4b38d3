"""What methods answer to a tile, and on how much of its surroundings they answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models.errors import ModelConfigError, ModelInputError
from pipeline.errors import OptionError
from pipeline.evaluation import answers
from pipeline.evaluation.answers import IndexMethod, NetworkMethod, list_index_methods, predict_tile
from tiles.bands import L2A_STACK
from tiles.indices import INDICES
from tiles.samples.sample import Sample


def make_sample(bands: dict[str, float], *, size: int = 3) -> Sample:
    reflectance = np.full((12, size, size), np.nan, np.float32)
    for name, value in bands.items():
        reflectance[L2A_STACK.index(name)] = value
    return Sample(
        reflectance=reflectance,
        fraction=np.zeros((size, size), np.float32),
        valid=np.ones((size, size), bool),
        place="bay",
        source="s",
        resolution_m=10.0,
    )


class Echo:
    """Answers with its first channel, and keeps what it was given."""

    def __init__(self, *inputs: str, reach_px: int | None = 3, stride: int = 4) -> None:
        self.card, self.source = SimpleNamespace(inputs=inputs), "echo.safetensors"
        self.reach_px, self.stride = reach_px, stride
        self.seen: list[np.ndarray] = []

    def predict(self, batch: np.ndarray) -> np.ndarray:
        self.seen.append(batch)
        return batch[:, 0]


def test_an_index_has_a_threshold_of_its_own_or_that_of_the_place() -> None:
    sample = make_sample({"B03": 0.3, "B08": 0.1})
    plain, chosen = IndexMethod(index="NDWI"), IndexMethod(index="NDWI", thresholds={"bay": 0.25, "sea": 0.5})
    assert (plain.name, chosen.name, plain.kind) == ("NDWI > 0", "NDWI > Otsu", "index")
    answer = plain.answer(sample)
    assert answer is not None
    np.testing.assert_allclose(answer.surface, 0.5, rtol=1e-6)
    assert answer.level == 0.0
    assert [method.answer(sample).level for method in (chosen, IndexMethod(index="NDWI", thresholds={}))] == [0.25, 0.0]  # type: ignore[union-attr]
    assert plain.answer(make_sample({"B03": 0.3})) is None


def test_every_index_is_compared_with_and_without_a_threshold_of_its_own() -> None:
    methods = list_index_methods({"NDWI": {"bay": 0.25}})
    assert [method.index for method in methods] == [name for name in INDICES for _ in range(2)]
    assert [method.thresholds for method in methods if method.index == "NDWI"] == [None, {"bay": 0.25}]
    assert all(method.thresholds in (None, {}) for method in methods if method.index != "NDWI")


@pytest.mark.parametrize(
    ("shape", "reach", "stride", "padded"),
    [
        ((8, 12), 3, 4, (16, 20)),
        ((5, 7), 4, 4, (16, 16)),
        ((5, 8), 5, 4, (24, 24)),
        ((4, 4), None, 4, (4, 4)),
        ((3, 5), 0, 1, (3, 5)),
    ],
)
def test_a_tile_is_mirrored_beyond_its_edge_as_far_as_the_network_sees(
    shape: tuple[int, int], reach: int | None, stride: int, padded: tuple[int, int]
) -> None:
    image = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(1, *shape)
    echo = Echo("B03", reach_px=reach, stride=stride)
    assert np.array_equal(predict_tile(echo, image), image[0])  # type: ignore[arg-type]
    (batch,) = echo.seen
    assert batch.shape == (1, 1, *padded)
    halo = -(-(reach or 0) // stride) * stride
    if halo:
        assert batch[0, 0, halo - 1, halo] == batch[0, 0, halo, halo]  # the edge itself twice


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> tuple[NetworkMethod, list[Any]]:
    asked: list[Any] = []

    def resolve(model: str, *, inputs: tuple[str, ...] | None = None, device: str, precision: str) -> Echo:
        asked.append((model, inputs, device, precision))
        if inputs == ("B08",):
            raise ModelInputError("cannot do without B03")
        if inputs == ("B11",):
            raise ModelConfigError("cannot do without B03")
        return Echo(*(inputs or ("B03", "B08", "B11")))

    monkeypatch.setattr(answers, "resolve_predictor", resolve)
    return NetworkMethod(name="ours", model="m"), asked


def test_a_network_answers_from_the_bands_that_are_there(network: tuple[NetworkMethod, list[Any]]) -> None:
    method, asked = network
    assert (method.kind, method.threshold, method.device, method.precision) == ("network", 0.5, "auto", "auto")
    assert method.whole.card.inputs == ("B03", "B08", "B11")
    sample = make_sample({"B03": 0.3, "B08": 0.1, "B11": 0.2, "B01": 0.9})
    sample.reflectance[:, 0, 0] = np.nan
    answer = method.answer(sample)
    assert answer is not None
    assert answer.level == 0.5
    assert np.isnan(answer.surface[0, 0])
    np.testing.assert_allclose(answer.surface[1:], 0.3, rtol=1e-6)
    for _ in range(2):
        method.answer(make_sample({"B03": 0.3, "B11": 0.2}))
    assert asked == [("m", None, "auto", "auto"), ("m", ("B03", "B11"), "auto", "auto")]  # made once
    for bands in ({"B08": 0.1}, {"B11": 0.1}, {"B01": 0.1}, {}):
        assert method.answer(make_sample(bands)) is None


def test_inputs_are_bands_of_sentinel_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "resolve_predictor", lambda *_, **__: Echo("B03", "VV"))
    with pytest.raises(OptionError, match=r"found the inputs VV in echo\.safetensors"):
        NetworkMethod(name="ours", model="m")
