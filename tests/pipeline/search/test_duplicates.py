from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import shapely
from hypothesis import given
from hypothesis import strategies as st

from pipeline.search.duplicates import Acquisition, Resolution, resolve_duplicates
from pipeline.search.item_facts import describe_acquisition
from tests.pipeline.stac_items import make_item

NOON = datetime(2024, 6, 10, 12, tzinfo=UTC)


def make(
    name: str,
    *,
    baseline: str | None = "05.11",
    tile: str | None = "32UPF",
    seconds: float = 0,
    generated: int = 0,
    x: tuple[float, float] | None = (0, 1),
    platform: str = "sentinel-2a",
) -> Acquisition:
    return Acquisition(
        id=name,
        tile=tile,
        platform=platform,
        acquired=NOON + timedelta(seconds=seconds),
        baseline=baseline,
        generated=NOON + timedelta(hours=generated),
        footprint=shapely.box(x[0], 0, x[1], 1) if x else None,
    )


def kept(*items: Acquisition) -> set[str]:
    return {item.id for item in resolve_duplicates(items).kept}


def reasons(resolution: Resolution) -> dict[str, str]:
    return {entry.id: entry.reason for entry in resolution.set_aside}


def test_newest_baseline_stays() -> None:
    found = resolve_duplicates([make("a", baseline="02.14"), make("b", baseline="05.11"), make("c", baseline="04.00")])
    assert [item.id for item in found.kept] == ["b"]
    assert reasons(found) == {
        "a": "superseded by b (processing baseline 02.14 before 05.11)",
        "c": "superseded by b (processing baseline 04.00 before 05.11)",
    }


def test_baselines_count_as_numbers() -> None:
    assert kept(make("a", baseline="05.9"), make("b", baseline="05.10")) == {"b"}


def test_later_of_two_twins_stays() -> None:
    found = resolve_duplicates([make("a", generated=5), make("b", generated=1)])
    assert [item.id for item in found.kept] == ["a"]
    assert reasons(found) == {"b": "superseded by a (same acquisition and footprint, generated later)"}


def test_halves_of_a_datatake_stay() -> None:
    assert kept(make("a", x=(0, 0.6)), make("b", x=(0.5, 1))) == {"a", "b"}
    assert kept(make("a", x=(0, 0.6)), make("b", x=(0.5, 1), baseline="04.00")) == {"a", "b"}, "no ground is lost"
    assert kept(make("a", x=(0, 0.6)), make("b", x=(0.5, 1)), make("c", baseline="04.00")) == {"a", "b"}


def test_what_differs_is_no_duplicate() -> None:
    one = make("a")
    assert kept(one, make("b", tile="32UPG")) == {"a", "b"}
    assert kept(one, make("b", platform="sentinel-2b")) == {"a", "b"}
    assert kept(one, make("b", seconds=61)) == {"a", "b"}
    assert kept(one, make("b", seconds=59)) == {"b"}


def test_nothing_is_lost_on_a_guess() -> None:
    assert kept(make("a", tile=None), make("b", tile=None)) == {"a", "b"}
    assert kept(make("a", x=None), make("b", x=None)) == {"a", "b"}
    assert kept(make("a", x=None, baseline="04.00"), make("b", x=None)) == {"b"}, "the baseline tells"
    assert kept(make("a", baseline=None, x=None), make("b")) == {"a", "b"}


acquisitions = st.lists(
    st.builds(
        lambda baseline, tile, seconds, generated, west, width: (
            {"baseline": baseline, "tile": tile, "seconds": seconds, "generated": generated, "x": (west, west + width)}
        ),
        st.sampled_from(["02.14", "04.00", "05.10", "05.11", None]),
        st.sampled_from(["32UPF", "32UPG", None]),
        st.sampled_from([0, 20, 50, 100, 86400]),
        st.integers(0, 3),
        st.sampled_from([0.0, 0.01, 0.5]),
        st.sampled_from([0.5, 1.0]),
    ),
    max_size=8,
).map(lambda rows: [make(f"p{index}", **row) for index, row in enumerate(rows)])


