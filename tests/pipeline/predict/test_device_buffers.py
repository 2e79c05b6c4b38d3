"""Arrays of a tile on their way to a device and back: here the processor itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.predict.device_buffers import Departure, Return

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("dtype", "there"),
    [("uint16", torch.int16), ("int32", torch.int32), ("float32", torch.float32), ("uint8", torch.uint8)],
)
def test_arrays_come_in_their_order_shape_and_bits(dtype: str, there: torch.dtype) -> None:
    departure = Departure(CPU)
    first = np.arange(30).reshape(5, 6).astype(dtype)
    second = np.array([65_535], np.uint16)
    departure.gather([first, second, first[:2] + first.dtype.type(1)])
    one, other, last = departure.send()
    assert (one.dtype, tuple(one.shape), one.tolist()) == (there, (5, 6), first.tolist())
    assert other.tolist() == [-1]  # the same bits
    assert last.tolist() == (first[:2] + 1).tolist()


def test_each_array_begins_at_a_multiple_of_256_bytes_and_room_is_kept() -> None:
    departure = Departure(CPU)
    departure.gather([np.zeros(256, np.uint8), np.zeros(257, np.uint8), np.zeros(1, np.uint8)])
    sent = departure.send()
    starts = [tensor.data_ptr() - sent[0].data_ptr() for tensor in sent]
    assert starts == [0, 256, 768]
    departure.gather([np.ones(1024, np.uint8)])  # as much as there is room for
    assert departure.send()[0].data_ptr() == sent[0].data_ptr()
    assert departure.send()[0].sum() == 1024
    departure.gather([np.full(1025, 2, np.uint8)])
    assert departure.send()[0].tolist() == [2] * 1025
    departure.gather([])
    assert departure.send() == []


def test_answers_come_back_and_room_is_kept() -> None:
    back = Return(CPU)
    probability, state = torch.rand(4, 6), torch.randint(0, 3, (4, 6), dtype=torch.uint8)
    first = back.fetch(probability, state)
    assert np.array_equal(first[0], probability.numpy())
    assert np.array_equal(first[1], state.numpy())
    smaller = back.fetch(probability[:2].contiguous(), state[:2].contiguous())
    assert (smaller[0].shape, smaller[1].shape) == ((2, 6), (2, 6))
    assert smaller[0].ctypes.data == first[0].ctypes.data
    larger = back.fetch(torch.ones(5, 6), torch.ones(5, 6, dtype=torch.uint8))
    assert larger[0].sum() == larger[1].sum() == 30
