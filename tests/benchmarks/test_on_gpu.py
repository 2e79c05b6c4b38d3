"""The call for a machine with a GPU, on the processor: every part ends, says how, and leaves what it found."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from safetensors.torch import load_file

from benchmarks import on_gpu, on_gpu_network, on_gpu_training
from benchmarks.fetch_wheels import OLDER, group_files, is_missing, list_needed, normalise, read_present
from benchmarks.on_gpu_checks import check_maps, list_precisions
from benchmarks.on_gpu_parts import Handout
from benchmarks.on_gpu_table import format_table

ROOT = Path(__file__).parents[2]


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_parts_end_whole_or_with_their_error_and_the_next_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    words = ["--out", str(tmp_path), "--parts", "scene,train", "--size", "120", "--recipe", "nowhere"]
    on_gpu.main([*words, "--minutes", "5"])
    records = _read(tmp_path / on_gpu.RESULTS_NAME)
    ends = {record["part"]: record["ended"] for record in records if "ended" in record}
    assert [*ends] == ["simulate", "scene", "train"]
    assert ends["simulate"] == ends["scene"] == "whole"
    assert "No recipe is called 'nowhere'" in ends["train"]
    runs = {(record["decoder"], record["run"]): record for record in records if "decoder" in record}
    assert runs["gdal", 0]["size"] == runs["gdal", 1]["size"] == [120, 120]
    if not torch.cuda.is_available():
        assert "error" in runs["nvimgcodec", 2], "a decoder for GPUs without one"
    table = (tmp_path / "table.md").read_text()
    assert "| end to end, s |" in table
    assert "not measured" in table


def test_a_part_that_takes_too_long_is_cut(tmp_path: Path) -> None:
    choices = on_gpu.read_choices(["--out", str(tmp_path), "--work", str(tmp_path), "--minutes", "0.01"])
    call = on_gpu.Call(choices)
    call.finish(call.start("machine"))
    assert _read(tmp_path / on_gpu.RESULTS_NAME)[-1]["ended"] == "cut after 1 s"


def test_a_line_that_was_cut_hides_no_other(tmp_path: Path) -> None:
    results = on_gpu.Results(tmp_path / "results.jsonl")
    results.add({"part": "machine", "device": "cpu"})
    with results.path.open("a") as file:
        file.write('{"part": "che')
    assert results.read() == [{"part": "machine", "device": "cpu"}]


def test_without_a_gpu_its_figures_are_not_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_gpu_network, "TILES_PX", {"cpu": (32,)})
    found = list(on_gpu_network.measure_ways("strandline-small", "cpu", limit_s=900))
    native = list_precisions("cpu")
    for record in found:
        is_possible = record["way"] in {"eager", "eager, channels last"} and record["precision"] in native
        assert ("error" in record) == (not is_possible)
    fp32 = [record for record in found if record["precision"] == "fp32"]
    assert all(record["largest_difference"] < 1e-4 and record["ms"] > 0 for record in fp32)
    assert "not measured: for a GPU" in format_table([{"part": "network", **record} for record in found])


def test_the_pool_for_devices_maps_as_the_processor_does(tmp_path: Path) -> None:
    fp32, *more = check_maps("strandline-small", "cpu", work=tmp_path, size=120)
    assert fp32["valid_pixels"] > 0
    assert fp32["largest_difference"] < 1e-3
    assert fp32["class_changes_percent"] == 0
    assert [one["precision"] for one in more] == list_precisions("cpu")[1:]
    assert all(one["largest_difference"] > 0 for one in more)


def test_a_training_is_planned_into_its_time(tmp_path: Path) -> None:
    plan = on_gpu_training.plan_recipe("pretrain_small", ("trainer.batch=4",), cores=16, on_gpu=True)
    assert plan.batch == 4, "what was asked for goes before"
    with_chips = plan.plan_chips(0.5, seconds=100, cache=tmp_path)
    assert with_chips.chips == 0.25 * 100 * 14 / 0.5
    timed = with_chips.plan_steps(10.0, seconds=200)
    assert timed.steps == 0.6 * 200 * 10
    assert timed.round_steps / 10.0 <= 60, "a state a minute"
    own = on_gpu_training.plan_recipe("pretrain_small", ("data.parts.0.weight=1",), cores=2, on_gpu=False)
    assert own.plan_chips(0.5, seconds=100, cache=tmp_path).chips == 0


def test_weights_come_out_and_large_ones_in_half_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, out = tmp_path / "run", tmp_path / "out"
    run.mkdir(), out.mkdir()
    state = {"network.a": torch.arange(6.0), "loss.b": torch.ones(1)}
    torch.save({"state_dict": state, "global_step": 7}, run / "last.ckpt")
    told: list[dict[str, Any]] = []
    with Handout(run, out, lambda **record: told.append(record)):
        pass
    assert told[-1]["weights"]["step"] == 7
    weights = load_file(out / "train_weights.safetensors")
    assert {name: tensor.tolist() for name, tensor in weights.items()} == {"network.a": list(range(6))}
    monkeypatch.setattr("benchmarks.on_gpu_parts.FILE_MB", 1e-6)
    Handout(run, out, lambda **record: told.append(record)).copy()
    assert load_file(out / "train_weights.safetensors")["network.a"].dtype == torch.bfloat16


@given(st.dictionaries(st.text("abc", min_size=1), st.integers(1, 50), min_size=1), st.integers(10, 60))
def test_groups_hold_each_wheel_once_within_the_limit(sizes: dict[str, int], limit: int) -> None:
    groups = group_files(sizes, limit)
    assert sorted(name for group in groups for name in group) == sorted(sizes)
    assert all(len(group) == 1 or sum(sizes[name] for name in group) <= limit for group in groups)


def test_wheels_are_of_versions_that_the_project_takes() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    needed = {normalise(one.name): one for one in map(Requirement, list_needed(text))}
    assert {str(needed[name].specifier) for name in OLDER} == {f"=={version}" for version in OLDER.values()}
    for declared in map(Requirement, tomllib.loads(text)["project"]["dependencies"]):
        name = normalise(declared.name)
        if name in OLDER:
            assert OLDER[name] in declared.specifier, "the project takes no such old version: find another"
        elif name in needed:
            assert needed[name].specifier == declared.specifier


def test_what_a_machine_has_is_not_brought() -> None:
    present = read_present("# comment\nNumPy==2.5\ntyping_extensions @ file:///x\n\nscipy\n")
    assert present == {"numpy", "typing-extensions", "scipy"}
    assert not is_missing("numpy", present)
    assert not is_missing("nvidia-cublas", present)
    assert is_missing("rasterio", present)
    assert is_missing("nvidia-nvimgcodec-cu13", present)


def test_the_call_imports_nothing_that_must_be_installed() -> None:
    names = [ROOT / "benchmarks" / f"{name}.py" for name in ("on_gpu", "on_gpu_table", "fetch_wheels")]
    for path in names:
        imported = [line.split()[1].partition(".")[0] for line in path.read_text().splitlines()
                    if line.lstrip().startswith(("import ", "from "))]  # fmt: skip
        assert set(imported) <= sys.stdlib_module_names | {"__future__", "benchmarks"}, path
