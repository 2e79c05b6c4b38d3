"""How well pixels alone tell whether the offset of 1000 is in: the table of ``docs/radiometry.md``.

    python -m benchmarks.offset_evidence ../shared/data                              # prints the table
    python -m benchmarks.offset_evidence ../shared/data --update docs/radiometry.md  # writes it between the marks

Every real crop whose radiometry is known is judged with its offset in, taken off, and taken off with a clip at 0; as
stacks of 12, 6, 5 and 4 bands; whole, and as windows of 256, 128 and 64 pixels at five places (``--everywhere``: side
by side over all of each crop, down to 32 pixels).
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import rasterio
from numpy.typing import NDArray

from tiles.bands import L2A_STACK, resolve_band
from tiles.products.radiometry import EVIDENCE_BANDS, OFFSET_DN, Verdict, compute_offset_evidence

__all__ = ["BANDS", "TRUTH", "Crop", "Treatment", "crop_windows", "format_table", "judge", "list_crops", "read_crop"]

BEGIN, END = "<!-- table: benchmarks/offset_evidence.py -->", "<!-- end of table -->"

TRUTH: Mapping[str, bool] = {
    "scenes/accra.tif": True,
    "scenes/*12band*.tif": False,
    "scenes/terramesh/433D_629L_3_1.tif": True,
    "scenes/terramesh/609U_541L_3_0.tif": False,
    "scenes/terramesh/38D_378R_2_3.tif": False,
    "scenes/terramesh/637U_59R_1_3.tif": False,
    "scenes/parana/*.tif": True,
    "scenes/harbours/*.tif": False,
    "scenes/coast_crops/*.tif": False,
    "scenes/marida/*[0-9].tif": True,
    "scenes/ports/*.tif": False,
    "scenes/bigearthnet/*": False,
    "scenes/l1c/*": False,
    "stac/29RKH": False,
    "safe/*T01KCV*/GRANULE/*/IMG_DATA/R60m": False,
    "safe/*T33TVM*/GRANULE/*/IMG_DATA": True,
}
"""Whether the offset is in, by files of ``../shared/data``, as its README has it."""

BANDS: Mapping[str, tuple[str, ...]] = {
    "12 bands": L2A_STACK,
    "6 bands": ("B02", "B03", "B04", "B08", "B11", "B12"),
    "5 bands": ("B02", "B03", "B04", "B08", "B11"),
    "4 bands": ("B02", "B03", "B04", "B08"),
}

SIZES_PX = (256, 128, 64)

Treatment = Literal["in", "taken off", "clipped at 0"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crop:
    """Real pixels, of which it is known whether the offset is in.

    Attributes:
        name: Folder and file.
        dn: (row, col) a band, each of its own size; NaN where missing.
        has_offset: Whether the offset is in.
    """

    name: str
    dn: Mapping[str, NDArray[np.float64]]
    has_offset: bool

    def treat(self, treatment: Treatment) -> dict[str, NDArray[np.float64]]:
        """The DN as they would be with the offset in or off, (row, col) a band."""
        step = (treatment == "in") - self.has_offset
        dn = {name: values - OFFSET_DN * step for name, values in self.dn.items()}
        return {name: values.clip(0) for name, values in dn.items()} if treatment == "clipped at 0" else dn


def list_crops(root: Path) -> Iterator[tuple[Path, bool]]:
    """The files or folders of crops, and whether the offset is in.

    Args:
        root: The folder of real data.
    """
    for pattern, has_offset in TRUTH.items():
        for path in sorted(root.glob(pattern)):
            yield path, has_offset


def read_crop(path: Path, *, has_offset: bool) -> Crop:
    """Read a stack, or a folder with a file a band.

    Args:
        path: The file or folder.
        has_offset: Whether the offset is in.
    """
    files = [path] if path.is_file() else [file for file in sorted(path.glob("*")) if _is_band(file)]
    dn: dict[str, NDArray[np.float64]] = {}
    for file in files:
        dn |= _read_bands(file)
    return Crop(name=f"{path.parent.name}/{path.name}", dn=dn, has_offset=has_offset)


def _is_band(file: Path) -> bool:
    return _parse_band(file) in EVIDENCE_BANDS and file.suffix.lower() in {".tif", ".jp2"}


def _parse_band(file: Path) -> str:
    return resolve_band(file.stem.removesuffix("_60m").split("_")[-1]) or ""


def _read_bands(file: Path) -> dict[str, NDArray[np.float64]]:
    with rasterio.open(file) as dataset:
        dn, marker = dataset.read().astype(np.float64), dataset.nodata
        names = (
            [_parse_band(file)] if dataset.count == 1 else [resolve_band(text or "") for text in dataset.descriptions]
        )
    names = names if any(names) else list(L2A_STACK)
    missing = (dn == 0).all(axis=0) | ~np.isfinite(dn).all(axis=0)
    if marker not in (None, 0):
        missing |= (dn == marker).any(axis=0)
    dn[:, missing] = np.nan
    return {name: values for name, values in zip(names, dn, strict=True) if name in EVIDENCE_BANDS}


def crop_windows(
    dn: Mapping[str, NDArray[np.float64]], *, everywhere: bool = False
) -> Iterator[tuple[str, dict[str, NDArray[np.float64]]]]:
    """The whole, and windows at the corners and in the middle, each with its size in words.

    Args:
        dn: (row, col) a band, each of its own size.
        everywhere: Windows side by side over all of the crop instead, and those of 32 pixels too.
    """
    yield "whole", dict(dn)
    height, width = np.max([values.shape for values in dn.values()], axis=0)
    for size in (*SIZES_PX, 32) if everywhere else SIZES_PX:
        if min(height, width) <= size:
            continue
        rows, cols = (_plan_starts(length, size, everywhere=everywhere) for length in (height, width))
        places = (
            itertools.product(rows, cols)
            if everywhere
            else [*itertools.product(rows[:2], cols[:2]), (rows[2], cols[2])]
        )
        for row, col in places:
            part = {}
            for name, values in dn.items():
                down, right = values.shape[0] / height, values.shape[1] / width
                part[name] = values[
                    round(row * down) : round((row + size) * down), round(col * right) : round((col + size) * right)
                ]
            yield f"{size}²", part


def _plan_starts(length: int, size: int, *, everywhere: bool) -> list[int]:
    return list(range(0, length - size + 1, size)) if everywhere else [0, length - size, (length - size) // 2]


def judge(dn: Mapping[str, NDArray[np.float64]], bands: tuple[str, ...]) -> Verdict:
    """What the pixels of some bands say.

    Args:
        dn: (row, col) a band; NaN where missing.
        bands: Names of the bands that the stack has.
    """
    samples = {name: values[np.isfinite(values)] for name, values in dn.items() if name in bands}
    return compute_offset_evidence(samples).verdict


def count_verdicts(root: Path, *, everywhere: bool = False) -> Counter[tuple[str, str, str, Verdict]]:
    """Judge all crops: how often each verdict was given, by treatment, bands and window.

    Args:
        root: The folder of real data.
        everywhere: Windows side by side instead of at five places.
    """
    counts: Counter[tuple[str, str, str, Verdict]] = Counter()
    for path, has_offset in list_crops(root):
        crop = read_crop(path, has_offset=has_offset)
        for treatment in get_args(Treatment):
            for window, dn in crop_windows(crop.treat(treatment), everywhere=everywhere):
                for title, bands in BANDS.items():
                    counts[treatment, title, window, judge(dn, bands)] += 1
    return counts


def format_table(counts: Counter[tuple[str, str, str, Verdict]]) -> str:
    """The table: a row a treatment and stack, a column a size of window: right / undecided in percent, wrong counted.

    Args:
        counts: What ``count_verdicts`` gave.
    """
    windows = list(dict.fromkeys(window for _, _, window, _ in counts))
    lines = [
        "| offset | stack | " + " | ".join(windows) + " |",
        "| --- | --- |" + " --- |" * len(windows),
    ]
    for treatment in get_args(Treatment):
        for title in BANDS:
            cells = [_format_cell(counts, treatment, title, window) for window in windows]
            lines.append(f"| {treatment} | {title} | " + " | ".join(cells) + " |")
    numbers = [sum(counts["in", next(iter(BANDS)), window, v] for v in get_args(Verdict)) for window in windows]
    lines.append("| *number judged* | | " + " | ".join(str(number) for number in numbers) + " |")
    return "\n".join(lines)


def _format_cell(counts: Counter[tuple[str, str, str, Verdict]], treatment: Treatment, title: str, window: str) -> str:
    right: Verdict = "present" if treatment == "in" else "absent"
    wrong: Verdict = "absent" if treatment == "in" else "present"
    total = max(1, sum(counts[treatment, title, window, verdict] for verdict in get_args(Verdict)))
    said, unsaid = (100 * counts[treatment, title, window, verdict] / total for verdict in (right, "uncertain"))
    return f"{said:.0f} / {unsaid:.0f}, **{counts[treatment, title, window, wrong]}**"


def main() -> None:
    """Print the table, or write it into a document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--update", type=Path, help="document that holds the marks")
    parser.add_argument("--everywhere", action="store_true", help="windows side by side over all of each crop: minutes")
    options = parser.parse_args()
    table = format_table(count_verdicts(options.data, everywhere=options.everywhere))
    print(table)
    if options.update:
        before, _, rest = options.update.read_text(encoding="utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        options.update.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
