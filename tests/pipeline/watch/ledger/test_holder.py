"""Whether the process that has a scene in hand is alive, where that can be known from here."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.watch.ledger import holder as ledger_holder
from pipeline.watch.ledger.holder import Holder, read_holder_life
from tests.pipeline.watch.ledger.ledger_places import name_dead_holder
from tests.value_types import require_value_type

START = "4711"
STAT = f"(a ) name) S {' '.join(map(str, range(18)))} {START} 0 0"
"""As /proc tells it: the name may hold brackets; the start is the twentieth field after it."""


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Another /proc, of a machine in a container."""
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_text("01234567-89ab\n")
    (tmp_path / "self/ns").mkdir(parents=True)
    (tmp_path / "self/ns/pid").symlink_to("pid:[4026531836]")
    (tmp_path / str(os.getpid())).mkdir()
    (tmp_path / str(os.getpid()) / "stat").write_text(f"{os.getpid()} {STAT}")
    monkeypatch.setattr(ledger_holder, "_PROC", tmp_path)
    ledger_holder._name_host.cache_clear()
    yield tmp_path
    ledger_holder._name_host.cache_clear()


def hold(**other: object) -> str:
    values = {"host": f"{socket.gethostname()}/01234567/4026531836", "pid": os.getpid(), "started": START, "token": "t"}
    return ":".join(map(str, (values | other).values()))


def test_a_holder_names_host_boot_and_container(proc: Path) -> None:
    require_value_type(Holder)
    holder = Holder.of_this_process()
    assert re.fullmatch(r"[0-9a-f]{8}", holder.token)
    assert str(holder) == hold(token=holder.token)
    (proc / "self/ns/pid").unlink()
    (proc / "sys/kernel/random/boot_id").unlink()
    ledger_holder._name_host.cache_clear()
    assert Holder.of_this_process().host == socket.gethostname()


def test_a_process_lives_that_started_when_its_holder_says(proc: Path) -> None:
    assert read_holder_life(hold()) == "alive"
    assert read_holder_life(hold(token="a b")) == "alive"  # noqa: S106
    assert read_holder_life(hold(started="4712")) == "dead"


@pytest.mark.parametrize(
    ("state", "life"), [("S", "alive"), ("R", "alive"), ("D", "alive"), ("Z", "dead"), ("X", "dead")]
)
def test_a_killed_process_does_no_more_work(proc: Path, state: str, life: str) -> None:
    (proc / str(os.getpid()) / "stat").write_text(f"1 {STAT.replace(' S ', f' {state} ')}")
    assert read_holder_life(hold()) == ("dead" if state in "ZX" else "alive")


@pytest.mark.parametrize(
    "other",
    [
        hold(host="elsewhere"),
        hold(pid="x"),
        hold(started=""),
        ":".join(hold().split(":")[:3]),
        f"{hold()}:more",
        "",
    ],
    ids=["another host", "no number", "no start", "cut short", "too long", "nothing"],
)
def test_of_another_host_or_word_nothing_is_known(proc: Path, other: str) -> None:
    assert read_holder_life(other) == "unknown"


def test_a_process_of_which_the_system_says_little_is_unknown_or_dead(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = proc / str(os.getpid()) / "stat"
    for text in (f"1 (name) S {' '.join('0' * 18)}", "", "1 (name)"):
        stat.write_text(text)
        assert read_holder_life(hold()) == "unknown"
    stat.unlink()
    assert read_holder_life(hold()) == "unknown"
    assert Holder.of_this_process().started == ""

    def refuse(pid: int, signal: int) -> None:
        raise PermissionError(pid, signal)

    with monkeypatch.context() as patch:
        patch.setattr(os, "kill", refuse)
        assert read_holder_life(hold()) == "unknown"
    assert read_holder_life(hold(pid=name_dead_holder().pid)) == "dead"
    assert read_holder_life(hold(pid=10**30)) == "dead"
