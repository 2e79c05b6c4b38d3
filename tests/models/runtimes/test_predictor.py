"""Which batches a model takes, and which words."""

from __future__ import annotations

import numpy as np
import pytest

from models.errors import DeviceError, ModelInputError
from models.networks.unet_config import UNetConfig
from models.runtimes.predictor import Device, require_batch, require_choice
from tests.models.conftest import build_card

CARD = build_card(UNetConfig(in_channels=3))


@pytest.mark.parametrize(
    ("shape", "margin", "stride"),
    [
        ((1, 3, 8, 16), 0, 8),
        ((5, 3, 8, 16), 3, 8),
        ((1, 3, 9, 16), 4, 1),
        ((1, 3, 1, 1), 0, 1),
    ],
)
def test_a_batch_that_fits_is_taken(shape: tuple[int, ...], margin: int, stride: int) -> None:
    require_batch(np.zeros(shape, np.float32), CARD, margin=margin, stride=stride)


def test_any_size_fits_where_no_stride_is_asked_for() -> None:
    require_batch(np.zeros((1, 3, 7, 5), np.float32), CARD, margin=0)


@pytest.mark.parametrize(
    ("shape", "margin", "words"),
    [
        ((3, 8, 8), 0, r"expected a batch \(B, 3, H, W\) of C0, C1, C2, found the shape \(3, 8, 8\)"),
        ((1, 1, 3, 8, 8), 0, "expected a batch"),
        ((1, 2, 8, 8), 0, "expected a batch"),
        ((1, 3, 4, 8), 0, "multiples of 8, found 4 x 8"),
        ((1, 3, 8, 9), 0, "multiples of 8, found 8 x 9"),
        ((1, 3, 8, 16), 4, "less than half of 8 x 16 pixels, found 4"),
        ((1, 3, 16, 8), 4, "less than half of 16 x 8 pixels, found 4"),
        ((1, 3, 8, 8), -1, "found -1"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(shape: tuple[int, ...], margin: int, words: str) -> None:
    with pytest.raises(ModelInputError, match=words) as caught:
        require_batch(np.zeros(shape, np.float32), CARD, margin=margin, stride=8)
    assert caught.value.exit_code == 2


def test_a_word_is_one_of_those_there_are() -> None:
    require_choice("device", "cuda", Device)
    with pytest.raises(DeviceError, match="Expected the device to be one of auto, cpu, cuda; found 'tpu'"):
        require_choice("device", "tpu", Device)
