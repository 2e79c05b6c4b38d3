"""Where work runs: sizes that fit the machine, and a clear word where there is no cluster."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import dask
import distributed  # noqa: F401 (before settings are changed, for it brings their defaults)
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cluster import client as cluster
from pipeline.cluster.client import ClusterError, ClusterOptions, compute_threads, compute_workers, open_client
from pipeline.errors import MissingExtraError
from tiles.errors import OptionError


@given(cores=st.integers(1, 512), memory=st.floats(0, 1e14))
def test_workers_fit_cores_and_memory(cores: int, memory: float) -> None:
    workers = compute_workers(cores=cores, memory=memory)
    assert 1 <= workers <= cores
    assert workers == 1 or workers * cluster.BYTES_A_SCENE <= memory


def test_more_memory_never_means_fewer_workers() -> None:
    counts = [compute_workers(cores=16, memory=gib * 2**30) for gib in range(100)]
    assert counts == sorted(counts)
    assert counts[-1] == 16


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_threads_of_all_workers_are_the_cores(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "count_cores", lambda: 6)
    assert workers * compute_threads(ClusterOptions(workers=workers)) == 6
    assert compute_threads(ClusterOptions(workers=workers, threads=4)) == 4
    assert compute_threads(ClusterOptions(scheduler="tcp://there:8786")) == 1


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"workers": 2, "scheduler": "tcp://there:8786"}, "one of"),
        ({"workers": 0}, "at least 1"),
        ({"threads": -1}, "at least 1"),
        ({"scheduler": "there"}, "tcp://"),
    ],
)
def test_impossible_choices_are_refused(options: dict[str, object], word: str) -> None:
    with pytest.raises(OptionError, match=word):
        ClusterOptions(**options)  # type: ignore[arg-type]


def test_no_scheduler_at_the_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(ClusterError, match=address) as caught,
        open_client(ClusterOptions(scheduler=address)),
    ):
        pass
    assert "\n" not in str(caught.value)


def test_no_scheduler_file_and_a_wrong_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "WORKERS_WAIT_S", 0.0)
    with pytest.raises(ClusterError, match="No scheduler wrote"), open_client(options_of(tmp_path / "none.json")):
        pass
    (tmp_path / "wrong.json").write_text("[]")
    with pytest.raises(ClusterError, match="with an address"), open_client(options_of(tmp_path / "wrong.json")):
        pass


def options_of(path: Path) -> ClusterOptions:
    return ClusterOptions(scheduler_file=path)


def test_a_cluster_without_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import LocalCluster

    monkeypatch.setattr(cluster, "WORKERS_WAIT_S", 0.1)
    with LocalCluster(n_workers=0, dashboard_address=None) as empty:
        options = ClusterOptions(scheduler=empty.scheduler_address)
        with pytest.raises(ClusterError, match="no workers"), open_client(options):
            pass


def test_workers_of_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, processes=False, dashboard_address=None) as other:
        monkeypatch.setattr(cluster, "_read_version", lambda: "0.0.1")
        options = ClusterOptions(scheduler=other.scheduler_address)
        with pytest.raises(ClusterError, match=r"found 0\.0\.1"), open_client(options):
            pass


def test_without_dask_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"strandline\[scale\]"), open_client(ClusterOptions()):
        pass
