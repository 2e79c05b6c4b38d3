"""``strandline info``: what is said is what is there."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from pipeline.mapping.info import describe_scene
from tests.tiles.products.small_products import dark_water, write_raster
from tiles.products.open import open_scene


def test_shares_of_real_products(shared: Path) -> None:
    # Dark water clipped to 1 must not count as nodata, as it does on the overviews of JPEG 2000.
    fiji = describe_scene(open_scene(next(shared.glob("safe/*T01KCV*"))))
    assert fiji.nodata_share == 0
    assert fiji.cloud_share == pytest.approx((fiji.scene.cloud_percent or 0) / 100, abs=0.001)
    slovenia = describe_scene(open_scene(next(shared.glob("safe/*flattened"))))
    assert slovenia.nodata_share == pytest.approx(0.7154, abs=1e-4)
    assert slovenia.cloud_share == pytest.approx((slovenia.scene.cloud_percent or 0) / 100, abs=0.001)


def test_nodata_by_the_scenes_own_rule(tmp_path: Path) -> None:
    dn = dark_water((12, 40, 40), offset=0)
    dn[:, :10] = 0  # missing
    dn[9, 10:20] = 0  # dark water, clipped in one band
    found = describe_scene(open_scene(write_raster(tmp_path / "s.tif", dn)))
    assert found.scene.radiometry.nodata_rule == "all"
    assert (found.nodata_share, found.cloud_share) == (0.25, None)


def test_shares_count_what_is_classified(tmp_path: Path) -> None:
    dn = dark_water((4, 40, 40))
    dn[3] = 6
    dn[3, :20] = 0
    dn[3, 20:25] = 9
    dn[3, 25:26] = 3
    path = write_raster(tmp_path / "s.tif", dn, descriptions=["B03", "B08", "B11", "SCL"])
    found = describe_scene(open_scene(path))
    assert (found.cloud_share, found.shadow_share) == (0.25, 0.05)


def test_where_nothing_is_classified_no_share_is_known(tmp_path: Path) -> None:
    dn = dark_water((2, 40, 40))
    dn[1] = 0
    described = describe_scene(open_scene(write_raster(tmp_path / "s.tif", dn, descriptions=["B03", "SCL"])))
    assert (described.cloud_share, described.shadow_share) == (None, None)
    assert described.to_dict()["cloud_share"] is None


def test_large_raster_is_looked_at_from_afar(tmp_path: Path) -> None:
    dn = np.zeros((1, 2100, 2100), dtype=np.uint16)
    dn[:, :525] = 1100
    path = write_raster(tmp_path / "s.tif", dn, descriptions=["B03"])
    assert describe_scene(open_scene(path)).nodata_share == pytest.approx(0.75, abs=0.01)


def test_json_holds_all_and_parses(shared: Path) -> None:
    for path in ("scenes/parana/20231212.tif", "stac/29RKH", "scenes/harbours/ship_209075000_2022-08-12.tif"):
        described = describe_scene(open_scene(shared / path))
        parsed = json.loads(json.dumps(described.to_dict(), allow_nan=False))
        assert [band["name"] for band in parsed["bands"]] == list(described.scene.band_names)
        assert parsed["radiometry"]["source"] == described.scene.radiometry.source
        assert parsed["grid"]["bounds"]["left"] == described.scene.grid.bounds.left


def test_table_names_offset_doubt_and_who_says_so(shared: Path) -> None:
    from workflows.commands.info import render_info

    console = Console(file=StringIO(), width=200)
    console.print(render_info(describe_scene(open_scene(shared / "scenes/parana/20231212.tif"))))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for words in ("Doubt", "--offset -1000", "Who says so", "EPSG:32721", "B12", "NaN in any band"):
        assert words in text


def test_command_prints_json(tmp_path: Path) -> None:
    import typer

    from workflows.commands.info import info

    app = typer.Typer()
    app.command()(info)
    path = write_raster(tmp_path / "s.tif", dark_water((3, 40, 40)))
    ran = CliRunner().invoke(app, [str(path), "--bands", "B03,B08,B11", "--offset", "-900", "--json"])
    assert ran.exit_code == 0, ran.output
    parsed = json.loads(ran.stdout)
    assert parsed["radiometry"]["offsets"] == {"B03": -900, "B08": -900, "B11": -900}


def test_what_differs_by_band_is_told_by_band(tmp_path: Path) -> None:
    from workflows.commands.info import render_info

    for name in ("B02", "B03", "B04"):
        dn = dark_water((1, 40, 40), offset=0).astype(np.int16)
        dn[:, :4] = -10000
        tags = (5e-4, 0.0) if name == "B03" else (1e-4, 0.0)
        write_raster(tmp_path / f"{name}.tif", dn, tags=tags, nodata=-1 if name == "B04" else 0)
    console = Console(file=StringIO(), width=400)
    described = describe_scene(open_scene(tmp_path))
    console.print(render_info(described))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "10000 (B03 2000)" in text
    assert "DN 0 in all bands at once; B04 DN -1; DN -10000 in all bands" in text
    assert described.nodata_share == pytest.approx(0.1)
    said = json.loads(json.dumps(described.to_dict()))["radiometry"]
    assert (said["quantifications"], said["markers"], said["fills"]) == ({"B03": 2000}, {"B04": -1}, [-10000])
