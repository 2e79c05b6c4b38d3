"""Measure networks beside water indices, on the same pixels: tile by tile, in memory that the data does not decide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import SkipValidation, model_validator

from models.runtimes.predictor import Device, Precision
from pipeline.evaluation.answers import Answer, Method, NetworkMethod, list_index_methods
from pipeline.evaluation.tally import TALLY_LENGTH, Bootstrap, compute_figures, compute_tally, get_confusion
from pipeline.evaluation.tile_gallery import TileGallery
from pipeline.samples.sources import HELD_OUT, resolve_places, resolve_source
from tiles.bands import L2A_STACK
from tiles.errors import OptionError, SampleError
from tiles.indices import INDICES, IndexHistogram, compute_index
from tiles.options import Options
from tiles.progress import Progress, ignore_progress
from tiles.samples.mask_values import LabelShares
from tiles.samples.sample import Sample, SampleSource, list_label_shares

__all__ = ["Evaluation", "EvaluationOptions", "MethodResult", "evaluate", "open_data", "open_networks"]

Floats = NDArray[np.floating[Any]]

Subject = str | Path | NetworkMethod
"""What can be measured: the name of a bundled model, a model file, or a network with a name of its own."""

_FEW_PLACES = 8
"""With fewer places than this, tiles are resampled instead, and the report says so."""


class EvaluationOptions(Options):
    """How to measure.

    Attributes:
        tile_size: Rows and columns that are read at a time.
        resamples: Draws for the intervals.
        pictures: How many tiles are shown.
        places: Which places of named data: ``all``, ``held-out`` or ``learned``.
        held_out: Share of the places that the training held out.
        split_seed: Seed of that split, as the training had it.
        device: Where models that are named run.
        precision: What they multiply in.

    Raises:
        OptionError: A number is not positive.
    """

    tile_size: int = 384
    resamples: int = 500
    pictures: int = 24
    places: str = "all"
    held_out: float = HELD_OUT
    split_seed: int = 0
    device: SkipValidation[Device] = "auto"  # loading a model checks both, and knows what this machine has
    precision: SkipValidation[Precision] = "auto"

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        if self.tile_size < 32 or self.resamples < 2 or self.pictures < 0:
            raise OptionError(
                f"Expected a tile size of 32 or more, two resamples or more and no negative number of pictures, "
                f"found {self.tile_size}, {self.resamples} and {self.pictures}."
            )
        return self


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MethodResult:
    """What was counted of one method.

    Attributes:
        name: Of the method.
        kind: ``network`` or ``index``.
        pooled: (TALLY_LENGTH,), over everything.
        by_place: The same a place.
        intervals: 95% interval of each pooled figure; NaN where it cannot be told.
    """

    name: str
    kind: str
    pooled: Floats = field(repr=False)
    by_place: dict[str, Floats] = field(repr=False)
    intervals: dict[str, tuple[float, float]] = field(repr=False)

    @property
    def pixels(self) -> int:
        """How many pixels it answered; fewer than there are where it lacked a band."""
        return int(sum(get_confusion(self.pooled).values()))

    @property
    def figures(self) -> dict[str, float]:
        """The pooled figures."""
        return {name: float(value) for name, value in compute_figures(self.pooled).items()}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """All that was measured.

    Attributes:
        source: Name of the data.
        methods: Networks first, then the indices.
        tiles: How many tiles were read, by place.
        pixels: How many pixels counted, by place.
        water: How many of them were water, by place.
        absent: Bands that some tiles did not have, with how many tiles.
        resampled: What the intervals stand for: ``place`` or ``tile``.
        thresholds: Otsu's threshold, by index and place.
        gallery: The tiles to show, worst first.
        labels: What share of the labels each value of the masks has, where there are masks.
    """

    source: str
    methods: tuple[MethodResult, ...]
    tiles: dict[str, int]
    pixels: dict[str, int]
    water: dict[str, int]
    absent: dict[str, int]
    resampled: str
    thresholds: dict[str, dict[str, float]]
    gallery: TileGallery
    labels: tuple[LabelShares, ...] = ()

    @property
    def doubts(self) -> tuple[str, ...]:
        """What makes the truth itself doubtful, a sentence each."""
        water, total = sum(self.water.values()), sum(self.pixels.values())
        absent = "" if 0 < water < total else "land" if water else "water"
        alone = f"There is no {absent} in the truth: most figures mean little here."
        return (*(doubt for shares in self.labels for doubt in shares.doubts), *((alone,) if absent else ()))

    @property
    def places(self) -> tuple[str, ...]:
        """The places, sorted."""
        return tuple(sorted(self.tiles))

    @property
    def networks(self) -> tuple[MethodResult, ...]:
        """The networks among the methods."""
        return tuple(method for method in self.methods if method.kind == "network")

    @property
    def whole(self) -> tuple[MethodResult, ...]:
        """The methods that answered every pixel that counts: only these can be compared."""
        return tuple(method for method in self.methods if method.pixels == sum(self.pixels.values()))

    def __repr__(self) -> str:
        """A line for the data, and a line a method."""
        figures = [
            f"  {method.name}: accuracy {method.figures['accuracy']:.4f}, iou {method.figures['iou']:.4f}"
            for method in self.methods
        ]
        total = sum(self.pixels.values())
        return "\n".join([f"Evaluation on {self.source}: {len(self.places)} places, {total} pixels", *figures])


def evaluate(
    models: Subject | Sequence[Subject],
    data: str | Path | SampleSource,
    *,
    options: EvaluationOptions | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure models, and always the indices beside them.

    The data is read twice: Otsu's threshold of a scene is known only once all of the scene was seen.

    Args:
        models: What is to be measured: names of bundled models, model files, or networks with names of their own.
        data: As ``strandline evaluate`` takes it (``simulated:FIRST-LAST``, ``labels:SCENES``, a folder), or a source.
        options: How.
        progress: Told how far the work is.

    Raises:
        OptionError: Two networks have the same name, or the data is named in no way that is known.
        SampleError: The data has no labelled pixel.
        StrandlineError: A model cannot be loaded.
    """
    options, progress = options or EvaluationOptions(), progress or ignore_progress
    source = open_data(data, options)
    networks = open_networks(models, options)
    names = [network.name for network in networks]
    if len(set(names)) < len(names):
        raise OptionError(f"Expected networks of different names, found {', '.join(names)}. Name model files apart.")
    count, thresholds = _learn_thresholds(source, options.tile_size, progress)
    if count == 0:
        raise SampleError(f"The data ({source.name}) has no labelled pixel: there is nothing to measure on.")
    methods: tuple[Method, ...] = (*networks, *list_index_methods(thresholds))
    study = _Study(methods=methods, options=options, by_place=len(source.places) >= _FEW_PLACES)
    for number, sample in enumerate(source.tiles(size=options.tile_size)):
        study.add(sample, number)
        progress("measuring", (number + 1) / count)
    return study.finish(source, thresholds)


