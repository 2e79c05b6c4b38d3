"""The state of a training on disk: weights, averaged weights, optimiser and counters, without pickle."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import AdamW

__all__ = ["Progress", "read_state", "write_state"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a training has come.

    Attributes:
        step: Optimiser steps done.
        seconds: Wall time of learning so far, over all runs.
        mean: Mean reflectance a channel, for normalisation.
        std: Standard deviation of reflectance a channel.
    """

    step: int
    seconds: float
    mean: tuple[float, ...]
    std: tuple[float, ...]


def write_state(path: Path, networks: dict[str, nn.Module], optimiser: AdamW, progress: Progress) -> None:
    """Keep the state, in place of the one before.

    Args:
        path: Where.
        networks: Networks by name.
        optimiser: Whose moments to keep.
        progress: Counters.
    """
    tensors: dict[str, Tensor] = {}
    for name, network in networks.items():
        tensors |= {f"{name}/{key}": _pack(value) for key, value in network.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{index}/{key}": _pack(value) for key, value in state.items()}
    draft = path.with_suffix(".draft")
    save_file(tensors, draft, metadata={"progress": json.dumps(asdict(progress))})
    draft.replace(path)


def read_state(path: Path, networks: dict[str, nn.Module], optimiser: AdamW) -> Progress:
    """Take up the state that ``write_state`` kept.

    Args:
        path: Where.
        networks: Networks of the same names and shapes; changed in place.
        optimiser: Over the same parameters; changed in place.
    """
    with safe_open(path, framework="pt") as file:
        fields = json.loads((file.metadata() or {})["progress"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    for name, network in networks.items():
        network.load_state_dict({key: tensors[f"{name}/{key}"] for key in network.state_dict()})
    whole = optimiser.state_dict()
    for name, tensor in tensors.items():
        if name.startswith("optimiser/"):
            _, index, key = name.split("/")
            whole["state"].setdefault(int(index), {})[key] = _unpack(tensor)
    optimiser.load_state_dict(whole)
    return Progress(
        step=fields["step"], seconds=fields["seconds"], mean=tuple(fields["mean"]), std=tuple(fields["std"])
    )


def _pack(tensor: Tensor) -> Tensor:
    return tensor.detach().clone(memory_format=torch.contiguous_format)


def _unpack(tensor: Tensor) -> Tensor:
    return tensor.to(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor
