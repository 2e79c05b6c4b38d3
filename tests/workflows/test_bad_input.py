"""Bad input: one clear line, an exit code, and nothing left behind."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine

from tests.workflows.conftest import Run
from tiles.simulate.product.simulate import SimulatedProduct

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def copy(product: SimulatedProduct, tmp_path: Path) -> Path:
    """A product to break."""
    path = tmp_path / "in" / product.path.name
    shutil.copytree(product.path, path)
    return path


def refuses(run: Run, out: Path, *arguments: object, match: str) -> None:
    """The command fails with one line that matches, and leaves nothing."""
    ran = run("map", *arguments, "--out", out)
    lines = ran.err.strip().splitlines()
    assert ran.code not in {0, 70}, ran
    assert len(lines) == 1, lines
    assert lines[0].startswith("strandline: ")
    assert re.search(match, lines[0]), lines[0]
    assert not out.exists()


def find(product: Path, pattern: str) -> Path:
    return next(product.rglob(pattern))


def test_what_is_no_product(run: Run, tmp_path: Path) -> None:
    text = tmp_path / "letter.txt"
    text.write_text("dear analyst")
    (tmp_path / "empty").mkdir()
    refuses(run, tmp_path / "out", text, match=r"letter\.txt")
    refuses(run, tmp_path / "out", tmp_path / "empty", match="empty")
    refuses(run, tmp_path / "out", tmp_path / "missing.SAFE", match=r"missing\.SAFE")


def test_l1c(run: Run, tmp_path: Path, shared: Path) -> None:
    refuses(run, tmp_path / "out", shared / "scenes" / "l1c" / "mumbai_1", match="L1C")


def test_a_truncated_jp2(run: Run, copy: Path, tmp_path: Path) -> None:
    band = find(copy, "*_B08_10m.jp2")
    band.write_bytes(band.read_bytes()[: band.stat().st_size // 2])
    refuses(run, tmp_path / "out", copy, match=r"B08.*(truncated|corrupt)")


def test_a_missing_band(run: Run, copy: Path, tmp_path: Path) -> None:
    for path in list(copy.rglob("*_B03_*.jp2")):
        path.unlink()
    refuses(run, tmp_path / "out", copy, match="B03")


def test_a_missing_band_that_the_model_can_do_without(run: Run, copy: Path, tmp_path: Path) -> None:
    for path in list(copy.rglob("*_B11_*.jp2")):
        path.unlink()
    ran = run("map", copy, "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert "no B11" in ran.err


def test_the_60_m_product_has_no_b08_and_is_mapped_without(run: Run, tmp_path: Path, shared: Path) -> None:
    fiji = next((shared / "safe").glob("*T01KCV*"))
    ran = run("map", fiji, "--aoi", "-178.6,-18.6,-178.4,-18.4", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert "no B08" in ran.err


def test_two_granules(run: Run, copy: Path, tmp_path: Path) -> None:
    granule = next((copy / "GRANULE").iterdir())
    tile = granule.name.split("_")[1]
    other = granule.with_name(granule.name.replace(tile, "T01ABC"))
    shutil.copytree(granule, other)
    for image in other.rglob(f"{tile}_*.jp2"):
        image.rename(image.with_name(image.name.replace(tile, "T01ABC")))
    xml = copy / "MTD_MSIL2A.xml"
    (listed,) = re.findall(r"<Granule [^>]*>.*?</Granule>", text := xml.read_text(), flags=re.DOTALL)
    xml.write_text(text.replace(listed, listed + listed.replace(tile, "T01ABC")))
    refuses(run, tmp_path / "out", copy, match="granule")


def test_an_empty_zip(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "empty.zip"
    zipfile.ZipFile(path, "w").close()
    refuses(run, tmp_path / "out", path, match=r"empty\.zip")
    path.write_bytes(b"")
    refuses(run, tmp_path / "out", path, match=r"empty\.zip")


def test_a_zip_that_climbs_out(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "climb.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../etc/MTD_MSIL2A.xml", "<a/>")
    refuses(run, tmp_path / "out", path, match=r"\.\.")


def test_an_external_entity(run: Run, copy: Path, tmp_path: Path) -> None:
    xml = copy / "MTD_MSIL2A.xml"
    head, body = xml.read_text().split("?>", 1)
    xml.write_text(f'{head}?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>{body}')
    refuses(run, tmp_path / "out", copy, match="entit|DTD|DOCTYPE")


def write_stack(path: Path, dn: np.ndarray, crs: str | None) -> Path:
    profile = {"driver": "GTiff", "dtype": dn.dtype, "count": 12, "nodata": 0}
    with rasterio.open(
        path,
        "w",
        width=dn.shape[2],
        height=dn.shape[1],
        crs=crs,
        transform=Affine(10, 0, 5e5, 0, -10, 4.5e6),
        **profile,
    ) as dataset:
        dataset.write(dn)
    return path


def test_no_crs(run: Run, tmp_path: Path) -> None:
    stack = write_stack(tmp_path / "stack.tif", np.full((12, 30, 30), 900, np.uint16), None)
    refuses(run, tmp_path / "out", stack, match="CRS")


def test_all_nodata_is_an_answer(run: Run, tmp_path: Path) -> None:
    stack = write_stack(tmp_path / "stack.tif", np.zeros((12, 30, 30), np.uint16), "EPSG:32630")
    refuses(run, tmp_path / "out", stack, match="no valid pixels")


def test_an_area_outside(run: Run, product: SimulatedProduct, tmp_path: Path) -> None:
    refuses(run, tmp_path / "out", product.path, "--aoi", "100,10,101,11", match="does not touch")


def test_an_unknown_model_and_format(run: Run, product: SimulatedProduct, tmp_path: Path) -> None:
    refuses(run, tmp_path / "out", product.path, "--model", "strandline-smal", match="Did you mean strandline-small")
    refuses(run, tmp_path / "out", product.path, "--formats", "gpkg,dxf", match="dxf")
    refuses(run, tmp_path / "out", product.path, "--cloud-classes", "3,12", match="12")
    refuses(run, tmp_path / "out", product.path, "--threshold", "1.5", match="threshold")
    refuses(run, tmp_path / "out", product.path, "--runtime", "tf", match="'auto', 'torch' or 'openvino', found 'tf'")
    refuses(run, tmp_path / "out", product.path, "--decoder", "kakadu", match="'gdal' or 'nvimgcodec'")
    refuses(run, tmp_path / "out", product.path, "--tile-size", "7", match="32, found 7")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_where_there_is_none(run: Run, product: SimulatedProduct, tmp_path: Path) -> None:
    refuses(run, tmp_path / "out", product.path, "--device", "cuda", match="cuda")


def test_a_pickled_model_is_never_loaded(run: Run, product: SimulatedProduct, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({"weight": torch.zeros(3)}, path)
    refuses(run, tmp_path / "out", product.path, "--model", path, match="pickle")


def test_no_write_permission(run: Run, product: SimulatedProduct) -> None:
    refuses(run, Path("/proc/out"), product.path, match="Could not write /proc/out")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 128 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", disk], check=False).returncode == 0
    if not mounted:
        pytest.skip("mounting a small tmpfs needs root")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk(run: Run, product: SimulatedProduct, small_disk: Path) -> None:
    refuses(run, small_disk / "out", product.path, match="disk|space")
    assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_nothing(product: SimulatedProduct, tmp_path: Path, number: int) -> None:
    """A whole process is stopped while its result is half made."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "workflows.cli", "map", str(product.path), "--out", str(out), "--tile-size", "32"]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 60
    while not list(out.glob(".*.begun-*/*")) and process.poll() is None and time.monotonic() < deadline:
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.strip().splitlines()[-1].endswith("Stopped. Nothing half-written was left.")
    assert not out.exists()


def test_debug_shows_the_traceback(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tiles.errors import SceneError
    from workflows import cli

    monkeypatch.setattr(sys, "argv", ["strandline", "map", "nowhere", "--out", str(tmp_path), "--debug"])
    with pytest.raises(SceneError):
        cli.main()


@pytest.mark.parametrize("command", ["map", "info"])
def test_another_satellite(run: Run, product: SimulatedProduct, tmp_path: Path, command: str) -> None:
    bands = {path.name.split("_")[2]: str(path) for path in product.path.rglob("R20m/*_B*.jp2")}
    item = {
        "type": "Feature",
        "id": "LC09_L2SP_204021",
        "properties": {"constellation": "landsat"},
        "assets": {name: {"href": path} for name, path in bands.items()},
    }
    path = tmp_path / "item.json"
    path.write_text(json.dumps(item))
    out = ["--out", tmp_path / "out"] if command == "map" else []
    refused = run(command, path, *out)
    assert refused.code not in {0, 70}
    assert re.fullmatch(r"strandline: .* \(constellation landsat\) .*--any-platform\.", refused.err.strip()), refused
    if command == "info":
        taken = run(command, path, "--any-platform")
        assert taken.code == 0
        assert "not of Sentinel-2" in " ".join(taken.out.split())
