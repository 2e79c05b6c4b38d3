from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.installation import resolve_install_command
from pipeline.search.plan import read_plan
from tests.pipeline.stac_items import find_port, make_item, make_many, serve_items, write_items
from tests.workflows.conftest import Run

ASKED = ("search", "--aoi", "10.2,54.2,10.4,54.4", "--dates", "2024-06")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_items(write_items(tmp_path_factory.mktemp("api") / "items.json", make_many(120))) as url:
        yield url


def test_plan_on_standard_output_is_the_plan_in_a_file(run: Run, api: str, tmp_path: Path) -> None:
    shown = run(*ASKED, "--stac", api, "--max-cloud", 20)
    assert shown.code == 0
    assert f"62 scenes from {api}, 2024-06-01 to" in shown.err
    assert "58 set aside, see set_aside in the plan: 58 over the limit of cloud" in shown.err
    written = run(*ASKED, "--stac", api, "--max-cloud", 20, "--out", tmp_path / "plan.json", "--quiet")
    assert (written.code, written.out, written.err) == (0, "", "")
    assert (tmp_path / "plan.json").read_text() == shown.out
    assert len(read_plan(tmp_path / "plan.json").items) == 62


def test_items_without_assets_are_counted(run: Run, tmp_path: Path) -> None:
    items = write_items(tmp_path / "items.json", [make_item("good"), make_item("bare", assets={})])
    ran = run(*ASKED, "--stac", items)
    assert ran.code == 0
    assert "1 scene from" in ran.err
    assert "1 set aside, see set_aside in the plan: 1 without bands" in ran.err
    assert json.loads(ran.out)["set_aside"][0]["id"] == "bare"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--aoi", "0,0,1,1", "--dates", "2024-06"), 3, "Found no scene"),
        (("--aoi", "0,-89,1,-85", "--dates", "2024-06"), 2, "too near a pole"),
        (("--aoi", "10,54,11,55", "--dates", "June"), 2, "Expected the dates as"),
        (("--aoi", "10,54,11,55", "--dates", "2024", "--max-cloud", "200"), 2, "--max-cloud"),
    ],
)
def test_what_goes_wrong_is_one_line_and_leaves_no_plan(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    items = write_items(tmp_path / "items.json", make_many(3))
    out = tmp_path / "out" / "plan.json"
    ran = run("search", *arguments, "--stac", items, "--out", out)
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert ran.err.strip().count("\n") == 0
    assert not out.parent.exists()


def test_dead_host(run: Run) -> None:
    port = find_port()
    ran = run(*ASKED, "--stac", f"http://127.0.0.1:{port}")
    assert (ran.code, ran.out) == (4, "")
    assert f"127.0.0.1:{port} (Connection refused)" in ran.err


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "pystac_client.py").write_text("raise ModuleNotFoundError('gone', name='pystac_client')")
    items = write_items(tmp_path / "items.json", make_many(1))
    command = [sys.executable, "-m", "workflows.cli", *ASKED, "--stac", str(items)]
    path = os.pathsep.join((str(tmp_path), str(Path(__file__).resolve().parents[3])))
    ran = subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path})
    assert ran.returncode == 2
    assert "pystac_client is needed for this, and is not installed: " in ran.stderr
    assert resolve_install_command("scale") in ran.stderr
