from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from models.measures.metrics import compute_confusion
from pipeline.errors import OptionError
from pipeline.evaluation.answers import IndexMethod, NetworkMethod, predict_tile
from pipeline.evaluation.evaluate import Evaluation, EvaluationOptions, evaluate, open_data, open_networks
from pipeline.evaluation.permutation import compute_importance, permute_band
from pipeline.evaluation.report.page import ReportSubject
from pipeline.evaluation.report.words import find_best
from pipeline.evaluation.report.write_report import write_report
from pipeline.evaluation.tally import get_confusion
from pipeline.samples.sources import resolve_places, resolve_source
from tests.pipeline.evaluation.evaluated import Lakes, write_tiny_model
from tiles.bands import L2A_STACK
from tiles.samples.sample import split_places

OPTIONS = EvaluationOptions(tile_size=48, resamples=40, pictures=4)
SUBJECT = ReportSubject(
    models={"tiny": "a model & more"},
    data="lakes <b>",
    places="all",
    made=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    version="0",
    tile_size=48,
)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> NetworkMethod:
    path = write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")
    return NetworkMethod(name="tiny", model=str(path), device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def evaluation(network: NetworkMethod) -> Evaluation:
    return evaluate([network], Lakes(), options=OPTIONS)


def test_every_index_stands_beside_the_network_on_the_same_pixels(evaluation: Evaluation) -> None:
    names = [method.name for method in evaluation.methods]
    assert names[0] == "tiny"
    assert {f"{index} > {how}" for index in ("NDWI", "MNDWI", "AWEI_nsh", "AWEI_sh") for how in ("0", "Otsu")} == set(
        names[1:]
    )
    pixels = 9 * 48 * 45
    assert sum(evaluation.pixels.values()) == pixels
    assert all(method.pixels == pixels for method in evaluation.methods)


def test_the_counts_are_those_of_each_tile(evaluation: Evaluation, network: NetworkMethod) -> None:
    for sample in Lakes().tiles(size=48):
        answer = network.answer(sample)
        assert answer is not None
        count = compute_confusion(answer.surface > 0.5, sample.fraction > 0.5, sample.valid)
        found = {
            name: int(value) for name, value in get_confusion(evaluation.methods[0].by_place[sample.place]).items()
        }
        assert found == {"hit": count.hit, "miss": count.miss, "false": count.false, "rest": count.rest}
    for method in evaluation.methods:
        np.testing.assert_allclose(method.pooled, sum(method.by_place.values()))
    assert evaluation.methods[0].figures["iou"] > 0.99


def test_otsu_is_found_by_scene(evaluation: Evaluation) -> None:
    assert evaluation.thresholds["NDWI"].keys() == set(Lakes().places)
    otsu = next(method for method in evaluation.methods if method.name == "NDWI > Otsu")
    assert otsu.figures["iou"] > 0.99


def test_a_method_without_its_bands_abstains_and_a_network_that_can_does_without(network: NetworkMethod) -> None:
    found = evaluate([network], Lakes(absent=("B11", "B12", "B01")), options=OPTIONS)
    pixels = {method.name: method.pixels for method in found.methods}
    assert pixels["MNDWI > 0"] == pixels["AWEI_sh > Otsu"] == 0
    assert pixels["tiny"] == pixels["NDWI > 0"] == 9 * 48 * 45
    assert found.methods[0].figures["iou"] > 0.99
    assert found.absent == {"B01": 9, "B11": 9, "B12": 9}
    blind = evaluate([network], Lakes(absent=("B08", "B8A")), options=OPTIONS)
    assert blind.methods[0].pixels == 0


def test_few_places_are_resampled_by_tile_and_many_by_place(network: NetworkMethod, evaluation: Evaluation) -> None:
    assert evaluation.resampled == "place"
    few = evaluate([network], Lakes(kept=("lake <1>", "lake <2>")), options=OPTIONS)
    assert few.resampled == "tile"
    for found in (few, evaluation):
        low, high = found.methods[1].intervals["accuracy"]
        assert low <= found.methods[1].figures["accuracy"] <= high


def test_the_gallery_holds_the_worst_tile_of_the_worst_scenes(evaluation: Evaluation) -> None:
    shown = evaluation.gallery.tiles
    assert len(shown) == 4
    assert [tile.wrong for tile in shown] == sorted((tile.wrong for tile in shown), reverse=True)
    first = evaluation.methods[0]
    wrong = {
        place: int(sum(get_confusion(tally)[name] for name in ("miss", "false")))
        for place, tally in first.by_place.items()
    }
    assert [tile.wrong for tile in shown] == sorted(wrong.values(), reverse=True)[:4]
    assert shown[0].pictures.error.startswith(b"\x89PNG")


def test_a_tile_of_any_size_is_predicted_as_a_scene_of_its_own(network: NetworkMethod) -> None:
    image = np.random.default_rng(0).random((12, 31, 22), np.float32)
    probability = predict_tile(network.whole, image)
    assert probability.shape == (31, 22)
    grown = predict_tile(network.whole, np.pad(image, ((0, 0), (4, 4), (4, 4)), mode="symmetric"))
    np.testing.assert_allclose(probability, grown[4:-4, 4:-4], atol=1e-5)


def test_two_networks_of_one_name_are_refused(network: NetworkMethod) -> None:
    with pytest.raises(OptionError, match="different names"):
        evaluate([network, network], Lakes(), options=OPTIONS)


def test_shuffling_the_band_that_counts_costs_and_no_other_does(network: NetworkMethod) -> None:
    drops = {
        entry.band: entry
        for entry in compute_importance(network, Lakes(kept=("lake <1>", "lake <2>")), tile_size=32, repeats=2)
    }
    assert tuple(drops) == L2A_STACK
    assert drops["B08"].accuracy_drop > 0.1
    assert drops["B08"].iou_drop > 0.3
    assert drops["B08"].accuracy_spread > 0
    assert all(entry.accuracy_drop == pytest.approx(0, abs=1e-9) for band, entry in drops.items() if band != "B08")


def test_shuffling_keeps_the_values_and_the_other_bands() -> None:
    sample = next(Lakes(absent=("B01",)).tiles(size=32))
    shuffled = permute_band(sample, "B04", seed=1)
    changed = L2A_STACK.index("B04")
    assert (shuffled.reflectance[changed] != sample.reflectance[changed]).any()
    np.testing.assert_array_equal(
        np.sort(shuffled.reflectance[changed], None), np.sort(sample.reflectance[changed], None)
    )
    rest = np.arange(12) != changed
    np.testing.assert_array_equal(shuffled.reflectance[rest], sample.reflectance[rest])
    np.testing.assert_array_equal(permute_band(sample, "B01", seed=1).reflectance, sample.reflectance)


def test_the_files_say_the_same_and_nothing_is_left_lying(evaluation: Evaluation, tmp_path: Path) -> None:
    for _ in range(2):  # the second time they are replaced
        write_report(tmp_path / "out", SUBJECT, evaluation)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["metrics.csv", "metrics.json", "report.html"]
    record = json.loads((tmp_path / "out" / "metrics.json").read_text())
    with (tmp_path / "out" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9 * (1 + 9)
    for method in record["methods"]:
        for row in rows:
            if row["method"] == method["name"]:
                figures = method["scenes"].get(row["scene"]) or {k: v["value"] for k, v in method["pooled"].items()}
                assert float(row["accuracy"]) == figures["accuracy"]
    assert record["about"]["data"] == "lakes <b>"


class _Attributes(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "poster", "data"}]


def test_the_page_links_to_nothing_and_runs_nothing(evaluation: Evaluation, tmp_path: Path) -> None:
    text = write_report(tmp_path, SUBJECT, evaluation).read_text()
    page = _Attributes()
    page.feed(text)
    assert page.links
    assert all(link.startswith("data:") for link in page.links)
    assert not {"script", "iframe", "object", "b&gt;"} & set(page.tags)
    assert "url(" not in text
    assert "@import" not in text
    assert "lakes &lt;b&gt;" in text
    assert "lakes <b>" not in text
    assert page.tags.count("img") == 4 * 4


def test_the_page_opens_without_a_word_or_a_request(evaluation: Evaluation, tmp_path: Path, chromium: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    page_file = write_report(tmp_path, SUBJECT, evaluation)
    said: list[str] = []
    asked: list[str] = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(page_file.as_uri())
        broken = page.evaluate("[...document.images].filter(image => !image.complete || !image.naturalWidth).length")
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        browser.close()
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [page_file.as_uri()]
    assert broken == 0
    assert wide <= 0  # on a phone, tables scroll within their frames, the page does not


def test_the_best_are_marked_as_they_are_written() -> None:
    assert find_best([0.91234, 0.91231, 0.9], higher=True) == {0, 1}
    assert find_best([3.0, float("nan"), 2.0], higher=False) == {2}
    assert find_best([float("nan"), 2.0], higher=False) == set()


def test_an_unknown_index_method_level_is_zero() -> None:
    sample = next(Lakes().tiles(size=32))
    answer = IndexMethod(index="NDWI", thresholds={}).answer(sample)
    assert answer is not None
    assert answer.level == 0


def test_data_is_resolved_by_its_form(tmp_path: Path) -> None:
    source = resolve_source("simulated:2000000000-2000000003")
    assert len(source.places) == 4
    learned, held = split_places(source.places, held_out=0.5, seed=3)
    for which, places in (("learned", learned), ("held-out", held), ("all", learned | held)):
        assert set(resolve_places(source, which, held_out=0.5, seed=3).places) == places
    for text in ("simulated:5-3", "simulated:x", "nowhere/at/all", f"labels:{tmp_path / 'none'}"):
        with pytest.raises(OptionError, match="Expected"):
            resolve_source(text)
    with pytest.raises(OptionError, match="held-out"):
        resolve_places(source, "half")


def test_models_are_named_as_users_name_them(tmp_path: Path) -> None:
    first, second = (write_tiny_model(tmp_path / folder / "tiny.safetensors") for folder in ("a", "b"))
    other = write_tiny_model(tmp_path / "other.safetensors")
    networks = open_networks([first, str(second), other], OPTIONS)
    assert [network.name for network in networks] == [str(first), str(second), "other"]
    assert open_networks(first, OPTIONS)[0].name == "tiny"
    assert open_networks(networks[2], OPTIONS) == (networks[2],)


def test_data_is_named_as_users_name_it_and_divided_by_the_options() -> None:
    options = EvaluationOptions(places="held-out", held_out=0.5)
    whole, part = open_data("simulated:5-8", EvaluationOptions()), open_data("simulated:5-8", options)
    assert whole.places == ("5", "6", "7", "8")
    assert part.places == ("6",)
    assert open_data(lakes := Lakes(), options) is lakes


def test_an_evaluation_prints_as_a_line_for_the_data_and_one_a_method(evaluation: Evaluation) -> None:
    lines = repr(evaluation).splitlines()
    assert len(lines) == 1 + len(evaluation.methods)
    assert lines[0].startswith("Evaluation on lakes: 9 places, ")
    assert max(map(len, lines)) < 120
