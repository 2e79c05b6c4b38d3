"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import models.networks.autoencoder
import models.networks.checkpoint
import models.networks.classifier
import models.networks.normalisation
import models.networks.receptive_field
import models.networks.smp
import models.networks.unet_config
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        models.networks.autoencoder,
        models.networks.checkpoint,
        models.networks.classifier,
        models.networks.normalisation,
        models.networks.receptive_field,
        models.networks.smp,
        models.networks.unet_config,
    )
    assert breaches == []
