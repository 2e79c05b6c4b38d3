from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from pipeline.search.api import RetryingIO
from pipeline.search.errors import EmptySearchError, HostError, PlanError, SearchError
from pipeline.search.hosts import HOSTS, find_host
from pipeline.search.plan import read_plan
from pipeline.search.search_scenes import SearchOptions, search_scenes
from tests.pipeline.fault_proxy import FaultProxy, run_fault_proxy
from tests.pipeline.search.test_search_scenes import as_catalogue, as_geoparquet, ids
from tests.pipeline.stac_items import find_port, make_item, serve_folder, write_items


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[FaultProxy]:
    """A folder on a host, behind a proxy that fails."""
    with serve_folder(tmp_path) as url, run_fault_proxy(url) as proxy:
        proxy.path = "/"
        yield proxy


def ask(source: str) -> list[str]:
    options = SearchOptions(aoi="10.2,54.2,10.4,54.4", dates="2024-06", source=source, max_cloud=20)
    return ids(search_scenes(options))


@pytest.mark.parametrize("fault", ["503", "cut"])
def test_file_that_is_cut_is_fetched_again(bucket: FaultProxy, tmp_path: Path, fault: str) -> None:
    path = as_geoparquet(tmp_path)
    bucket.faults = [fault]
    assert ask(f"{bucket.url}/{path.name}") == ["good", "cloud unknown", "new"]
    assert bucket.injected == [fault]


def test_catalogue_on_a_failing_host_is_walked_whole(bucket: FaultProxy, tmp_path: Path) -> None:
    as_catalogue(tmp_path)
    bucket.faults = [None, "cut", "503", None, "cut unsized", None, None, "503"]
    assert ask(f"{bucket.url}/catalog.json") == ["good", "cloud unknown", "new"]
    assert len(bucket.injected) == 4


def test_document_that_is_gone_costs_itself_a_silent_host_costs_the_walk(
    bucket: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_catalogue(tmp_path)
    (tmp_path / "east" / "good" / "good.json").unlink()
    assert ask(f"{bucket.url}/catalog.json") == ["cloud unknown", "new"]
    monkeypatch.setattr("pipeline.search.api._PAUSE_S", 0)
    bucket.faults = [None, None, None, *["cut"] * 50]
    with pytest.raises(HostError, match=r"127\.0\.0\.1"):
        ask(f"{bucket.url}/catalog.json")


def test_file_that_is_not_there(bucket: FaultProxy) -> None:
    with pytest.raises(HostError, match=r"127\.0\.0\.1:\d+ answered with 404") as caught:
        ask(f"{bucket.url}/nothing.parquet")
    assert "\n" not in str(caught.value)
    with pytest.raises(HostError, match="answered with 404"):
        ask(f"{bucket.url}/nothing.json")


def test_token_goes_to_no_other_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRANDLINE_STAC_TOKEN", "secret-token")
    reader = RetryingIO("https://stac.test/v1")
    assert reader.sign(requests.Request("GET", "https://stac.test/v1/search")).headers == {
        "Authorization": "Bearer secret-token"
    }
    for other in ("https://elsewhere.test/v1", "http://stac.test:81/v1", "https://stac.test.evil/v1"):
        assert "Authorization" not in reader.sign(requests.Request("GET", other)).headers


def test_refused_connection_is_one_line_that_names_no_secret() -> None:
    port = find_port()
    with pytest.raises(HostError, match=rf"Could not search 127\.0\.0\.1:{port} \(Connection refused\)") as caught:
        ask(f"http://user:secret@127.0.0.1:{port}/catalog.json")
    assert "secret" not in str(caught.value)


def test_known_hosts_are_found_by_name_and_address() -> None:
    assert set(HOSTS) == {"earth-search", "planetary-computer", "copernicus"}
    for name, host in HOSTS.items():
        assert find_host(name) is find_host(f"{host.url}/") is host
        assert host.url.startswith("https://")
    assert find_host("https://elsewhere.test/v1") is None
    assert find_host("catalog.json") is None


def test_scripts_can_tell_failures_apart_by_their_exit_code(tmp_path: Path) -> None:
    far = write_items(tmp_path / "far.json", [make_item("far", box=(30, 10, 31, 11))])
    with pytest.raises(EmptySearchError) as empty:
        ask(str(far))
    with pytest.raises(HostError) as dead:
        ask(f"http://127.0.0.1:{find_port()}/catalog.json")
    with pytest.raises(SearchError) as senseless:
        ask(str(tmp_path / "nothing"))
    with pytest.raises(PlanError) as no_plan:
        read_plan(tmp_path / "nothing")
    # 2 a wrong request, 3 nothing to map, 4 a host that does not answer.
    assert [caught.value.exit_code for caught in (senseless, no_plan, empty, dead)] == [2, 2, 3, 4]
