"""The offset: what pixels tell, who is believed, and that no real scene fools it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.offset_evidence import BANDS, Treatment, crop_windows, judge, list_crops, read_crop
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


@pytest.mark.parametrize(
    "part",
    ["S2_12-12-20_16PCC_6.", "20231212", "ship_209075000", "bigearthnet_coast_1", "433D", "609U", "cartagena", "29RKH"],
)
def test_no_treatment_stack_or_window_of_real_crops_is_told_wrong(shared: Path, part: str) -> None:
    ((path, has_offset),) = ((path, has) for path, has in list_crops(shared) if part in path.name)
    crop = read_crop(path, has_offset=has_offset)
    for treatment in get_args(Treatment):
        wrong = "absent" if treatment == "in" else "present"
        for size, dn in crop_windows(crop.treat(treatment)):
            verdicts = {title: judge(dn, bands) for title, bands in BANDS.items()}
            assert wrong not in verdicts.values(), (treatment, size, verdicts)


def test_haze_over_water_without_an_offset_is_not_taken_for_one(shared: Path) -> None:
    """Cartagena, where for a kilometre nothing in any band lies below 1000, cut finely."""
    ((path, _),) = ((path, has) for path, has in list_crops(shared) if path.name == "cartagena.tif")
    for size, dn in crop_windows(read_crop(path, has_offset=False).dn, everywhere=True):
        assert judge(dn, BANDS["5 bands"]) != "present", size


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


def begin(spread: float = 20, pixels: int = 1000, **floors: float) -> Samples:
    """Pixels a band whose first percentile is given, even in the infrared as water is."""
    rng = np.random.default_rng(7)
    drawn = {name: rng.gamma(4, spread / 2, pixels) for name in floors}
    return {name: values + floors[name] - np.percentile(values, 1) for name, values in drawn.items()}


@pytest.mark.parametrize("pixels", [1000, 40_000])
@pytest.mark.parametrize(
    ("blue", "green", "red", "near", "shortwave"),
    [
        (1258, 1538, 1454, 1323, 1162),  # muddy tropical seas
        (1461, 1538, 1454, 1323, 1375),
        (1340, 1502, 1430, 1370, 1290),
        (1290, 1450, 1400, 1310, 1268),
        (1150, 1120, 1050, 1030, 1015),  # clear water
    ],
)
def test_mud_and_clear_water_show_the_offset(
    blue: float, green: float, red: float, near: float, shortwave: float, pixels: int
) -> None:
    samples = begin(pixels=pixels, B02=blue, B03=green, B04=red, B08=near, B11=shortwave)
    assert compute_offset_evidence(samples).verdict == "present"
    assert compute_offset_evidence(shift(samples, "present")).verdict == "absent"
    without_shortwave = {name: values for name, values in samples.items() if name != "B11"}
    assert compute_offset_evidence(without_shortwave).verdict == "uncertain"


@pytest.mark.parametrize(
    ("blue", "green", "red", "near", "shortwave"),
    [
        (1586, 1507, 1227, 1253, 1025),  # haze over water, as real windows of Cartagena have it
        (1401, 1534, 1365, 1398, 1183),
        (1171, 1192, 1057, 1494, 1252),  # haze over woods
        (1012, 1485, 2108, 2403, 2990),  # desert
        (8905, 8411, 8224, 8143, 5075),  # cloud
        (6100, 5900, 5700, 5200, 1100),  # snow
        (1150, 1120, 1050, 1030, 940),  # one band lies below 1000
    ],
)
def test_what_is_bright_without_an_offset_is_not_said_to_have_one(
    blue: float, green: float, red: float, near: float, shortwave: float
) -> None:
    samples = begin(B02=blue, B03=green, B04=red, B08=near, B11=shortwave)
    assert compute_offset_evidence(samples).verdict == "uncertain"


def test_a_few_dark_pixels_of_a_small_sample_are_no_water() -> None:
    samples = begin(B02=1150, B03=1120, B04=1050, B08=1030, B11=1015)
    samples["B11"][100:] += 300
    assert compute_offset_evidence(samples).verdict == "uncertain"


def test_zeros_of_clipping_or_fill_say_nothing() -> None:
    samples = begin(B02=1150, B03=1120, B04=1050, B08=1030, B11=1015, B12=1010)
    for name in ("B11", "B12"):
        samples[name] = np.concatenate([samples[name], np.zeros(300)])
    assert compute_offset_evidence(samples).verdict == "present"


def test_one_band_of_which_a_twentieth_is_too_dark_is_enough() -> None:
    samples = begin(spread=5, B02=1100, B03=1200, B04=1000, B08=1100, B11=810)
    assert compute_offset_evidence(samples).verdict == "absent"


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


@pytest.mark.parametrize(
    ("acquired", "offset", "words"),
    [
        (date(2022, 1, 25), -1000, "after baseline 04.00 began to add one: it is taken off; use --offset 0"),
        (date(2022, 1, 24), 0, "before baseline 04.00 began to add one: none is taken off; use --offset -1000"),
    ],
)
def test_the_date_is_a_hint_where_nothing_else_tells(acquired: date, offset: float, words: str) -> None:
    statement = OffsetStatement(offset=None, source="no metadata", acquired=acquired)
    decision = resolve_offset(statement, evidence("uncertain"))
    assert decision.offset == offset
    assert f"sensed on {acquired.isoformat()}, {words}" in decision.doubts[0]
    assert f"sensed on {acquired.isoformat()}" in decision.source
    for verdict, told in (("present", -1000), ("absent", 0)):
        assert resolve_offset(statement, evidence(verdict)).offset == told
    said = OffsetStatement(offset=0.0, source="--offset", final=True, acquired=acquired)
    assert resolve_offset(said, evidence("uncertain")).doubts == ()


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
