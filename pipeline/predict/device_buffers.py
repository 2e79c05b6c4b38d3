"""Memory that a tile goes through on its way to a device and back, used again for the next.

Only page-locked ("pinned") memory is copied while the host does other work, and it is dear to come by: so it is kept.
One copy takes all arrays of a tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Departure", "Return"]

_ALIGNMENT = 256
_DTYPES = {
    np.dtype(np.uint16): torch.int16,  # the same bits: few of torch's operations know uint16
    np.dtype(np.int32): torch.int32,
    np.dtype(np.float32): torch.float32,
    np.dtype(np.uint8): torch.uint8,
}


class Departure:
    """Gathers the arrays of one tile, and sends them to the device.

    Args:
        device: Where they go.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._host = self._there = _allocate(0, device)
        self._places: list[tuple[int, NDArray[Any]]] = []

    def gather(self, arrays: Sequence[NDArray[Any]]) -> None:
        """Copy arrays into pinned memory; what was sent before has been used.

        Args:
            arrays: uint16, int32, float32 or uint8, of any shape.
        """
        sizes = [-(-array.nbytes // _ALIGNMENT) * _ALIGNMENT for array in arrays]
        total = sum(sizes)
        if self._host.numel() < total:
            self._host = self._there = _allocate(total, self._device)
            if self._device.type == "cuda":
                self._there = torch.empty(total, dtype=torch.uint8, device=self._device)
        starts = np.cumsum([0, *sizes])[:-1].tolist()
        self._places = []
        room: NDArray[np.uint8] = self._host.numpy()
        for start, array in zip(starts, arrays, strict=True):
            place = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
            np.copyto(place, array)
            self._places.append((start, place))

    def send(self) -> list[Tensor]:
        """Begin the copy, in the stream of the caller.

        Returns:
            The arrays on the device, in their order and shape; uint16 as int16 of the same bits.
        """
        end = max((start + place.nbytes for start, place in self._places), default=0)
        if self._there is not self._host:
            self._there[:end].copy_(self._host[:end], non_blocking=True)
        return [
            self._there[start : start + place.nbytes].view(_DTYPES[place.dtype]).view(place.shape)
            for start, place in self._places
        ]


class Return:
    """Takes the answer of one tile back from the device.

    Args:
        device: Where it comes from.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._probability = self._state = _allocate(0, device)

    def fetch(self, probability: Tensor, state: Tensor) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Begin the copy, in the stream of the caller; both must be kept until it is done.

        Args:
            probability: float32 (row, col), contiguous.
            state: uint8 (row, col), contiguous.

        Returns:
            Where they will be on the host.
        """
        if self._state.numel() < state.numel():
            self._probability = _allocate(4 * state.numel(), self._device)
            self._state = _allocate(state.numel(), self._device)
        here = self._probability[: 4 * state.numel()].view(torch.float32).view(probability.shape)
        state_here = self._state[: state.numel()].view(state.shape)
        here.copy_(probability, non_blocking=True)
        state_here.copy_(state, non_blocking=True)
        return here.numpy(), state_here.numpy()


def _allocate(size: int, device: torch.device) -> Tensor:
    """Bytes on the host; pinned where there is a GPU to copy them."""
    return torch.empty(size, dtype=torch.uint8, pin_memory=size > 0 and device.type == "cuda")