@given(acquisitions, st.randoms(use_true_random=False))
def test_order_does_not_matter_and_each_acquisition_stays(given_: list[Acquisition], dice: random.Random) -> None:
    found = resolve_duplicates(given_)
    again = resolve_duplicates(dice.sample(given_, len(given_)))
    assert {item.id for item in found.kept} == {item.id for item in again.kept}
    assert found.set_aside == again.set_aside
    assert {item.id for item in found.kept} | set(reasons(found)) == {item.id for item in given_}
    assert {item.tile for item in found.kept} == {item.tile for item in given_}
    for name, reason in reasons(found).items():
        stays = reason.split()[2]
        assert stays in {item.id for item in found.kept}, f"{name} gave way to one that stays"
    assert resolve_duplicates(found.kept).set_aside == ()


def test_footprint_that_crosses_itself() -> None:
    bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    twin = Acquisition(id="b", tile="32UPF", platform="sentinel-2a", acquired=NOON, baseline="05.11", footprint=bow_tie)
    assert kept(make("a"), twin) == {"a", "b"}


def test_what_items_say_of_their_acquisition() -> None:
    plain = {"platform": "Sentinel-2A", "grid:code": None}
    stated = {"s2:processing_baseline": "02.12", "s2:generation_time": "2020-10-06T08:05:31.830Z"}
    known = describe_acquisition(make_item("x", **plain, **{"s2:mgrs_tile": "06VVN"}, **stated))
    assert (known.tile, known.baseline, known.platform) == ("06VVN", "02.12", "sentinel-2a")
    assert known.generated == datetime(2020, 10, 6, 8, 5, 31, 830000, tzinfo=UTC)
    uri = "S2B_MSIL2A_20190629T212529_N0212_R043_T06VVN_20201006T080531.SAFE"
    named = describe_acquisition(make_item("x", platform="", **{"grid:code": None, "s2:product_uri": uri}))
    assert (named.tile, named.baseline, named.platform) == ("06VVN", "02.12", "sentinel-2b")
    assert named.generated == datetime(2020, 10, 6, 8, 5, 31, tzinfo=UTC)
    old = {"sentinel:utm_zone": 6, "sentinel:latitude_band": "V", "sentinel:grid_square": "VN", "grid:code": None}
    first = describe_acquisition(make_item("x", **old, **{"sentinel:sequence": "0"}))
    second = describe_acquisition(make_item("x", **old, **{"sentinel:sequence": "1"}))
    assert first.tile == "06VVN"
    assert first.generated is not None
    assert second.generated is not None
    assert first.generated < second.generated


def test_what_was_resolved_stays_resolved_though_the_first_of_a_group_has_gone() -> None:
    given_ = [make("a", x=(0.0, 0.5), generated=0), make("b", seconds=50, x=(0.0, 0.5), generated=1)]
    given_ += [make("c", seconds=100, x=(0.0, 0.5), generated=2)]  # within a minute of b, not of a
    found = resolve_duplicates(given_)
    assert [item.id for item in found.kept] == ["c"]
    assert resolve_duplicates(found.kept).set_aside == ()


def test_a_minute_apart_is_one_acquisition_and_a_second_more_is_none() -> None:
    assert kept(make("a"), make("b", seconds=60)) == {"b"}
    assert kept(make("a"), make("b", seconds=60.001)) == {"a", "b"}


def test_newer_products_must_show_half_of_the_ground() -> None:
    old = make("a", baseline="04.00", x=(0, 1))
    assert kept(old, make("b", x=(0.5, 1.5))) == {"b"}
    assert kept(old, make("b", x=(0.501, 1.5))) == {"a", "b"}
    parts = make("b", x=(0, 0.3)), make("c", x=(0.7, 1), seconds=1)
    assert kept(old, *parts) == {"b", "c"}, "parts count together"


def test_twins_share_more_than_95_percent_of_both() -> None:
    assert kept(make("a", x=(0, 1)), make("b", x=(0, 0.96))) == {"b"}
    assert kept(make("a", x=(0, 1)), make("b", x=(0, 0.95))) == {"a", "b"}
    assert kept(make("a", x=(0, 1)), make("b", x=(0.02, 1.02))) == {"b"}
    assert kept(make("a", x=(0, 1)), make("b", x=(0.03, 1.03))) == {"a", "b"}
