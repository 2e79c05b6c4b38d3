"""Who answers, and how: a network, or a water index with a threshold; each sees the same reflectance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelConfigError, ModelInputError
from models.runtimes.predictor import Device, Precision, Predictor
from models.runtimes.resolve import resolve_predictor
from pipeline.errors import OptionError
from tiles.bands import L2A_STACK
from tiles.indices import INDICES, compute_index
from tiles.samples.sample import Sample

__all__ = ["Answer", "IndexMethod", "Method", "NetworkMethod", "list_index_methods", "predict_tile"]

_WHOLE = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """What a method makes of a tile.

    Attributes:
        surface: float32 (row, col), higher over water; NaN where it has no answer.
        level: A pixel is water above it.
    """

    surface: NDArray[np.float32]
    level: float


class Method(Protocol):
    """Something that tells water from land. Its answer to a sample depends on its reflectance and place alone."""

    @property
    def name(self) -> str:
        """What it is called in tables; unique among those that are compared."""
        ...

    @property
    def kind(self) -> Literal["network", "index"]:
        """Whether its surface is a probability, or an index."""
        ...

    def answer(self, sample: Sample) -> Answer | None:
        """The answer to a tile; ``None`` where it needs a band that is absent."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexMethod:
    """A water index with a threshold.

    Attributes:
        index: Name of the index.
        thresholds: Of each place; ``None``: 0 everywhere.
    """

    index: str
    thresholds: Mapping[str, float] | None = None

    @property
    def name(self) -> str:
        """Index and threshold."""
        return f"{self.index} > {'0' if self.thresholds is None else 'Otsu'}"

    @property
    def kind(self) -> Literal["network", "index"]:
        """It is an index."""
        return "index"

    def answer(self, sample: Sample) -> Answer | None:
        """The index, and its threshold for the sample's place."""
        surface = compute_index(self.index, sample.reflectance)
        level = 0.0 if self.thresholds is None else self.thresholds.get(sample.place, 0.0)
        return None if surface is None else Answer(surface=surface, level=level)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NetworkMethod:
    """A model, run as ``strandline map`` runs it: beyond the tile's edge it sees the tile mirrored.

    Attributes:
        name: What it is called in tables.
        model: Name of a bundled model, or path of a model file.
        device: Where it runs.
        precision: What it multiplies in.
        threshold: Probability above which a pixel is water.

    Raises:
        OptionError: Its inputs are not bands of Sentinel-2.
        StrandlineError: The model cannot be loaded.
    """

    name: str
    model: str
    device: Device = "auto"
    precision: Precision = "auto"
    threshold: float = 0.5
    _predictors: dict[tuple[str, ...], Predictor | None] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        whole = resolve_predictor(self.model, device=self.device, precision=self.precision)
        unknown = [name for name in whole.card.inputs if name not in L2A_STACK]
        if unknown:
            raise OptionError(
                f"Expected a model of Sentinel-2 bands, found the inputs {', '.join(unknown)} in {whole.source}."
            )
        self._predictors[whole.card.inputs] = whole
        self._predictors[_WHOLE] = whole

    @property
    def kind(self) -> Literal["network", "index"]:
        """It is a network."""
        return "network"

    @property
    def whole(self) -> Predictor:
        """The model with all of its bands."""
        predictor = self._predictors[_WHOLE]
        assert predictor is not None  # noqa: S101 (for the type checker)
        return predictor

    def answer(self, sample: Sample) -> Answer | None:
        """The probability of water, NaN where the sample has no data at all."""
        present = {name for name, is_present in zip(L2A_STACK, sample.present, strict=True) if is_present}
        inputs = tuple(name for name in self.whole.card.inputs if name in present)
        predictor = self._get_predictor(inputs) if inputs else None
        if predictor is None:
            return None
        image = sample.reflectance[[L2A_STACK.index(name) for name in inputs]]
        known = np.isfinite(image).any(axis=0)
        probability = np.where(known, predict_tile(predictor, image), np.float32(np.nan))
        return Answer(surface=probability, level=self.threshold)

    def _get_predictor(self, inputs: tuple[str, ...]) -> Predictor | None:
        """The model for some of its bands, made once; ``None`` where it cannot do without the others."""
        if inputs not in self._predictors:
            try:
                predictor: Predictor | None = resolve_predictor(
                    self.model, inputs=inputs, device=self.device, precision=self.precision
                )
            except (ModelConfigError, ModelInputError):
                predictor = None
            self._predictors[inputs] = predictor
        return self._predictors[inputs]


def predict_tile(predictor: Predictor, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """The probability of water on a tile of any size, mirrored beyond its edge as far as the network sees.

    Args:
        predictor: The model.
        image: (C, row, col), reflectance in the order of its inputs; NaN where not known.
    """
    stride = predictor.stride
    halo = -(-(predictor.reach_px or 0) // stride) * stride
    height, width = image.shape[1:]
    margins = [(halo, halo + -size % stride) for size in (height, width)]
    padded = np.pad(image, ((0, 0), *margins), mode="symmetric")
    probability = predictor.predict(padded[None])[0]
    return np.asarray(probability[halo : halo + height, halo : halo + width])


def list_index_methods(thresholds: Mapping[str, Mapping[str, float]]) -> tuple[IndexMethod, ...]:
    """Every index with threshold 0 and with Otsu's.

    Args:
        thresholds: Otsu's threshold by index and place.
    """
    return tuple(
        IndexMethod(index=name, thresholds=chosen) for name in INDICES for chosen in (None, thresholds.get(name, {}))
    )
