"""What was cut, emptied or taken away from a result since it was made is said in one line, wherever it is read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from pipeline.change.compute_change import compute_change
from pipeline.change.shore_kinds import read_inland_shore
from pipeline.change.source import read_dated_coast
from pipeline.errors import OutputError
from pipeline.record.stored import describe_layer, read_item, read_layer
from pipeline.view.write_page import write_page
from strandline import StrandlineError
from tests.pipeline.mosaic.mapped_dates import write_dates

Spoil = Callable[[Path], object]
SPOILT: dict[str, Spoil] = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "other": lambda path: path.write_bytes(b"\0 something else" * 500),
    "gone": lambda path: path.unlink(),
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    line = gpd.GeoDataFrame({"kind": ["sea"]}, geometry=[shapely.LineString([(0, 0), (9, 9)])], crs="EPSG:32630")
    line.to_file(tmp_path / "coastline.gpkg", layer="coastline")
    return tmp_path / "coastline.gpkg"


def test_a_layer_comes_back_whole_or_in_part(package: Path) -> None:
    assert read_layer(package, "coastline")["kind"].tolist() == ["sea"]
    assert read_layer(package, "coastline", columns=[]).columns.tolist() == ["geometry"]
    assert len(read_layer(package, "coastline", where="kind = 'lake'")) == 0
    assert list(describe_layer(package, "coastline")["fields"]) == ["kind"]


@pytest.mark.parametrize("how", SPOILT)
@pytest.mark.parametrize("read", [read_layer, describe_layer])
def test_a_spoilt_layer_is_named(package: Path, how: str, read: Callable[[Path, str], object]) -> None:
    SPOILT[how](package)
    with pytest.raises(OutputError, match=r"^Expected the layer coastline in .*coastline\.gpkg: .*Make it anew\.$"):
        read(package, "coastline")


def test_a_layer_that_is_not_there_is_named(package: Path) -> None:
    with pytest.raises(OutputError, match="Expected the layer land in"):
        read_layer(package, "land")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"id": "a", "properties": []}', None])
def test_a_record_that_is_none_is_named(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "item.json").write_text(text)
    with pytest.raises(OutputError, match=r"^Expected a STAC item in .*item\.json, found none .*Make it anew\.$"):
        read_item(tmp_path)


@pytest.mark.parametrize("how", ["cut", "empty", "other"])
def test_a_comparison_says_which_coastline_is_spoilt(tmp_path: Path, how: str) -> None:
    maps = write_dates(tmp_path, [lambda x, y: y - 600.0 + 0 * x])
    SPOILT[how](maps / "scene00" / "coastline.gpkg")
    with pytest.raises(OutputError, match=r"scene00.coastline\.gpkg"):
        read_inland_shore(read_dated_coast(maps / "scene00"), None)  # type: ignore[arg-type]  # it is not needed before


@pytest.mark.parametrize(("name", "how"), [("probability.tif", "cut"), ("water.tif", "cut"), ("water.tif", "other")])
def test_a_spoilt_raster_is_named(tmp_path: Path, name: str, how: str) -> None:
    maps = write_dates(tmp_path, [lambda x, y, date=date: y - 600.0 + date + 0 * x for date in range(2)], size=400)
    first, second = (maps / f"scene{date:02d}" for date in range(2))
    SPOILT[how](second / name)
    for read in (partial(write_page, second), partial(compute_change, first, second, tmp_path / "out")):
        with pytest.raises(StrandlineError, match=rf"(?s)scene01.*{name}") as caught:
            read()
        assert caught.value.exit_code < 70
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()
