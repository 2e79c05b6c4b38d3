"""Rounds of a watcher over a simulated coast, mapped by a real Dask worker."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from html import escape
from pathlib import Path

import pytest

from pipeline.change.record import read_change
from pipeline.publish.publish import open_destination
from pipeline.record.result import PAGE_LINK, read_fingerprint
from pipeline.watch.areas.file import WatchSettings
from pipeline.watch.compare import Publisher
from pipeline.watch.ledger.ledger import open_ledger
from pipeline.watch.ledger.values import Row
from pipeline.watch.locks import hold_area
from pipeline.watch.map import make_due_again
from pipeline.watch.run_round import run_round
from pipeline.watch.status import read_watch_status
from pipeline.watch.values import AreaFolders
from tests.pipeline.cluster.dask_processes import DaskProcesses
from tests.pipeline.watch.ledger.ledger_places import Clock
from tests.pipeline.watch.watched import Coast, list_told, tell_into
from tests.stac_schemas import require_all_valid
from tiles.simulate.series.simulate_series import SeriesOptions, simulate_series

# The second date comes twice, the third is under cloud, the last two lie 40 m further inland.
FIRST, SECOND, NEWER, CLOUDED, MOVED, LAST = range(6)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("series") / "S"
    options = SeriesOptions(
        size=180, shifts=(0.0, 0.0, 0.0, 40.0, 40.0), cloud_cover=(0.0, 0.0, 0.9, 0.0, 0.0), reprocessed=(1,)
    )
    simulate_series(out, seed=4, options=options)
    return out


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    processes = DaskProcesses(tmp_path_factory.mktemp("dask"))
    yield processes.address
    processes.stop()


@pytest.fixture
def coast(scenes: Path, tmp_path: Path) -> Coast:
    items = json.loads((scenes / "items.json").read_text())["features"]
    made = Coast(tmp_path, items)
    made.show(*range(6))
    return made


def _rows(settings: WatchSettings) -> dict[str, Row]:
    return {row.product: row for row in open_ledger(settings.ledger, create=False).rows("coast")}


def test_scenes_are_mapped_compared_published_and_told_once(coast: Coast, dask: str, tmp_path: Path) -> None:
    settings = coast.write(dask={"scheduler": dask}, notifications=[tell_into(tmp_path)])
    coast.show(FIRST, SECOND, CLOUDED)
    first = run_round(settings, "coast")
    assert (first.error, first.mapped, first.published, first.failed, first.backlog) == (None, 2, 2, 0, 0)
    old = coast.items[SECOND]["id"]
    assert old in {result.name for result in open_destination(settings.areas[0].destination).list_results()}

    coast.show(*range(6))
    second = run_round(settings, "coast")
    assert (second.error, second.mapped, second.published, second.alerts) == (None, 3, 3, 1)
    rows = _rows(settings)
    newer = rows[coast.items[NEWER]["id"]]
    assert [event["what"] for event in newer.history if event["what"] != "claimed"] == [
        "seen",
        "mapped",
        "published",
        "replaced",
        "mapped",
        "published",
    ]
    clouded = rows[coast.items[CLOUDED]["id"]]
    assert (clouded.state, clouded.skip) == ("skipped", "cloud")
    assert "over 60%" in clouded.reason
    published = {result.name: result for result in open_destination(settings.areas[0].destination).list_results()}
    assert set(published) == {coast.items[number]["id"] for number in (FIRST, NEWER, MOVED, LAST)}
    assert all(result.whole for result in published.values())
    assert all(rows[name].fingerprint == result.fingerprint for name, result in published.items())
    catalogue = json.loads((Path(settings.areas[0].destination) / "catalog.json").read_text())
    assert sum(link["rel"] == "item" for link in catalogue["links"]) == 4
    assert len(require_all_valid(Path(settings.areas[0].destination))) == 8  # 4 scenes, 3 changes, the catalogue
    changes = {result.name for result in open_destination(settings.areas[0].destination + "/changes").list_results()}
    assert changes == {coast.items[number]["id"] for number in (NEWER, MOVED, LAST)}
    page = Path(settings.areas[0].destination) / "view.html"
    text = page.read_text()
    assert "<title>Coast of coast" in text
    assert all(name in text for name in [*published, coast.items[CLOUDED]["id"], escape(clouded.reason)])
    assert f"{coast.items[SECOND]['id']}<" not in text  # replaced
    assert PAGE_LINK in catalogue["links"]
    drawn = page.stat().st_mtime_ns

    third = run_round(settings, "coast")
    assert (third.error, third.mapped, third.published) == (None, 0, 0)
    assert page.stat().st_mtime_ns == drawn  # nothing new to show
    told = [(event["kind"], event["facts"]["product"]) for event in list_told(tmp_path)]
    wanted = [("published", coast.items[number]["id"]) for number in (FIRST, SECOND, NEWER, MOVED, LAST)]
    assert sorted(told) == sorted([*wanted, ("alert", coast.items[MOVED]["id"])])
    assert len({event["id"] for event in list_told(tmp_path)}) == len(told)


def test_a_round_that_dies_after_publishing_is_gone_on_with(
    coast: Coast, dask: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = coast.write(dask={"scheduler": dask}, notifications=[tell_into(tmp_path)], area={"compare": False})
    coast.show(FIRST)

    def die(_self: Publisher, _scene: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Publisher, "mark", die)
        with pytest.raises(KeyboardInterrupt):
            run_round(settings, "coast")
    (row,) = _rows(settings).values()
    assert (row.state, row.holder) == ("mapped", None)
    assert not list_told(tmp_path)  # it is not published yet, as far as anybody may know
    again = run_round(settings, "coast")
    assert (again.mapped, again.published) == (0, 1)
    assert [event["kind"] for event in list_told(tmp_path)] == ["published"]
    catalogue = json.loads((Path(settings.areas[0].destination) / "catalog.json").read_text())
    assert sum(link["rel"] == "item" for link in catalogue["links"]) == 1


def test_a_map_that_is_gone_is_made_again(coast: Coast, dask: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = coast.write(dask={"scheduler": dask}, area={"compare": False})
    coast.show(FIRST)
    with monkeypatch.context() as patch:
        patch.setattr(Publisher, "publish", lambda _self, _row: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run_round(settings, "coast")
    shutil.rmtree(AreaFolders(work=Path(settings.work), area="coast").scenes)
    again = run_round(settings, "coast")
    assert (again.mapped, again.published) == (1, 1)


def test_a_page_that_is_not_wanted_or_cannot_be_drawn_keeps_nothing_back(
    coast: Coast, dask: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    coast.show(FIRST)
    settings = coast.write(dask={"scheduler": dask}, area={"compare": False, "view": False})
    out = Path(settings.areas[0].destination)
    page, catalogue = out / "view.html", out / "catalog.json"
    folders = AreaFolders(work=Path(settings.work), area="coast")

    def run_again(**area: str) -> tuple[str, ...]:
        """A round that has only the catalogue and the page to write; gives its notes."""
        again = coast.write(dask={"scheduler": dask}, area={"compare": False, **area})
        catalogue.unlink()
        folders.stale_mark.touch()
        report = run_round(again, "coast")
        assert (report.error, folders.stale_mark.exists()) == (None, False)
        return report.notes

    assert run_round(settings, "coast").published == 1
    assert not page.exists()
    assert PAGE_LINK not in json.loads(catalogue.read_text())["links"]
    for name in ("coastline.gpkg", "water.tif"):  # told by us, and by a library
        part = out / coast.items[FIRST]["id"] / name
        whole = part.read_bytes()
        part.write_bytes(bytes(len(whole)))
        (note,) = run_again()
        assert note.startswith("The page of coast was not drawn: ")
        assert name in note
        assert not page.exists()
        assert sum(link["rel"] == "item" for link in json.loads(catalogue.read_text())["links"]) == 1
        part.write_bytes(whole)
    assert read_watch_status(settings).areas[0].page == ""

    assert run_again() == ()
    assert PAGE_LINK in json.loads(catalogue.read_text())["links"]
    assert read_watch_status(settings).areas[0].page == str(page)

    coast.show(FIRST, CLOUDED)
    monkeypatch.setenv("COAST_TOKEN", "% over 60%")  # as if a reason in the ledger held it
    assert run_again(destination="memory://watched") == ()
    text = (folders.home / "view.html").read_text()
    assert "<title>Coast of coast" in text
    assert coast.items[CLOUDED]["id"] in text
    assert "${COAST_TOKEN}" in text


def test_a_broken_scene_is_tried_again_then_told_once_and_can_be_retried(
    coast: Coast, dask: str, tmp_path: Path
) -> None:
    clock = Clock()
    settings = coast.write(dask={"scheduler": dask}, notifications=[tell_into(tmp_path)])
    whole = json.loads(json.dumps(coast.items[FIRST]))
    for asset in coast.items[FIRST]["assets"].values():
        asset["href"] = str(tmp_path / "gone.tif")
    coast.show(FIRST)
    first = run_round(settings, "coast", clock=clock)
    assert (first.error, first.failed, first.backlog) == (None, 1, 1)
    (told,) = list_told(tmp_path)
    assert (told["kind"], told["facts"]["scenes"][0]["tries"], "gone.tif" in told["text"]) == ("failure", 1, True)
    assert run_round(settings, "coast", clock=clock).failed == 0  # it is not due yet
    clock.move(hours=2)
    assert run_round(settings, "coast", clock=clock).failed == 1
    clock.move(hours=200)
    assert run_round(settings, "coast", clock=clock).failed == 0  # it was given up
    _, failure = list_told(tmp_path)
    assert failure["kind"] == "failure"
    assert "gone.tif" in failure["text"]
    assert (failure["facts"]["scenes"][0]["tries"], failure["facts"]["scenes"][0]["state"]) == (2, "given up")

    coast.items[FIRST] = whole
    coast.show(FIRST)
    open_ledger(settings.ledger).retry("coast")
    assert run_round(settings, "coast", clock=clock).published == 1
    assert {event["kind"] for event in list_told(tmp_path)[2:]} == {"published", "recovered"}


def test_a_dead_source_is_told_once_and_so_is_its_return(coast: Coast, dask: str, tmp_path: Path) -> None:
    settings = coast.write(
        dask={"scheduler": dask}, notifications=[tell_into(tmp_path)], area={"source": "http://127.0.0.1:9/stac"}
    )
    for _ in range(3):
        report = run_round(settings, "coast")
        assert report.error is not None
        assert "127.0.0.1:9" in report.error
    assert [event["kind"] for event in list_told(tmp_path)] == ["failure"]
    coast.show(CLOUDED)
    settings = coast.write(dask={"scheduler": dask}, notifications=[tell_into(tmp_path)])
    assert run_round(settings, "coast").error is None
    assert [event["kind"] for event in list_told(tmp_path)] == ["failure", "recovered"]


def test_while_the_source_is_dead_nothing_is_mapped_and_no_try_is_spent(coast: Coast, dask: str) -> None:
    settings = coast.write(dask={"scheduler": dask})
    coast.show(FIRST)
    run_round(coast.write(limits={"keep_free": "900TB"}), "coast")  # found, and no room to map it
    (row,) = _rows(settings).values()
    assert (row.state, row.tries) == ("seen", 0)
    dead = coast.write(dask={"scheduler": dask}, area={"source": "http://127.0.0.1:9/stac"})
    assert run_round(dead, "coast").failed == 0
    (row,) = _rows(settings).values()
    assert (row.state, row.tries, row.holder) == ("seen", 0, None)


def test_a_disk_without_room_fails_the_round_and_is_told_once(coast: Coast, tmp_path: Path) -> None:
    settings = coast.write(limits={"keep_free": "900TB"}, notifications=[tell_into(tmp_path)])
    reports = [run_round(settings, "coast") for _ in range(2)]
    assert all("keep_free" in str(report.error) for report in reports)
    assert [event["kind"] for event in list_told(tmp_path)] == ["failure"]


def test_a_ledger_that_is_away_is_told_once_and_so_is_its_return(coast: Coast, tmp_path: Path) -> None:
    coast.show(CLOUDED)
    away = {"ledger": "postgresql+psycopg://nobody@127.0.0.1:9/none", "notifications": [tell_into(tmp_path)]}
    for _ in range(2):
        report = run_round(coast.write(**away), "coast")
        assert report.error is not None
        assert "127.0.0.1" in report.error
    assert [(event["kind"], event["area"]) for event in list_told(tmp_path)] == [("failure", "all")]
    assert run_round(coast.write(notifications=[tell_into(tmp_path)]), "coast").error is None
    assert [event["kind"] for event in list_told(tmp_path)] == ["failure", "recovered"]


def test_one_round_of_an_area_at_a_time(coast: Coast) -> None:
    settings = coast.write()
    with hold_area(AreaFolders(work=Path(settings.work), area="coast")) as held:
        assert held
        report = run_round(settings, "coast")
    assert report.busy
    assert "another process" in report.line()
    assert not Path(settings.ledger).exists()


def test_old_working_copies_go_but_for_the_one_to_compare_with(coast: Coast, dask: str) -> None:
    settings = coast.write(
        dask={"scheduler": dask}, limits={"keep_free": 0, "prune_work_after": "0s"}, area={"compare": False}
    )
    coast.show(FIRST, SECOND)
    assert run_round(settings, "coast").published == 2
    # Where there is no room, old copies are what makes some.
    crowded = coast.write(limits={"keep_free": "900TB", "prune_work_after": "0s"}, area={"compare": False})
    assert "keep_free" in str(run_round(crowded, "coast").error)
    rows = _rows(settings)
    first, second = (rows[coast.items[number]["id"]] for number in (FIRST, SECOND))
    assert (first.state, first.folder) == ("published", None)
    assert first.pruned_at is not None
    assert second.folder is not None
    assert read_fingerprint(Path(second.folder)) is not None
    assert len(open_destination(settings.areas[0].destination).list_results()) == 2
    assert run_round(settings, "coast").mapped == 0


def test_two_watchers_on_one_ledger_do_no_scene_twice(coast: Coast, dask: str, tmp_path: Path) -> None:
    shared = {"dask": {"scheduler": dask}, "ledger": str(tmp_path / "shared.db")}
    wanted = [tell_into(tmp_path)]
    places = [
        coast.write(**shared, work=str(tmp_path / name), notifications=wanted, area={"compare": False})
        for name in ("one", "two")
    ]
    with ThreadPoolExecutor(2) as threads:
        reports = list(threads.map(lambda settings: run_round(settings, "coast"), places))
    assert [report.error for report in reports] == [None, None]
    assert (sum(report.mapped for report in reports), sum(report.published for report in reports)) == (4, 4)
    rows = _rows(places[0])
    mapped = {name: [event["what"] for event in row.history].count("mapped") for name, row in rows.items()}
    assert sorted(mapped.values()) == [0, 0, 1, 1, 1, 1]
    told = [event["facts"]["product"] for event in list_told(tmp_path)]
    assert len(told) == len(set(told)) == 4


def test_a_ledger_that_can_be_read_alone_is_told_once(coast: Coast, tmp_path: Path) -> None:
    """As on a disk that is full: it opens each time, and takes nothing."""
    coast.show(CLOUDED)
    settings = coast.write(notifications=[tell_into(tmp_path)])
    assert run_round(settings, "coast").error is None
    with closing(sqlite3.connect(settings.ledger)) as database:
        (table,) = next(database.execute("SELECT name FROM sqlite_master WHERE name LIKE '%rounds'"))
        refusal = "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        database.execute(f"CREATE TRIGGER full BEFORE INSERT ON {table} {refusal}")
    assert all(run_round(settings, "coast").error is not None for _ in range(3))
    assert [event["kind"] for event in list_told(tmp_path)] == ["failure"]
    with closing(sqlite3.connect(settings.ledger)) as database:
        database.execute("DROP TRIGGER full")
    assert run_round(settings, "coast").error is None
    assert [event["kind"] for event in list_told(tmp_path)] == ["failure", "recovered"]


def test_what_a_killed_comparison_left_is_cleared_away(coast: Coast) -> None:
    coast.show(CLOUDED)
    settings = coast.write()
    left = AreaFolders(work=Path(settings.work), area="coast").changes / ".scene.begun-k1ll3d"
    left.mkdir(parents=True)
    assert run_round(settings, "coast").error is None
    assert not left.exists()


def test_the_tide_is_told_of_both_dates_where_its_heights_are_known(coast: Coast, dask: str, tmp_path: Path) -> None:
    table = tmp_path / "heights.csv"
    days = [coast.items[number]["properties"]["datetime"] for number in (FIRST, NEWER)]
    table.write_text(
        "".join(["time,height_m\n", *(f"{day},{height}\n" for day, height in zip(days, (1.5, -0.5), strict=True))])
    )
    settings = coast.write(dask={"scheduler": dask}, area={"tides": {"heights": "heights.csv"}})
    coast.show(FIRST, NEWER, MOVED)
    report = run_round(settings, "coast")
    assert (report.error, report.published) == (None, 3)
    changes = Path(settings.areas[0].destination) / "changes"
    known = json.loads((changes / coast.items[NEWER]["id"] / "change.json").read_text())
    assert [known[date]["tide_height_m"] for date in ("old", "new")] == [1.5, -0.5]
    # Both dates are named where they are published, not in the watcher's folder of work.
    homes = [Path(settings.areas[0].destination) / coast.items[number]["id"] for number in (FIRST, NEWER)]
    assert [known[date]["href"] for date in ("old", "new")] == [home.absolute().as_uri() for home in homes]
    item = json.loads((changes / coast.items[NEWER]["id"] / "item.json").read_text())
    inputs = [source["href"] for source in item["properties"]["strandline:inputs"]]
    assert {href.rsplit("/", 1)[0] for href in inputs} == {home.absolute().as_uri() for home in homes}
    later = json.loads((changes / coast.items[MOVED]["id"] / "change.json").read_text())
    assert later["tide"]["given"] is False
    assert any("compared without the tide" in note for note in report.notes)


def test_what_was_published_long_ago_goes_and_is_not_made_again(coast: Coast, dask: str) -> None:
    limits = {"keep_free": 0, "prune_published_after": "0s"}
    settings = coast.write(dask={"scheduler": dask}, limits=limits, area={"compare": False})
    coast.show(FIRST)
    assert run_round(settings, "coast").published == 1
    assert len(open_destination(settings.areas[0].destination).list_results()) == 1
    again = run_round(settings, "coast")
    assert (again.error, again.mapped, again.published) == (None, 0, 0)
    assert open_destination(settings.areas[0].destination).list_results() == ()
    catalogue = json.loads((Path(settings.areas[0].destination) / "catalog.json").read_text())
    assert not any(link["rel"] == "item" for link in catalogue["links"])
    assert [row.state for row in _rows(settings).values()] == ["published"]


def _read_older(settings: WatchSettings, name: str) -> str:
    """With which date a published comparison compares."""
    record = read_change(Path(settings.areas[0].destination) / "changes" / name)
    return str(record["old"]["id"])


def test_a_late_date_is_compared_with_both_its_neighbours_and_leaves_them_again(
    coast: Coast, dask: str, tmp_path: Path
) -> None:
    settings = coast.write(dask={"scheduler": dask}, notifications=[tell_into(tmp_path, "alert")])
    first, moved, last = (coast.items[number]["id"] for number in (FIRST, MOVED, LAST))
    coast.show(FIRST, LAST)
    assert run_round(settings, "coast").published == 2
    assert _read_older(settings, last) == first
    coast.show(FIRST, MOVED, LAST)
    assert run_round(settings, "coast").published == 1
    assert (_read_older(settings, moved), _read_older(settings, last)) == (first, moved)
    assert [event["facts"]["product"] for event in list_told(tmp_path)] == [last, moved]  # 40 m, twice from the first

    ledger = open_ledger(settings.ledger)
    assert ledger.exclude("coast", moved, why="a wreck") is not None
    out = Path(settings.areas[0].destination)
    assert (out / moved).is_dir()
    report = run_round(settings, "coast")
    assert (report.error, report.mapped, report.notes) == (None, 0, ())
    assert _read_older(settings, last) == first
    folders = AreaFolders(work=Path(settings.work), area="coast")
    gone = (out / moved, out / "changes" / moved, folders.scenes / moved, folders.changes / moved)
    assert [path for path in gone if path.exists()] == []
    catalogue = json.loads((out / "catalog.json").read_text())
    assert sum(link["rel"] == "item" for link in catalogue["links"]) == 2
    assert "a wreck" in (out / "view.html").read_text()

    assert ledger.include("coast", moved) is not None
    assert run_round(settings, "coast").published == 1
    assert _read_older(settings, last) == moved
    _, told, again = list_told(tmp_path)
    assert again["id"] == told["id"]  # the same map moved the same shore


def test_years_before_follow_what_is_new_and_maps_of_another_make_follow_both(
    coast: Coast, dask: str, tmp_path: Path
) -> None:
    since = coast.items[MOVED]["properties"]["datetime"][:10]
    area = {"since": since, "backfill": {"since": "2022-01-01", "order": "newest"}}
    choices = {
        "dask": {"scheduler": dask},
        "notifications": [tell_into(tmp_path, "alert")],
        "limits": {"keep_free": 0, "scenes_per_round": 3},
    }
    settings = coast.write(area=area, **choices)
    first, newer, moved, last = (coast.items[number]["id"] for number in (FIRST, NEWER, MOVED, LAST))
    report = run_round(settings, "coast")
    assert (report.error, report.published, report.backlog) == (None, 3, 1)
    states = {name: (row.state, row.lane) for name, row in _rows(settings).items()}
    assert (states[moved], states[last], states[newer]) == (("published", "new"),) * 3
    assert states[first] == ("seen", "backfill")  # the latest of the years before came first
    coast.catalogue.rename(tmp_path / "kept.json")  # the past is not searched twice: the source could not answer
    coast.show(MOVED)
    assert run_round(settings, "coast").published == 1
    (tmp_path / "kept.json").rename(coast.catalogue)
    assert [event["facts"]["product"] for event in list_told(tmp_path)] == [moved]

    other = coast.write(area={**area, "threshold": 0.6}, **choices)
    ledger = open_ledger(other.ledger)
    assert make_due_again(other.areas[0], ledger) == 4
    out = Path(other.areas[0].destination)
    for done, left in ((3, 1), (1, 0)):
        assert len(open_destination(str(out)).list_results()) == 4  # what stands is there until then
        report = run_round(other, "coast")
        assert (report.error, report.published, report.backlog) == (None, done, left)
    for name in (first, newer, moved, last):
        item = json.loads((out / name / "item.json").read_text())["properties"]
        assert item["strandline:parameters"]["threshold"] == 0.6
    history = [event["what"] for event in _rows(other)[first].history]
    assert history == ["seen", "mapped", "published", "remap", "mapped", "published"]
    assert make_due_again(other.areas[0], ledger) == 0
    assert len(list_told(tmp_path)) == 1  # nobody is alarmed a second time