def open_networks(models: Subject | Sequence[Subject], options: EvaluationOptions) -> tuple[NetworkMethod, ...]:
    """Load models, each under its short name, or, where two share that, under what the user called it.

    Args:
        models: As ``evaluate`` takes them; networks stay as they are.
        options: Say where and how they run.

    Raises:
        StrandlineError: A model cannot be loaded.
    """
    subjects = [models] if isinstance(models, str | Path | NetworkMethod) else models
    short = [_shorten(subject) for subject in subjects]
    return tuple(
        subject
        if isinstance(subject, NetworkMethod)
        else NetworkMethod(
            name=name if short.count(name) == 1 else str(subject),
            model=str(subject),
            device=options.device,
            precision=options.precision,
        )
        for name, subject in zip(short, subjects, strict=True)
    )


def _shorten(subject: Subject) -> str:
    """The name of a network, of a model, or of a model file without its folder and ending."""
    if isinstance(subject, NetworkMethod):
        return subject.name
    return Path(subject).stem if Path(subject).suffix else str(subject)


def open_data(data: str | Path | SampleSource, options: EvaluationOptions) -> SampleSource:
    """Open the data that a user names, restricted to the places that the options choose; a source stays as it is.

    Args:
        data: As ``evaluate`` takes it.
        options: Say which places.

    Raises:
        OptionError: It is named in no way that is known.
        SampleError: There is nothing in it, or it cannot be divided.
    """
    if not isinstance(data, str | Path):
        return data
    return resolve_places(resolve_source(str(data)), options.places, held_out=options.held_out, seed=options.split_seed)


