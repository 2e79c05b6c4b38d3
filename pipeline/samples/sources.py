"""What a user means by DATA: SWED, a folder of scenes with masks, labelled crops, simulated seeds."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, get_args

from pipeline.errors import OptionError
from pipeline.samples.shares import SharedCrops
from pipeline.samples.simulate_chip import CHIP_KINDS
from pipeline.samples.simulated import SimulatedSource
from tiles.errors import SampleError
from tiles.samples.crops import LabelledCrops
from tiles.samples.mask_values import MaskValues
from tiles.samples.sample import SampleSource, split_places
from tiles.samples.swed import Swed

__all__ = ["FORMS", "HELD_OUT", "Places", "resolve_places", "resolve_source"]

Places = Literal["all", "held-out", "learned"]

HELD_OUT: Final = 0.15
"""Share of the places that are held out where nobody says otherwise."""

FORMS = (
    "simulated:FIRST-LAST[:KIND], labels:SCENES[:LIST], shares:SCENES[:LIST], swed:DIR, "
    "folder:DIR[:land=0:water=1], or the path of a folder"
)
"""How data can be named, for messages and help."""


def resolve_source(text: str, *, cache: Path | None = None) -> SampleSource:
    """The samples that a user means.

    Args:
        text: ``simulated:FIRST-LAST[:KIND]`` (seeds, and a kind of world, as ``harbour`` or ``beach``),
            ``labels:SCENES[:LIST]`` (the labelled crops of the scenes in that folder, of one list where it is
            named), ``shares:SCENES[:LIST]`` (the same with shares of water along their shores),
            ``swed:DIR[:train]`` (the test split where none is named), ``folder:DIR``, or a path: SWED where it holds
            ``train/images`` or ``test/images``, else a folder of scenes with masks or polygons. After a folder of
            scenes may stand which values of masks are which: ``folder:DIR:land=0:water=255``.
        cache: Folder that keeps simulated chips; ``None`` simulates them anew each time.

    Raises:
        OptionError: It is none of these.
        SampleError: There is nothing to draw from.
    """
    kind, colon, rest = text.partition(":")
    if kind == "simulated" and colon:
        return _open_simulated(rest, cache)
    if colon and kind in _KINDS and rest:
        return _KINDS[kind](rest)
    path = Path(text)
    if path.is_dir():
        return _open_swed(text) if _is_swed(path) else _open_folder(text)
    if Path(MaskValues.parse(text)[0]).is_dir():
        return _open_folder(text)
    raise OptionError(f"Expected data as {FORMS}; found {text!r}, which is no folder. Check the spelling.")


def resolve_places(source: SampleSource, which: str, *, held_out: float = HELD_OUT, seed: int = 0) -> SampleSource:
    """The part of a source that a network learned from, or that was held out.

    Args:
        source: The whole.
        which: ``all``, ``held-out`` or ``learned``.
        held_out: Share of the places that is held out, as the training had it.
        seed: Of the split, as the training had it.

    Raises:
        OptionError: There is no such choice.
        SampleError: The source cannot be divided.
    """
    if which not in get_args(Places):
        raise OptionError(f"Expected --places to be one of {', '.join(get_args(Places))}; found {which!r}.")
    if which == "all":
        return source
    learned, held = split_places(source.places, held_out=held_out, seed=seed)
    return source.restrict(held if which == "held-out" else learned)


def _open_simulated(text: str, cache: Path | None) -> SampleSource:
    seeds, colon, kind = text.partition(":")
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", seeds)
    first, last = (int(group or match[1]) for group in match.groups()) if match else (0, -1)
    if last < first:
        raise OptionError(f"Expected seeds as simulated:FIRST-LAST, found simulated:{text}.")
    for known in CHIP_KINDS:
        if kind == known:
            return SimulatedSource(first_seed=first, chips=last - first + 1, cache=cache, kind=known)
    if colon:
        raise OptionError(f"Expected a kind of world ({', '.join(CHIP_KINDS)}), found simulated:{text}.")
    return SimulatedSource(first_seed=first, chips=last - first + 1, cache=cache)


def _open_labels(text: str) -> LabelledCrops:
    path, colon, name = text.rpartition(":")
    if colon and not Path(text).is_dir():
        return LabelledCrops(root=_require_folder(path), lists=(name,))
    return LabelledCrops(root=_require_folder(text))


def _open_shares(text: str) -> SampleSource:
    return SharedCrops(crops=_open_labels(text))


def _open_swed(text: str) -> SampleSource:
    path, _, split = text.rpartition(":")
    if split not in ("train", "test") or not path:
        path, split = text, "test"
    root = _require_folder(path)
    if split == "test" and not (root / "test").is_dir():
        raise SampleError(f"{root} has no test split: name swed:{root}:train to measure on the tiles of training.")
    return Swed(root=root, split="train" if split == "train" else "test")


def _open_folder(text: str) -> SampleSource:
    # Late, since torchgeo comes with the training extra alone.
    from tiles.samples.folder import FolderSamples  # noqa: PLC0415

    folder, values = MaskValues.parse(text)
    return FolderSamples(root=_require_folder(folder), values=values)


_KINDS: MappingProxyType[str, Callable[[str], SampleSource]] = MappingProxyType(
    {"labels": _open_labels, "shares": _open_shares, "swed": _open_swed, "folder": _open_folder}
)


def _is_swed(path: Path) -> bool:
    return (path / "train" / "images").is_dir() or (path / "test" / "images").is_dir()


def _require_folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise OptionError(f"Expected a folder of data, found none at {path}. Check the path.")
    return path
