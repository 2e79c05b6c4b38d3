"""Where work is done if nothing is said, and within which borders."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cluster.client import ClusterError, ClusterOptions
from tests.pipeline.choices import check_ranges
from tiles.errors import OptionError


def test_a_cluster_of_which_nothing_is_said_is_this_machine() -> None:
    options = ClusterOptions()
    assert options.model_dump() == {"workers": None, "scheduler": None, "scheduler_file": None, "threads": None}
    assert options.is_local
    assert not ClusterOptions(scheduler="tcp://10.0.0.5:8786").is_local
    assert not ClusterOptions(scheduler_file=Path("s.json")).is_local
    assert ClusterError.exit_code == 7


def test_borders_of_a_cluster() -> None:
    check_ranges(
        ClusterOptions,
        {"workers": ((1,), (0,)), "threads": ((1,), (0,)), "scheduler": (("tls://a:1",), ("10.0.0.5:8786",))},
        OptionError,
    )


@pytest.mark.parametrize(
    "choices", [{"workers": 1, "scheduler": "tcp://a:1"}, {"scheduler": "tcp://a:1", "scheduler_file": Path("s.json")}]
)
def test_work_is_done_in_one_place(choices: dict[str, object]) -> None:
    with pytest.raises(OptionError, match="found 2"):
        ClusterOptions(**choices)
