"""A failure is told once, at least, and kept until then."""

from __future__ import annotations

from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import Counts
from tests.pipeline.watch.ledger.ledger_places import NOON, Clock, fail_one, publish_one, read_row, sight


def test_each_failure_for_good_is_told_once_with_an_id_of_its_own(ledger: Ledger, clock: Clock) -> None:
    ledger.record("coast", [sight()])
    row = fail_one(ledger)
    (failure,) = ledger.untold()
    assert (failure.id, failure.area, failure.error, failure.at) == (row.failure_id, "coast", "no band B08", NOON)
    assert ledger.untold() == [failure]  # who dies between sending and marking sends the same again
    assert ledger.mark_told([failure.id, "another"]) == 1
    assert (ledger.untold(), read_row(ledger).told) == ([], NOON)
    assert ledger.mark_told([failure.id]) == 0
    assert ledger.record("coast", [sight()]) == Counts(again=1)
    assert ledger.untold() == []
    assert ledger.retry("coast") == 1
    again = fail_one(ledger)
    assert again.failure_id not in {None, failure.id}
    assert [f.id for f in ledger.untold()] == [again.failure_id]


def test_a_failure_is_told_even_where_a_newer_product_went_well_since(ledger: Ledger) -> None:
    ledger.record("coast", [sight()])
    fail_one(ledger)
    ledger.record("coast", [sight(baseline="05.10")])
    publish_one(ledger)
    (failure,) = ledger.untold()
    assert (failure.product, failure.error) == ("a N05.09", "no band B08")
    ledger.mark_told([failure.id])
    assert ledger.untold() == []
