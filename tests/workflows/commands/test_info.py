"""What ``strandline info`` shows of a scene: the whole text, for scenes of several kinds."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from rich.console import Console

from pipeline.mapping.info import SceneInfo, describe_scene
from tests.tiles.products.eopf_product import write_eopf
from tests.tiles.products.small_products import write_raster
from tests.workflows.conftest import Run
from tiles.products.open import StackOptions, open_scene
from tiles.scene import Scene
from workflows.commands.info import render_info


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.chdir(tmp_path)
    dn = np.full((2, 20, 30), 1500, np.uint16)
    dn[:, :5] = 0
    write_raster(Path("scene.tif"), dn)
    return open_scene("scene.tif", options=StackOptions(bands=("B03", "B8A"), scale=0.0001, offset=-1000, nodata=0))


def show(scene: Scene, **shares: float | None) -> list[str]:
    out = io.StringIO()
    known = {"nodata_share": 0.25, "cloud_share": None, "shadow_share": None} | shares
    described = SceneInfo(scene=scene, **known)  # type: ignore[arg-type]
    Console(file=out, width=60, color_system=None).print(render_info(described, fits={"small": "fits", "other": "no"}))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_a_stack_without_metadata_is_shown_whole(scene: Scene) -> None:
    described = describe_scene(scene)
    assert (described.nodata_share, described.cloud_share, described.shadow_share) == (0.25, None, None)
    assert show(scene) == [
        "Scene        scene",
        "Kind         raster stack, level unknown",
        "Baseline     unknown",
        "Platform     unknown",
        "Acquired     unknown (--date says it)",
        "CRS          EPSG:32633",
        "Grid         30 × 20 px of 10 m",
        "Bounds       399960, 5199820, 400260, 5200020",
        "Reflectance  (DN + offset) / 10000, offset -1000 in all",
        "             bands",
        "Who says so  --offset; scale: --scale",
        "Nodata       25.0%; DN 0 in any band",
        "Cloud        unknown (no SCL)",
        "Model        small: fits",
        "Model        other: no",
        "",
        "Band  Wavelength  Pixel     Size  Offset",
        "B03       560 nm   10 m  30 × 20   -1000",
        "B8A       865 nm   10 m  30 × 20   -1000",
    ]


def test_what_a_product_knows_is_shown(scene: Scene) -> None:
    known = replace(
        scene,
        kind="safe",
        simulated=True,
        baseline="05.11",
        platform="Sentinel-2A",
        acquired=datetime(2024, 6, 1, 10, 20, 30, tzinfo=UTC),
        date_source="--date",
        cloud_percent=12.34,
        radiometry=replace(
            scene.radiometry, offsets={"B03": -1000.0, "B8A": -900.0}, nodata_rule="all", nodata=None, doubts=("odd",)
        ),
        notes=("first", "second"),
    )
    shown = show(known, cloud_share=0.1234, shadow_share=0.0456)
    assert shown == [
        "Scene        scene",
        "Kind         simulated product of ESA, level unknown",
        "Baseline     05.11",
        "Platform     Sentinel-2A",
        "Acquired     2024-06-01 10:20:30 UTC (--date)",
        "CRS          EPSG:32633",
        "Grid         30 × 20 px of 10 m",
        "Bounds       399960, 5199820, 400260, 5200020",
        "Reflectance  (DN + offset) / 10000, offset by band (below)",
        "Who says so  --offset; scale: --scale",
        "Nodata       25.0%; NaN in all bands at once",
        "Cloud        12.3% stated; 12.3% of SCL is cloud, 4.6% its",
        "             shadow",
        "Doubt        odd",
        "Note         first",
        "Note         second",
        "Model        small: fits",
        "Model        other: no",
        "",
        "Band  Wavelength  Pixel     Size  Offset",
        "B03       560 nm   10 m  30 × 20   -1000",
        "B8A       865 nm   10 m  30 × 20    -900",
    ]


@pytest.mark.parametrize(
    ("kind", "acquired", "source", "line"),
    [
        ("safe", None, None, "Acquired     unknown"),
        (
            "stack",
            datetime(2024, 6, 1, tzinfo=UTC),
            "name of the file",
            "Acquired     2024-06-01 at a time that is not known (name of",
        ),
        ("stack", datetime(2024, 6, 1, 0, 0, 1, tzinfo=UTC), "--date", "Acquired     2024-06-01 00:00:01 UTC (--date)"),
    ],
)
def test_the_date_is_shown_with_who_says_so(
    scene: Scene,
    kind: Any,  # noqa: ANN401
    acquired: datetime | None,
    source: str | None,
    line: str,
) -> None:
    assert line in show(replace(scene, kind=kind, acquired=acquired, date_source=source))


@pytest.mark.parametrize(
    ("shares", "stated", "line"),
    [
        ({}, None, "Cloud        unknown (no SCL)"),
        ({}, 0.0, "Cloud        0.0% stated"),
        ({"cloud_share": 0.5, "shadow_share": 0.0}, None, "Cloud        50.0% of SCL is cloud, 0.0% its shadow"),
        ({"cloud_share": 0.5}, None, "Cloud        unknown (no SCL)"),
    ],
)
def test_cloud_is_what_is_stated_and_what_is_classified(
    scene: Scene, shares: dict[str, float], stated: float | None, line: str
) -> None:
    assert line in show(replace(scene, cloud_percent=stated), **shares)


@pytest.mark.parametrize(
    ("crs", "height", "line"),
    [
        ("EPSG:32633", 10.0, "Grid         30 × 20 px of 10 m"),
        ("EPSG:32633", 20.0, "Grid         30 × 20 px of 10 × 20 m"),
        ("EPSG:32633", 10.00001, "Grid         30 × 20 px of 10 × 10 m"),
        ("EPSG:4326", 10.0, "Grid         30 × 20 px of 10 °"),
    ],
)
def test_pixels_are_square_unless_two_numbers_are_shown(scene: Scene, crs: str, height: float, line: str) -> None:
    grid = replace(scene.grid, crs=CRS.from_user_input(crs), transform=Affine(10, 0, 0, 0, -height, 50))
    assert line in show(replace(scene, grid=grid))


def test_json_is_indented_and_says_which_models_fit(run: Run, scene: Scene) -> None:
    assert scene.id == "scene"
    ran = run(
        "info", "scene.tif", "--bands", " B03, B8A", "--scale", 0.0001, "--offset", -1000, "--nodata", 0, "--json"
    )
    assert ran.code == 0, ran.err
    assert ran.out.startswith('{\n  "id": "scene",\n')
    answer = json.loads(ran.out)
    assert answer["nodata_share"] == 0.25
    assert set(answer["models"]) == {"strandline-small", *answer["models"]}


def test_a_product_in_zarr_is_called_so(tmp_path: Path) -> None:
    scene = open_scene(write_eopf(tmp_path))
    assert "Kind         product of ESA in Zarr, level L2A" in show(scene)
