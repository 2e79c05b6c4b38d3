"""Rasters on hosts that fail: the pixels are the file's, or there are none; and a host that is down is left alone.

A real server on loopback serves COGs by range requests, and fails on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import RasterioIOError

from tests.pipeline.stac_items import find_port
from tests.tiles.products.range_host import Fault, RangeHost, serve_ranges
from tests.tiles.products.small_products import write_raster
from tiles import remote
from tiles.errors import HostDownError, RasterReadError
from tiles.grid import Window
from tiles.pixels.reader import FileStream
from tiles.products.headers import open_quietly, read_header, resolve_gdal_path
from tiles.remote import RetryBudget, read_again

EDGE = 768
FAULTS: tuple[Fault, ...] = ("429", "503", "cut", "short", "whole", "trickle", "portal")
OTHER_BYTES: tuple[Fault, ...] = ("zeros", "shifted", "page")
Pixels = NDArray[np.uint16]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cogs")


@pytest.fixture(scope="module")
def pixels(folder: Path) -> Pixels:
    """DN that no codec makes small, as COGs with and without compression: several requests a file."""
    dn = np.random.default_rng(5).integers(1, 4000, (EDGE, EDGE)).astype(np.uint16)
    grid = {"crs": "EPSG:32633", "transform": Affine(10, 0, 399960, 0, -10, 5200020), "nodata": 0}
    for name in ("deflate", "none"):
        with rasterio.open(
            folder / f"{name}.tif",
            "w",
            driver="COG",
            compress=name,
            blocksize=256,
            width=EDGE,
            height=EDGE,
            count=1,
            dtype="uint16",
            **grid,
        ) as file:
            file.write(dn, 1)
    return dn


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"MAX_RETRY": "1", "RETRY_DELAY": "0.05", "LOW_SPEED_TIME": "1"}.items():
        monkeypatch.setenv(f"GDAL_HTTP_{name}", value)
    monkeypatch.setattr(remote, "_PAUSE_S", 0.01)


@pytest.fixture
def host(folder: Path, pixels: Pixels) -> Iterator[RangeHost]:
    assert pixels.size
    with serve_ranges(folder) as host:
        yield host


def read_all(url: str, budget: RetryBudget | None = None) -> Pixels:
    """A file as the reader of scenes reads it: its header, then row of blocks by row of blocks."""
    header = read_header(resolve_gdal_path(url))
    windows = [Window(0, row, EDGE, 256) for row in range(0, EDGE, 256)]
    stream = FileStream([header.make_source("B03")], grid=header.grid, windows=windows, budget=budget)
    try:
        rows = [stream.read_rows(number)[-1].dn[0] for number in range(len(windows))]
    finally:
        stream.close()
    return np.concatenate(rows)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("skip", [0, 1, 2, 3])
@pytest.mark.parametrize("name", ["deflate", "none"])
def test_a_fault_that_passes_costs_no_pixel(
    host: RangeHost, pixels: Pixels, name: str, skip: int, fault: Fault
) -> None:
    host.skip, host.faults = skip, [fault, fault]
    assert np.array_equal(read_all(f"{host.url}/{name}.tif"), pixels)
    assert host.met[fault] == 2


@pytest.mark.parametrize("fault", OTHER_BYTES)
@pytest.mark.parametrize("skip", [0, 1, 2, 3])
def test_other_bytes_under_right_headers_that_do_not_decode_are_read_again(
    host: RangeHost, pixels: Pixels, skip: int, fault: Fault
) -> None:
    host.skip, host.faults = skip, [fault]
    assert np.array_equal(read_all(f"{host.url}/deflate.tif"), pixels)
    assert host.met[fault] == 1


@pytest.mark.parametrize("fault", ["page", "portal"])
def test_a_web_page_in_place_of_a_file_is_named(host: RangeHost, fault: Fault) -> None:
    host.always = fault
    with pytest.raises(RasterReadError, match="it sends a web page in its place"):
        read_header(resolve_gdal_path(f"{host.url}/deflate.tif"))


@pytest.mark.parametrize("fault", ["cut", "short", "503", "whole"])
@pytest.mark.parametrize("name", ["deflate", "none"])
def test_a_fault_that_stays_gives_no_pixel_and_is_said_in_one_line(
    host: RangeHost, pixels: Pixels, name: str, fault: Fault
) -> None:
    host.skip, host.always = 2, fault
    with pytest.raises(RasterReadError) as caught:
        read_all(f"{host.url}/{name}.tif")
    assert "\n" not in str(caught.value)
    assert host.seen.total() < 100
    host.always = None
    remote._HEALTH.clear()  # as if the minute had passed
    assert np.array_equal(read_all(f"{host.url}/{name}.tif"), pixels), "nothing torn is kept"


@pytest.mark.parametrize("fault", ["403", "404"])
def test_what_a_host_refuses_is_not_asked_for_again(host: RangeHost, fault: Fault) -> None:
    host.always = fault
    with pytest.raises(RasterReadError, match=fault):
        read_all(f"{host.url}/none.tif")
    assert host.seen.total() <= 3
    host.always = None
    read_header(resolve_gdal_path(f"{host.url}/deflate.tif"))


def test_a_host_is_left_alone_for_as_long_as_it_asks(host: RangeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(remote.time, "sleep", waits.append)
    host.skip, host.faults = 1, ["429", "429", "429"]  # GDAL's two tries, and the question why
    read_header(resolve_gdal_path(f"{host.url}/none.tif"))
    assert waits == [1.0]
    monkeypatch.setattr(remote, "_LONGEST_WAIT_S", 0.5)
    host.skip, host.always = 0, "429"
    with pytest.raises(RasterReadError, match="answers with 429, and asks to wait 1 s"):
        read_header(resolve_gdal_path(f"{host.url}/deflate.tif"))
    assert waits == [1.0]


def test_retries_of_a_scene_are_bounded(host: RangeHost) -> None:
    budget = RetryBudget(1)
    host.skip, host.faults = 2, ["cut"] * 8
    with pytest.raises(RasterReadError, match=r"Cannot read B03 at rows 0 to 256 of .* after 1 tries more"):
        read_all(f"{host.url}/none.tif", budget)


def test_a_host_that_is_down_is_not_asked_a_thousand_times(host: RangeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    host.always = "503"
    messages = set()
    for number in range(100):
        with pytest.raises(RasterReadError) as caught, open_quietly(resolve_gdal_path(f"{host.url}/none.tif?{number}")):
            pass
        messages.add(str(caught.value).split(" ", 1)[1] if isinstance(caught.value, HostDownError) else "")
    asked = host.seen.total()
    assert asked < 40
    assert messages - {""} == {
        "failed 6 times in a row (it answers with 503) and is not asked again for a minute. Try again later."
    }
    monkeypatch.setattr(remote, "_LEFT_ALONE_S", 0.0)
    remote._HEALTH.clear()  # as if the minute had passed
    host.always = None
    read_header(resolve_gdal_path(f"{host.url}/none.tif"))


def test_a_host_that_is_gone_is_named() -> None:
    url = f"http://127.0.0.1:{find_port()}/a.tif"
    with pytest.raises(RasterReadError, match="Connection refused"):
        read_header(resolve_gdal_path(url))
    with suppress(RasterReadError):
        read_header(resolve_gdal_path(url))
    with pytest.raises(HostDownError, match=r"127\.0\.0\.1:\d+ failed 6 times in a row \(Connection refused\)"):
        read_header(resolve_gdal_path(url))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/vsicurl/https://user:word@files.test/a/b.tif", "files.test"),
        ("/vsis3/bucket/a/b.tif", "vsis3/bucket"),
        ("/vsicurl?pc_url_signing=yes&url=https%3A%2F%2Fx.test%2Fa.tif", "x.test"),
    ],
)
def test_hosts_are_named_without_secrets(path: str, name: str) -> None:
    assert remote.name_host(path) == name


def read_locally(path: Path) -> Callable[[], int]:
    return lambda: len(path.read_bytes())


def test_a_file_on_a_disk_is_read_once(folder: Path, pixels: Pixels) -> None:
    assert pixels.size
    path = folder / "none.tif"
    assert remote.read_again(str(path), read_locally(path), budget=RetryBudget(0)) == path.stat().st_size


@pytest.mark.parametrize(
    "text",
    [
        "AWS_SECRET_ACCESS_KEY and AWS_NO_SIGN_REQUEST configuration options not defined",
        "The specified bucket does not exist",
        "InvalidAccessKeyId: The key is not known",
    ],
)
def test_keys_that_lack_are_told_at_once_and_once(text: str) -> None:
    asked: list[str] = []

    def read() -> None:
        asked.append(text)
        raise RasterioIOError(text)

    for _ in range(8):  # nor is the store left alone for it
        with pytest.raises(RasterioIOError, match=f"^{text}$"):
            read_again("/vsis3/bucket/a.tif", read, budget=RetryBudget())
    assert len(asked) == 8


def test_a_row_of_blocks_is_one_request(tmp_path: Path) -> None:
    dn = np.ones((1, 3 * 1024, 9 * 1024), np.uint16)  # rows of 18.9 MB, more than GDAL asks for by itself
    write_raster(tmp_path / "B03.tif", dn, block=1024)
    with serve_ranges(tmp_path) as host, open_quietly(resolve_gdal_path(f"{host.url}/B03.tif")) as dataset:
        before = host.seen["/B03.tif"]
        dataset.read(1, window=((1024, 2048), (0, 9 * 1024)))
        assert host.seen["/B03.tif"] - before == 1
