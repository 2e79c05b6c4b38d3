"""Pages in a real browser: they open without a word or a request, and what is clicked and pointed at answers."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.coast.record import RECORD_NAME
from pipeline.record.catalogue import write_catalogue
from pipeline.record.result import PAGE_LINK, read_fingerprint
from pipeline.view.periods import COAST_NAME
from pipeline.view.scenes import Problem, list_maps
from pipeline.view.write_page import ViewError, find_kind, write_page

KINDS = {
    "maps": "scenes",
    "change": "change",
    "mosaic": "mosaic",
    "coast": "coast",
    "series": "timeseries",
    "area": "scenes",
}

Open = Callable[..., Any]

HOVER = """(key) => {
  const map = Bokeh.documents[0].roots()[0];
  const layer = map.renderers.find((one) => one.tags[0] === key && one.visible);
  const [x, y] = ["xs", "ys"].map((name) => layer.data_source.get(name)[0]);
  const middle = Math.floor(x.length / 2);
  const {x_range, y_range} = map;
  const at = (value, range, size) => ((value - range.start) / (range.end - range.start)) * size;
  const box = document.getElementById("map").getBoundingClientRect();
  return [box.left + at(x[middle], x_range, map.inner_width), box.bottom - at(y[middle], y_range, map.inner_height)];
}"""

METRES = """() => {
  const {x_range, y_range, inner_width, inner_height} = Bokeh.documents[0].roots()[0];
  return [(x_range.end - x_range.start) / inner_width, (y_range.end - y_range.start) / inner_height];
}"""

TOLD = """() => {
  const find = (node) => [...node.querySelectorAll("*")].flatMap((one) => [
    ...(one.classList.contains("bk-Tooltip") ? [one] : []), ...(one.shadowRoot ? find(one.shadowRoot) : []),
  ]);
  const words = (node) => [...node.querySelectorAll("span")].map((one) => one.textContent).join(" ");
  return find(document).map((one) => words(one.shadowRoot ?? one)).join(" ").trim();
}"""

SEEN = """() => Bokeh.documents[0].roots()[0].renderers.filter((one) => one.visible).map((one) => one.tags)"""


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def look(browser: Any) -> Iterator[Open]:  # noqa: ANN401 (of Playwright)
    """Opens a page in a window; in the end nothing was said on the console and nothing was fetched."""
    said: list[str] = []
    asked: list[str] = []
    opened: list[Path] = []
    context = browser.new_context(viewport={"width": 1200, "height": 800})

    def open_page(path: Path, width: int = 1200) -> Any:  # noqa: ANN401 (of Playwright)
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": 800})
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("body[data-ready=yes]")
        opened.append(path)
        return page

    yield open_page
    context.close()
    assert [line for line in said if "setting log level" not in line] == []
    assert {url for url in asked if not url.startswith("data:")} == {path.as_uri() for path in opened}


def find_scene(results: Path) -> Path:
    return list_maps(results / "maps")[-1]


def point_at(page: Any, key: str) -> str:  # noqa: ANN401 (of Playwright)
    """Put the pointer on a layer's first line; returns what is said of it."""
    page.mouse.move(*page.evaluate(HOVER, key))
    page.wait_for_function(f"({TOLD})() !== ''")
    return str(page.evaluate(TOLD))


@pytest.mark.parametrize("width", [1200, 390])
def test_a_scene_is_looked_at(results: Path, tmp_path: Path, look: Open, width: int) -> None:
    page = look(write_page(find_scene(results), tmp_path / "page.html").path, width)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert find_scene(results).name in page.inner_text("h1")
    assert "one σ" in page.inner_text("dl")
    key = page.locator("input[name=layer]").first.get_attribute("value")
    told = point_at(page, key)
    for word in ("certainty", "uncertainty", "ends", "date", "2022"):
        assert word in told
    assert re.search(r"\d+\.\d{5}° N, +\d+\.\d{5}° W +\d{6} E \d+ N \(EPSG:32630\)", page.inner_text("#place"))
    page.uncheck(f"input[value={key}]")
    assert key not in {tags[0] for tags in page.evaluate(SEEN)}
    page.check("input[value=probability]")
    assert [tags[0] for tags in page.evaluate(SEEN) if tags[0] in {"truecolour", "water", "probability"}] == [
        "probability"
    ]
    assert page.locator("[data-picture=probability]").is_visible()
    page.check("input[value=truecolour]")
    before = page.evaluate(METRES)[0]
    page.click("#closer")
    assert page.evaluate(METRES)[0] == pytest.approx(before / 2)
    page.click("#whole")
    assert page.evaluate(METRES)[0] == pytest.approx(before)


