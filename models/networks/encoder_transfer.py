"""Carry what one network learned to see into another: the encoder of an autoencoder or classifier into a U-Net."""

from __future__ import annotations

from models.errors import ModelConfigError
from models.networks.autoencoder import Autoencoder
from models.networks.classifier import Classifier
from models.networks.unet import UNet

__all__ = ["carry_encoder"]


def carry_encoder(source: Autoencoder | Classifier | UNet, target: Autoencoder | Classifier | UNet) -> None:
    """Copy the encoder's weights, and the statistics of its norms.

    What only one of the two has to say about absent channels stays behind.

    Args:
        source: Where from; not changed.
        target: Where to; keeps its decoder and head.

    Raises:
        ModelConfigError: The encoders differ: nothing is copied.
    """
    weights, place = source.encoder.state_dict(), target.encoder.state_dict()
    told = "absence.weight"
    if (told in weights) != (told in place):
        weights.pop(told, None)
        if told in place:
            weights[told] = place[told]
    shapes, expected = ({name: tuple(t.shape) for name, t in state.items()} for state in (weights, place))
    if shapes != expected:
        name = next(name for name in (*expected, *shapes) if shapes.get(name) != expected.get(name))
        raise ModelConfigError(
            f"Expected encoders of the same channels, depth, width and norm; found {name} of {shapes.get(name)} for "
            f"{expected.get(name)}. Build both from the same hyperparameters."
        )
    target.encoder.load_state_dict(weights)
