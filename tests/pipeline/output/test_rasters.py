"""The two maps: whole, valid, the same bytes from run to run, and true to what was written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rasterio.crs import CRS
from rio_cogeo.cogeo import cog_validate

from pipeline.errors import OutputError
from pipeline.output.rasters import MapWriter, compute_classes, compute_probability_dn
from tiles.grid import Grid

ROOT = Path(__file__).resolve().parents[3]
PROBABILITIES = hnp.arrays(np.float32, 20, elements=st.floats(0, 1, width=32) | st.just(np.nan))
STATES = hnp.arrays(np.uint8, 20, elements=st.integers(0, 2))


def grid(width: int, height: int) -> Grid:
    transform = Affine(10, 0, 600000, 0, -10, 5600040)
    return Grid(crs=CRS.from_epsg(32630), transform=transform, width=width, height=height)


def field(width: int, height: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A smooth shore from corner to corner with some noise, a nodata edge and a cloud."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[:height, :width]
    probability = 1 / (1 + np.exp((cols - rows * width / height) / 4 + rng.normal(0, 0.3, (height, width))))
    state = np.zeros((height, width), np.uint8)
    state[:, : width // 10] = 1
    state[height // 3 : height // 2, width // 3 : width // 2] = 2
    return probability.astype(np.float32), state


def write(folder: Path, probability: np.ndarray, state: np.ndarray, *, rows: int = 100) -> tuple[Path, Path]:
    height, width = probability.shape
    folder.mkdir(parents=True, exist_ok=True)
    with MapWriter(folder, grid=grid(width, height), tags={"SCENE": "S2", "MODEL": "m"}) as writer:
        for row in range(0, height, rows):
            writer.write_rows(row, probability[row : row + rows], state[row : row + rows])
        return writer.finish()


@given(PROBABILITIES, STATES)
def test_thresholding_the_probability_file_gives_the_class_file(probability: np.ndarray, state: np.ndarray) -> None:
    dn = compute_probability_dn(probability, state)
    classes = compute_classes(probability, state)
    known = dn != 255
    np.testing.assert_array_equal(known, np.isin(classes, (0, 1)))
    np.testing.assert_array_equal(dn[known] >= 125, classes[known] == 1)


def test_the_step_at_one_half_is_exact() -> None:
    half = np.float32(0.5)
    around = np.array([np.nextafter(half, np.float32(0)), half, np.nextafter(half, np.float32(1))])
    state = np.zeros(3, np.uint8)
    assert compute_probability_dn(around, state).tolist() == [124, 125, 125]
    assert compute_classes(around, state).tolist() == [0, 1, 1]


@given(PROBABILITIES)
def test_a_value_in_the_file_is_within_half_a_step(probability: np.ndarray) -> None:
    dn = compute_probability_dn(probability, np.zeros(20, np.uint8))
    known = dn != 255
    error = dn[known] * 0.004 + 0.002 - probability[known]
    assert (np.abs(error) <= 0.002 + 1e-7).all()


@given(PROBABILITIES, STATES, st.floats(0.1, 0.9))
def test_nodata_and_cloud_never_become_water_or_land(
    probability: np.ndarray, state: np.ndarray, threshold: float
) -> None:
    classes = compute_classes(probability, state, threshold=threshold)
    assert (classes[state == 1] == 255).all()
    assert (classes[state == 2] == 2).all()
    assert (compute_probability_dn(probability, state)[state != 0] == 255).all()


@pytest.mark.parametrize("size", [(1300, 700), (1, 1), (1, 500), (40, 900), (2000, 1), (512, 512)])
def test_the_files_are_valid_cogs_on_the_scene_grid(tmp_path: Path, size: tuple[int, int]) -> None:
    probability, state = field(*size)
    for path in write(tmp_path, probability, state):
        assert cog_validate(path, strict=True) == (True, [], [])
        with rasterio.open(path) as src:
            expected = grid(*size)
            assert (src.crs, src.transform, src.shape) == (expected.crs, expected.transform, expected.shape)
            assert (src.dtypes, src.nodata, src.tags()["AREA_OR_POINT"]) == (("uint8",), 255, "Area")
            assert src.tags()["SCENE"] == "S2"


def test_the_files_hold_what_was_written(tmp_path: Path) -> None:
    probability, state = field(1300, 700)
    water, share = write(tmp_path, probability, state)
    with rasterio.open(water) as src:
        np.testing.assert_array_equal(src.read(1), compute_classes(probability, state))
        assert src.colormap(1)[1] == (45, 114, 178, 255)
    with rasterio.open(share) as src:
        values = src.read(1, masked=True) * src.scales[0] + src.offsets[0]
        np.testing.assert_array_equal(values.mask, state != 0)
        assert np.abs(values - probability).max() <= 0.002 + 1e-7


def test_overviews_take_the_commonest_class_and_the_mean_of_what_is_valid(tmp_path: Path) -> None:
    probability = np.full((1024, 1024), 0.9, np.float32)
    state = np.zeros((1024, 1024), np.uint8)
    probability[1::2, 1::2] = 0.1
    state[::2, ::2] = 1
    water, share = write(tmp_path, probability, state)
    with rasterio.open(water, overview_level=0) as src:
        assert np.unique(src.read(1)).tolist() == [1]
    with rasterio.open(share, overview_level=0) as src:
        dn = src.read(1, masked=True)
        assert not dn.mask.any()
        # Of four pixels one is nodata: the mean is over 0.9, 0.9 and 0.1.
        assert np.abs(dn * 0.004 + 0.002 - (0.9 + 0.9 + 0.1) / 3).max() < 0.004


@settings(max_examples=8, deadline=None)
@given(rows=st.integers(1, 300), seed=st.integers(0, 3))
def test_the_bytes_depend_on_nothing_but_the_map(
    tmp_path_factory: pytest.TempPathFactory, rows: int, seed: int
) -> None:
    probability, state = field(600, 300, seed=seed)
    once = write(tmp_path_factory.mktemp("once"), probability, state, rows=300)
    again = write(tmp_path_factory.mktemp("again"), probability, state, rows=rows)
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in again]


def test_gdal_finds_the_names_of_the_classes(tmp_path: Path) -> None:
    water, _ = write(tmp_path, *field(50, 40))
    # GDAL turns the auxiliary file into the band's categories, which a VRT spells out again.
    vrt = tmp_path / "copy.vrt"
    rasterio.shutil.copy(water, vrt, driver="VRT")
    text = vrt.read_text()
    positions = [text.index(f"<Category>{name}</Category>") for name in ("land", "water", "obscured")]
    assert positions == sorted(positions)


def test_what_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with MapWriter(tmp_path, grid=grid(100, 100)) as writer:
            writer.write_rows(0, *field(100, 100))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_nothing_temporary_is_left(tmp_path: Path) -> None:
    write(tmp_path, *field(100, 100))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["probability.qml", "probability.tif", "water.qml", "water.tif", "water.tif.aux.xml"]


def test_a_strip_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    probability, state = field(100, 100)
    with MapWriter(tmp_path, grid=grid(100, 100)) as writer:
        with pytest.raises(ValueError, match="within 100 rows and 100 columns"):
            writer.write_rows(1, probability, state)
        with pytest.raises(ValueError, match="found probability"):
            writer.write_rows(0, probability[:, :50], state[:, :50], col_off=51)


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="Could not write") as caught, MapWriter(tmp_path / "no", grid=grid(9, 9)):
        pass
    assert "\n" not in str(caught.value)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from affine import Affine
from rasterio.crs import CRS
from pipeline.errors import OutputError
from pipeline.output import rasters
from pipeline.output.rasters import MapWriter
from tiles.grid import Grid
folder, limits = Path(sys.argv[1]), [int(word) for word in sys.argv[2:]]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
copy = rasters.rasterio.shutil.copy
def copy_on_a_full_disk(*args, **options):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits[1], limits[1]))
    copy(*args, **options)
rasters.rasterio.shutil.copy = copy_on_a_full_disk
resource.setrlimit(resource.RLIMIT_FSIZE, (limits[0], limits[0]))
noise = np.random.default_rng(0).random((1024, 1024)).astype(np.float32)
grid = Grid(crs=CRS.from_epsg(32630), transform=Affine(10, 0, 0, 0, -10, 0), width=1024, height=1024)
try:
    with MapWriter(folder, grid=grid) as writer:
        writer.write_rows(0, noise, np.zeros((1024, 1024), np.uint8))
        writer.finish()
except OutputError as error:
    print(error)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("limits", [(300_000, 0), (1_150_000, 0), (2_000_000, 100_000)])
def test_a_disk_that_fills_up_is_one_clear_line_and_leaves_nothing(tmp_path: Path, limits: tuple[int, int]) -> None:
    """The limits stop the strips, the overviews, and GDAL's COG driver, which itself tells nobody."""
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), *map(str, limits)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == OutputError.exit_code, done.stderr
    assert done.stdout.startswith("Could not write")
    assert done.stdout.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_map_that_cannot_fit_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="MB are needed") as caught, MapWriter(tmp_path, grid=grid(10**8, 10**8)):
        pass
    assert "Free some space" in str(caught.value)
