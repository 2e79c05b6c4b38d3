"""Model files: weights, hyperparameters and card in one safetensors file.

A pickle can run any code when it is loaded, so none ever is: what is no safetensors file is refused.

Source: safetensors format, https://huggingface.co/docs/safetensors (an 8-byte header length, a JSON header with
free ``__metadata__`` strings, then plain tensors).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from models.card import ModelCard
from models.errors import ModelConfigError, ModelFileError
from models.model_file import FORMAT, compute_file_sha256, explain_error, open_draft, parse_card, read_header
from models.networks.architecture import build_network, describe
from models.networks.network import Network, NetworkConfig

__all__ = ["Model", "read_model", "save_model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A network with its weights, and what it says about itself.

    Attributes:
        network: In evaluation mode, fp32, on the CPU.
        card: What the model is.
        source: The file that it came from.
        sha256: Of that file, in hexadecimal.

    Raises:
        ModelFileError: Card and network disagree about their channels.
    """

    network: Network = field(repr=False)
    card: ModelCard = field(repr=False)
    source: str
    sha256: str

    def __post_init__(self) -> None:
        _require_agreement(self.network.config, self.card, self.source)


def save_model(path: Path | str, network: Network, card: ModelCard) -> None:
    """Write a model file, whole or not at all.

    Kernels are kept as fp16 (half the size; the rounding is part of the model, so measure what was loaded), norms
    and biases as fp32.

    Args:
        path: Where to; replaced where it exists.
        network: The network.
        card: Its card.

    Raises:
        ModelFileError: Card and network disagree, or the file cannot be written.
    """
    path = Path(path)
    _require_agreement(network.config, card, str(path))
    header = {"config": describe(network.config), "card": card.model_dump(mode="json")}
    tensors = {name: _pack(tensor) for name, tensor in network.state_dict().items()}
    try:
        with open_draft(path) as draft:
            save_file(tensors, draft, metadata={FORMAT: json.dumps(header)})
            draft.chmod(0o644)  # safetensors leaves it to its owner alone, and models are to be shared
    except (OSError, SafetensorError) as error:
        raise ModelFileError(f"The model file {path} could not be written: {explain_error(error)}.") from error


def read_model(path: Path | str) -> Model:
    """Read a model file.

    Args:
        path: A file that ``save_model`` wrote.

    Raises:
        ModelFileError: The file is missing, truncated, a pickle, or no model of ours.
    """
    path = Path(path)
    header = read_header(path)
    card = parse_card(path, header)
    try:
        network = build_network(header["config"])
        with safe_open(path, framework="pt", device="cpu") as file:
            state = {name: _unpack(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118 (no mapping)
        network.load_state_dict(state)
        sha256 = compute_file_sha256(path)
    except (ModelConfigError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError, OSError) as error:
        raise ModelFileError(f"The weights in {path} do not fit their own header: {explain_error(error)}.") from error
    return Model(network=network.eval(), card=card, source=str(path), sha256=sha256)


def _require_agreement(config: NetworkConfig, card: ModelCard, source: str) -> None:
    channels = (config.in_channels, config.classes)
    if channels != (len(card.inputs), len(card.classes)):
        raise ModelFileError(
            f"The card names {len(card.inputs)} inputs and {len(card.classes)} classes, the network has {channels[0]} "
            f"and {channels[1]}: {source} contradicts itself."
        )


def _pack(tensor: Tensor) -> Tensor:
    kept = tensor.detach().to("cpu").contiguous()
    return kept.to(torch.float16) if kept.ndim > 1 and kept.is_floating_point() else kept


def _unpack(tensor: Tensor) -> Tensor:
    return tensor.to(torch.float32) if tensor.is_floating_point() else tensor
