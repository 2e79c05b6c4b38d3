"""The offset: what pixels tell, who is believed, and that no real scene fools it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tiles.bands import L2A_STACK, resolve_band
from tiles.products.radiometry import (
    EVIDENCE_BANDS,
    OffsetEvidence,
    OffsetStatement,
    Verdict,
    add_evidence_doubt,
    compute_offset_evidence,
    resolve_nodata_rule,
    resolve_offset,
)
from tiles.scene import Radiometry

Samples = dict[str, NDArray[np.float64]]
OPPOSITE: dict[Verdict, Verdict] = {"present": "absent", "absent": "present"}

# Every folder of real pixels with what is known of its DN; "clear" where the pixels must tell, not only not err.
REAL: list[tuple[str, Verdict, bool]] = [
    ("scenes/accra.tif", "present", True),
    ("scenes/*12band*.tif", "absent", True),
    ("scenes/terramesh/433D_629L_3_1.tif", "present", True),
    ("scenes/terramesh/609U_541L_3_0.tif", "absent", True),  # snow
    ("scenes/terramesh/38D_378R_2_3.tif", "absent", True),  # dry land
    ("scenes/terramesh/637U_59R_1_3.tif", "absent", True),  # dry land
    ("scenes/parana/*.tif", "present", False),  # one date hazy
    ("scenes/harbours/*.tif", "absent", True),
    ("scenes/coast_crops/bigearthnet*.tif", "absent", True),
    ("scenes/marida/*[0-9].tif", "present", False),  # Rayleigh-corrected only
    ("stac/29RKH", "absent", False),  # desert: nothing dark
    ("scenes/bigearthnet/*", "absent", True),
    ("scenes/l1c/*", "absent", True),
    ("safe/*T01KCV*/GRANULE/*/IMG_DATA/R60m", "absent", True),
    ("safe/*T33TVM*/GRANULE/*/IMG_DATA", "present", False),  # cloud alone
]


def read_samples(path: Path) -> Samples:
    """Valid DN a band, of a stack or of a folder with a file a band."""
    if path.is_dir():
        files = {band_of(file): file for file in sorted(path.glob("*")) if "0m" not in file.name or "60m" in file.name}
        return {name: read_samples(file)[name] for name, file in files.items() if name in EVIDENCE_BANDS}
    with rasterio.open(path) as dataset:
        dn, marker, texts = dataset.read(), dataset.nodata, dataset.descriptions
    names = [band_of(path)] if len(dn) == 1 else [resolve_band(text or "") for text in texts]
    names = list(L2A_STACK) if names[0] is None else names
    missing = (dn == 0).all(axis=0)
    valid = {name: dn[i][~missing & np.isfinite(dn[i])] for i, name in enumerate(names) if name in EVIDENCE_BANDS}
    kept = {name: values[values != marker] for name, values in valid.items() if name is not None}
    return {name: values[:: 1 + values.size // 100_000].astype(np.float64) for name, values in kept.items()}


def band_of(file: Path) -> str:
    """Band that a file's name ends in, or nothing."""
    return resolve_band(file.stem.removesuffix("_60m").split("_")[-1]) or ""


def shift(samples: Samples, truth: Verdict) -> Samples:
    """The same scene had it the other radiometry; who takes the offset off clips at 1."""
    if truth == "absent":
        return {name: dn + 1000 for name, dn in samples.items()}
    return {name: (dn - 1000).clip(1) for name, dn in samples.items()}


@pytest.mark.parametrize(("pattern", "truth", "clear"), REAL, ids=[row[0] for row in REAL])
def test_real_pixels_with_and_without_their_offset(shared: Path, pattern: str, truth: Verdict, clear: bool) -> None:
    paths = sorted(shared.glob(pattern))
    assert paths
    for path in paths:
        samples = read_samples(path)
        assert samples, path
        found = compute_offset_evidence(samples).verdict
        assert found != OPPOSITE[truth], path
        assert found == truth or not clear, path
        assert compute_offset_evidence(shift(samples, truth)).verdict != truth, path


def test_most_scenes_with_water_are_told(shared: Path) -> None:
    paths = sorted(shared.glob("scenes/marida/*[0-9].tif")) + sorted(shared.glob("scenes/parana/*.tif"))
    told = [compute_offset_evidence(read_samples(path)).verdict == "present" for path in paths]
    assert np.mean(told) > 0.9


