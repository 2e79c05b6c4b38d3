"""What is searched for where little is said, and within which borders."""

from __future__ import annotations

from pipeline.search.search_scenes import SearchOptions
from tests.pipeline.choices import check_ranges
from tiles.errors import OptionError


def test_a_search_of_which_little_is_said() -> None:
    assert SearchOptions(aoi="0,0,1,1", dates="2024").model_dump() == {
        "aoi": "0,0,1,1",
        "dates": "2024",
        "source": "earth-search",
        "max_cloud": None,
        "collection": None,
        "limit": None,
        "any_platform": False,
    }


def test_borders_of_a_search() -> None:
    check_ranges(
        SearchOptions,
        {"max_cloud": ((0, 100, None), (-0.1, 100.1)), "limit": ((1, None), (0,))},
        OptionError,
        aoi="0,0,1,1",
        dates="2024",
    )