def test_a_metre_is_as_long_across_as_along_however_wide_the_window_is(
    results: Path, tmp_path: Path, look: Open
) -> None:
    page = look(write_page(results / "mosaic", tmp_path / "page.html").path)
    page.mouse.move(400, 400)
    page.mouse.wheel(0, -400)
    for width, height in ((1200, 800), (700, 800), (1300, 500)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function("innerWidth === " + str(width))
        page.wait_for_timeout(200)
        across, along = page.evaluate(METRES)
        assert across == pytest.approx(along, rel=1e-6)


def test_the_periods_of_a_coast_are_gone_through(results: Path, tmp_path: Path, look: Open) -> None:
    assert COAST_NAME == RECORD_NAME
    page = look(write_page(results / "coast", tmp_path / "page.html").path)
    assert page.inner_text("#when") == "2023"
    frames = {(tags[0], tags[1]) for tags in page.evaluate(SEEN)}
    assert ("all-periods", -1) in frames
    assert {frame for key, frame in frames if key != "all-periods"} == {1}
    assert "2 of 3 have a line" in page.inner_text("dl")
    assert "period" in point_at(page, "all-periods")
    page.locator("tr", has_text="2022").first.click()
    assert page.inner_text("#when") == "2022"
    assert {frame for key, frame in ((tags[0], tags[1]) for tags in page.evaluate(SEEN)) if key == "frequency"} == {0}


def test_dates_are_gone_through(results: Path, tmp_path: Path, look: Open) -> None:
    page = look(write_page(results / "maps", tmp_path / "page.html").path)
    first = page.inner_text("#when")
    frames = {tags[1] for tags in page.evaluate(SEEN)}
    page.click("#earlier")
    assert page.inner_text("#when") != first
    assert {tags[1] for tags in page.evaluate(SEEN)} == {number - 1 for number in frames}
    page.check("#every")
    assert {tags[1] for tags in page.evaluate(SEEN) if tags[0] == "coast"} == set(
        range(len(list_maps(results / "maps")))
    )
    page.uncheck("#every")
    page.locator("tr[data-frame='0']").click()
    assert {tags[1] for tags in page.evaluate(SEEN)} == {0}
    assert "date" in point_at(page, "coast")


def test_a_shore_that_moved_says_how_far(results: Path, tmp_path: Path, look: Open) -> None:
    page = look(write_page(results / "change", tmp_path / "page.html").path)
    assert " m" in point_at(page, "arrows")
    assert {tags[0] for tags in page.evaluate(SEEN)} >= {"shift", "arrows", "lost"}
    page.check("input[value='truecolour old']")
    assert "truecolour old" in {tags[0] for tags in page.evaluate(SEEN)}


@pytest.mark.parametrize("name", ["series", "area"])
def test_a_transect_that_is_clicked_shows_its_positions(results: Path, tmp_path: Path, look: Open, name: str) -> None:
    page = look(write_page(results / name, tmp_path / "page.html").path)
    page.select_option("#which", index=1)
    verdict = page.inner_text("#verdict")
    assert "m a year" in verdict or "unknown" in verdict
    page.mouse.click(*page.evaluate(HOVER, "transects"))
    page.wait_for_function("document.getElementById('which').value === '0'")
    points = "Bokeh.documents.at(-1).roots()[0].renderers.at(-1).data_source.get('position').length"
    assert page.evaluate(points) >= 2


def test_a_folder_says_what_it_holds(results: Path) -> None:
    assert {name: find_kind(results / name) for name in KINDS} == KINDS
    assert find_kind(find_scene(results)) == "scene"


@pytest.mark.parametrize("name", ["change", "area"])
def test_a_page_of_the_same_result_is_the_same(results: Path, tmp_path: Path, name: str) -> None:
    pages = [write_page(results / name, tmp_path / f"{number}.html") for number in range(2)]
    assert pages[0].path.read_bytes() == pages[1].path.read_bytes()
    assert pages[0].size < 4_000_000


def test_records_link_to_the_page_and_stay_what_they_are(results: Path, tmp_path: Path) -> None:
    folder = tmp_path / "change"
    shutil.copytree(results / "change", folder)
    before = read_fingerprint(folder)
    for _ in range(2):
        assert write_page(folder).path == folder / "view.html"
    links = json.loads((folder / "item.json").read_text())["links"]
    assert links.count(dict(PAGE_LINK)) == 1
    assert read_fingerprint(folder) == before is not None
    maps = tmp_path / "maps"
    shutil.copytree(results / "maps", maps)
    write_catalogue(maps)
    write_page(maps)
    linked = (maps / "catalog.json").read_bytes()
    write_catalogue(maps)
    assert dict(PAGE_LINK) in json.loads((maps / "catalog.json").read_text())["links"]
    assert (maps / "catalog.json").read_bytes() == linked


def test_scenes_without_a_map_are_shown_with_their_reasons(results: Path, tmp_path: Path, look: Open) -> None:
    place = json.loads((find_scene(results) / "item.json").read_text())["geometry"]
    problem = Problem(
        name="S2A_LOST",
        state="failed",
        reason="B03 <cut> short",
        acquired=datetime(2022, 3, 1, tzinfo=UTC),
        geometry=place,
    )
    page = look(write_page(results / "maps", tmp_path / "page.html", problems=[problem]).path)
    assert "B03 <cut> short" in page.inner_text("table")
    page.check("input[value=problems]")
    assert "problems" in {tags[0] for tags in page.evaluate(SEEN)}
    assert "1 failed" in page.inner_text("dl")


def test_a_scene_whose_pixels_are_gone_is_shown_by_its_small_picture(results: Path, tmp_path: Path) -> None:
    folder = tmp_path / "map"
    shutil.copytree(find_scene(results), folder)
    item = json.loads((folder / "item.json").read_text())
    item["properties"]["strandline:source"]["href"] = "https://example.org/item.json"
    (folder / "item.json").write_text(json.dumps(item))
    assert "True colour" in write_page(folder).path.read_text()
    (folder / "truecolour.tif").unlink()
    assert "True colour" not in write_page(folder).path.read_text()


def test_what_is_no_result_is_told(tmp_path: Path) -> None:
    with pytest.raises(ViewError, match="found none of their results"):
        write_page(tmp_path)
    assert np.size(list(tmp_path.iterdir())) == 0