def _learn_thresholds(
    source: SampleSource, tile_size: int, progress: Progress
) -> tuple[int, dict[str, dict[str, float]]]:
    """How many tiles there are, and Otsu's threshold by index and place."""
    progress("choosing thresholds", 0.0)
    histograms: dict[str, dict[str, IndexHistogram]] = {
        name: defaultdict(partial(IndexHistogram, index)) for name, index in INDICES.items()
    }
    count = 0
    for sample in source.tiles(size=tile_size):
        count += 1
        for name, by_place in histograms.items():
            surface = compute_index(name, sample.reflectance)
            if surface is not None:
                by_place[sample.place].add(surface[sample.valid])
    thresholds = {
        name: {place: histogram.threshold for place, histogram in by_place.items()}
        for name, by_place in histograms.items()
    }
    return count, thresholds


@dataclass(slots=True, kw_only=True, eq=False)
class _Study:
    """What was counted so far."""

    methods: tuple[Method, ...]
    options: EvaluationOptions
    by_place: bool
    tallies: dict[str, dict[str, Floats]] = field(default_factory=dict)
    tiles: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    pixels: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    water: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    absent: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    draws: dict[str, Bootstrap] = field(default_factory=dict)
    gallery: TileGallery = field(init=False)

    def __post_init__(self) -> None:
        self.gallery = TileGallery(limit=self.options.pictures)
        self.tallies = {method.name: {} for method in self.methods}
        self.draws = {method.name: Bootstrap(TALLY_LENGTH, resamples=self.options.resamples) for method in self.methods}

    def add(self, sample: Sample, number: int) -> None:
        answers = {method.name: method.answer(sample) for method in self.methods}
        counted = _choose_pixels(sample, [answer for answer in answers.values() if answer is not None])
        if not counted.any():
            return
        self._count_sample(sample, counted)
        for method in self.methods:
            answer = answers[method.name]
            if answer is not None:
                self._count_answer(method, answer, sample, counted, number)
        first = answers[self.methods[0].name]
        if first is not None:
            self.gallery.add(sample, counted, first, number)

    def _count_sample(self, sample: Sample, counted: NDArray[np.bool_]) -> None:
        self.tiles[sample.place] += 1
        self.pixels[sample.place] += int(counted.sum())
        self.water[sample.place] += int((counted & (sample.fraction > 0.5)).sum())
        for name in np.array(L2A_STACK)[~sample.present]:
            self.absent[str(name)] += 1

    def _count_answer(
        self, method: Method, answer: Answer, sample: Sample, counted: NDArray[np.bool_], number: int
    ) -> None:
        tally = compute_tally(answer.surface, sample, counted, level=answer.level, calibrated=method.kind == "network")
        places = self.tallies[method.name]
        places[sample.place] = places.get(sample.place, 0) + tally
        if not self.by_place:
            self.draws[method.name].add(f"{sample.place}/{number}", tally)

    def finish(self, source: SampleSource, thresholds: dict[str, dict[str, float]]) -> Evaluation:
        return Evaluation(
            source=source.name,
            labels=list_label_shares(source),
            methods=tuple(self._finish_method(method) for method in self.methods),
            tiles=dict(self.tiles),
            pixels=dict(self.pixels),
            water=dict(self.water),
            absent=dict(self.absent),
            resampled="place" if self.by_place else "tile",
            thresholds=thresholds,
            gallery=self.gallery,
        )

    def _finish_method(self, method: Method) -> MethodResult:
        places, draws = self.tallies[method.name], self.draws[method.name]
        if self.by_place:
            for place, tally in places.items():
                draws.add(place, tally)
        return MethodResult(
            name=method.name,
            kind=method.kind,
            pooled=sum(places.values(), np.zeros(TALLY_LENGTH)),
            by_place=places,
            intervals=draws.compute_intervals(compute_figures),
        )


def _choose_pixels(sample: Sample, answers: Sequence[Answer]) -> NDArray[np.bool_]:
    """The pixels on which all are compared: labelled, and answered by each that answers at all."""
    counted = sample.valid.copy()
    for answer in answers:
        counted &= np.isfinite(answer.surface)
    return counted