def test_each_eurosat_patch_of_sea_glint_and_forest(shared: Path) -> None:
    with rasterio.open(shared / "scenes/coast_crops/eurosat_l2a_513x64.tif") as dataset:
        mosaic = dataset.read().astype(np.float64)
    for number in range(513):
        row, col = divmod(number, 23)
        patch = mosaic[:, row * 64 : row * 64 + 64, col * 64 : col * 64 + 64]
        valid = ~(patch == 0).all(axis=0)
        samples = {name: patch[i][valid] for i, name in enumerate(L2A_STACK)}
        assert compute_offset_evidence(samples).verdict != "present", number
        assert compute_offset_evidence(shift(samples, "absent")).verdict != "absent", number


def spectrum(**values: float) -> Samples:
    """A thousand pixels a band about a value, the spread of water and shore."""
    rng = np.random.default_rng(3)
    return {name: rng.normal(value, 20, 1000) for name, value in values.items()}


@pytest.mark.parametrize(
    ("samples", "verdict"),
    [
        (spectrum(B02=1200, B08=1100, B11=1050), "present"),
        (spectrum(B02=200, B08=100, B11=50), "absent"),
        (spectrum(B02=1000, B04=2100, B08=2400, B11=3000), "uncertain"),  # desert
        (spectrum(B02=6000, B08=6500, B11=1100), "uncertain"),  # ice cloud
        (spectrum(B02=1150), "uncertain"),  # one region of the spectrum cannot tell
        ({"B02": np.full(20, 1100.0), "B08": np.full(20, 1100.0)}, "uncertain"),  # too few
        ({}, "uncertain"),
    ],
)
def test_what_pixels_tell(samples: Samples, verdict: Verdict) -> None:
    assert compute_offset_evidence(samples).verdict == verdict


@given(st.floats(1, 1e5), st.sampled_from(["present", "absent"]))
def test_evidence_does_not_depend_on_the_unit(quantification: float, truth: Verdict) -> None:
    base = 1000 if truth == "present" else 0
    samples = spectrum(B02=base + 200, B08=base + 100, B11=base + 50)
    scaled = {name: dn * quantification / 10000 for name, dn in samples.items()}
    assert compute_offset_evidence(scaled, quantification=quantification).verdict == truth


def evidence(verdict: Verdict) -> OffsetEvidence:
    return OffsetEvidence(verdict=verdict, floor={"B08": 1100.0}, below={"B08": 0.0})


@given(
    offset=st.sampled_from([0.0, -1000.0, -7000.0]),
    verdict=st.sampled_from(["present", "absent", "uncertain"]),
    final=st.booleans(),
)
def test_who_is_believed(offset: float, verdict: Verdict, final: bool) -> None:
    decision = resolve_offset(OffsetStatement(offset=offset, source="tag", final=final), evidence(verdict))
    disagree = verdict == ("absent" if offset else "present")
    assert bool(decision.doubts) == disagree
    if final or not disagree:
        assert (decision.offset, decision.source) == (offset, "tag")
    else:
        assert decision.offset == (-1000 if verdict == "present" else 0)
        assert decision.source.startswith("pixels")


@pytest.mark.parametrize(
    ("verdict", "offset", "doubts"), [("present", -1000, 0), ("absent", 0, 0), ("uncertain", 0, 1)]
)
def test_without_metadata_the_pixels_decide(verdict: Verdict, offset: float, doubts: int) -> None:
    decision = resolve_offset(OffsetStatement(offset=None, source="no metadata"), evidence(verdict))
    assert (decision.offset, len(decision.doubts)) == (offset, doubts)


def test_a_product_stands_by_its_xml_and_records_the_doubt() -> None:
    stated = Radiometry(quantification=10000, offsets={"B08": -1000.0}, source="MTD_MSIL2A.xml BOA_ADD_OFFSET")
    doubted = add_evidence_doubt(stated, evidence("absent"))
    assert doubted.offsets == stated.offsets
    assert doubted.doubts[0].startswith("MTD_MSIL2A.xml BOA_ADD_OFFSET says offset -1000, but")
    assert add_evidence_doubt(stated, evidence("present")) == stated


@pytest.mark.parametrize(
    ("nodata", "offset", "clipped", "rule"),
    [
        (0, 0, True, "all"),
        (0, -1000, True, "any"),
        (0, 0, False, "any"),
        (-9999, 0, True, "any"),
        (None, 0, True, "any"),
    ],
)
def test_when_zero_may_be_dark_water(nodata: float | None, offset: float, clipped: bool, rule: str) -> None:
    assert resolve_nodata_rule(nodata=nodata, offset=offset, clipped=clipped) == rule
