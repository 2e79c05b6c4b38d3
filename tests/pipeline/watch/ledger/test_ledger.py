"""What the ledger says of a scene on its way, the same in SQLite and in PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import Counts
from tests.pipeline.watch.ledger.ledger_places import HERE, NOON, THERE, Clock, claim_one, fail_one, list_events, sight


def test_a_scene_goes_from_seen_to_published(ledger: Ledger, clock: Clock) -> None:
    item = {"id": "a", "assets": {"B08": {"href": "https://host/é.tif"}}, "geometry": {"coordinates": [[1.5, None]]}}
    assert ledger.record("coast", [sight(item=item)]) == Counts(new=1)
    row = claim_one(ledger)
    assert (row.state, row.holder, row.is_mapped, row.item) == ("working", HERE, False, item)
    clock.move(minutes=4)
    mapped = ledger.mark_mapped(row, HERE, fingerprint="f", folder="/maps/a")
    assert (mapped.state, mapped.holder, mapped.is_mapped) == ("mapped", HERE, True)
    assert ledger.claim("coast", limit=9, holder=THERE) == []
    published = ledger.mark_published(mapped, HERE, to="s3://coast")
    assert (published.state, published.holder, published.lease_until) == ("published", None, None)
    assert (published.published_at, published.published_to) == (NOON + timedelta(minutes=4), "s3://coast")
    assert list_events(published) == ["seen", "mapped", "published"]
    assert ledger.claim("coast", limit=9, holder=THERE) == []
    assert ledger.rows("coast", items=False) == [replace(published, item={})]


def test_any_text_can_be_kept(ledger: Ledger) -> None:
    ledger.record("coast", [sight(item={"note": "nul \0, half of a pair \ud800, é, 海岸, '\";--"})])
    error = "line 1\nline 2\0\ud800 " + "x" * 9_000
    row = fail_one(ledger, error=error)
    assert row.last_error is not None
    assert row.last_error.startswith("line 1 line 2 \\ud800 xxx")
    assert len(row.last_error) == 2_000
    assert ledger.untold()[0].error == row.last_error
    assert row.item["note"].startswith("nul \0, half of a pair \ud800")
