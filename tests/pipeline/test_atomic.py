"""A result is whole or not there, however the run ends."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import atomic
from pipeline.atomic import move, open_draft, open_workspace, write_whole
from pipeline.errors import BusyError, OutputError, output_errors


def make_result(out: Path, text: str) -> None:
    with open_workspace(out, "scene") as work:
        (work.folder / "item.json").write_text(text)
        work.publish()


def listing(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_publish_moves_the_whole_folder_and_leaves_nothing_else(tmp_path: Path) -> None:
    make_result(tmp_path / "a" / "b", "one")
    assert listing(tmp_path / "a" / "b") == {"scene"}
    make_result(tmp_path / "a" / "b", "two")
    assert (tmp_path / "a" / "b" / "scene" / "item.json").read_text() == "two"
    assert listing(tmp_path / "a" / "b") == {"scene"}


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not say which file a descriptor is of")
def test_all_of_a_result_is_on_the_disk_before_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, synced = tmp_path / "scene", []

    def note(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append((path.name if path != tmp_path else "out", target.exists()))

    monkeypatch.setattr(os, "fsync", note)
    with open_workspace(tmp_path, "scene") as work:
        for name in ("item.json", "water.tif", "zarr/a/0"):
            (work.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (work.folder / name).write_text("one")
        work.publish()
    assert sorted(synced[:-1]) == sorted(
        (name, False) for name in ("item.json", "water.tif", "zarr", "a", "0", work.folder.name)
    )
    assert synced[-1] == ("out", True)


def test_what_does_not_reach_the_disk_does_not_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> None:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, "Input/output error")

    make_result(tmp_path, "one")
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OutputError, match="Input/output error"):
        make_result(tmp_path, "two")
    assert (tmp_path / "scene" / "item.json").read_text() == "one"
    assert listing(tmp_path) == {"scene"}


def test_a_disk_that_brings_no_folder_to_the_disk_on_request_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", refuse)
    make_result(tmp_path, "one")
    assert (tmp_path / "scene" / "item.json").read_text() == "one"


def test_a_result_is_readable_as_the_umask_says_and_nobody_touches_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(0o027)
    try:
        # To read it means to set it, for all threads of the process.
        monkeypatch.setattr(os, "umask", lambda _: pytest.fail("the umask was set"))
        make_result(tmp_path, "one")
    finally:
        monkeypatch.undo()
        os.umask(before)
    (folder,) = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o750


def test_an_error_leaves_nothing_not_even_the_folders_made(tmp_path: Path) -> None:
    def fail_half_way() -> None:
        with open_workspace(tmp_path / "a" / "b", "scene") as work:
            (work.folder / "water.tif").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert listing(tmp_path) == set()


def test_an_error_keeps_the_older_result(tmp_path: Path) -> None:
    make_result(tmp_path, "one")
    with pytest.raises(RuntimeError), open_workspace(tmp_path, "scene"):
        raise RuntimeError
    assert (tmp_path / "scene" / "item.json").read_text() == "one"


def test_two_runs_do_not_make_one_result(tmp_path: Path) -> None:
    with open_workspace(tmp_path, "scene"):
        with pytest.raises(BusyError, match="Another run"), open_workspace(tmp_path, "scene"):
            pass
        with open_workspace(tmp_path, "other"):
            pass


def test_a_strangers_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "scene").mkdir()
    (tmp_path / "scene" / "thesis.odt").write_text("mine")
    with pytest.raises(OutputError, match="no result of Strandline"), open_workspace(tmp_path, "scene"):
        pass
    assert listing(tmp_path) == {"scene"}


def test_what_a_killed_run_left_is_swept_by_the_next(tmp_path: Path) -> None:
    code = (
        "import sys, signal, os; from pathlib import Path; from pipeline.atomic import open_workspace\n"
        "with open_workspace(Path(sys.argv[1]), 'scene') as work:\n"
        "    (work.folder / 'water.tif').write_text('half'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL
    assert "scene" not in listing(tmp_path)
    assert any(name.startswith(".scene.begun-") for name in listing(tmp_path))
    make_result(tmp_path, "whole")
    assert listing(tmp_path) == {"scene"}


def test_killed_between_the_two_renames_the_older_result_comes_back(tmp_path: Path) -> None:
    make_result(tmp_path, "one")
    (tmp_path / "scene").rename(tmp_path / ".scene.old")
    with open_workspace(tmp_path, "scene") as work:
        assert (work.target / "item.json").read_text() == "one"
    assert listing(tmp_path) == {"scene"}


def refuse(winerror: int) -> OSError:
    """What Windows says; elsewhere Python takes the number for nothing."""
    error = PermissionError(errno.EACCES, "The process cannot access the file")
    error.winerror = winerror  # type: ignore[misc, attr-defined, unused-ignore]
    return error


def refuse_replacing(monkeypatch: pytest.MonkeyPatch, *, of: str, times: int) -> list[str]:
    """Let Windows refuse to move what has this name, so many times; returns what was asked of it and when it slept."""
    asked: list[str] = []
    replace = Path.replace

    def answer(src: Path, dst: Path) -> Path:
        if src.name.startswith(of):
            asked.append(src.name)
            if len(asked) <= times:
                raise refuse(32)
        return replace(src, dst)

    monkeypatch.setattr(Path, "replace", answer)
    monkeypatch.setattr(atomic.time, "sleep", lambda _: None)
    return asked


def test_what_a_scanner_has_open_is_moved_a_moment_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_result(tmp_path, "one")
    asked = refuse_replacing(monkeypatch, of="scene", times=2)
    make_result(tmp_path, "two")
    assert asked == ["scene"] * 3
    assert (tmp_path / "scene" / "item.json").read_text() == "two"
    assert listing(tmp_path) == {"scene"}


def test_what_stays_open_leaves_the_older_result_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_result(tmp_path, "one")
    refuse_replacing(monkeypatch, of=".scene.begun", times=99)
    with pytest.raises(OutputError, match=r"Close the program that has it open \(QGIS\?\)"):
        make_result(tmp_path, "two")
    assert (tmp_path / "scene" / "item.json").read_text() == "one"
    assert listing(tmp_path) == {"scene"}


def test_other_refusals_are_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic.time, "sleep", lambda _: pytest.fail("it was tried again"))
    with pytest.raises(FileNotFoundError):
        move(tmp_path / "nothing", tmp_path / "there")


def test_a_path_too_long_for_windows_is_told_with_its_length(tmp_path: Path) -> None:
    path = tmp_path / ("long" * 70)
    told = f"The path has {len(str(path))} characters, and Windows takes 259"
    with pytest.raises(OutputError, match=told), output_errors(path):
        raise refuse(3)


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="needs /proc, in which nobody may make a folder")
def test_no_permission_is_one_clear_line() -> None:
    with pytest.raises(OutputError, match="Could not write") as caught, open_workspace(Path("/proc/out"), "scene"):
        pass
    assert "\n" not in str(caught.value)


def test_a_draft_takes_the_place_of_the_file_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    with contextlib.suppress(KeyboardInterrupt), open_draft(path) as draft:
        draft.write_text("half")
        assert path.read_text() == "old"
        raise KeyboardInterrupt
    assert [entry.name for entry in tmp_path.iterdir()] == ["table.csv"]
    assert path.read_text() == "old"
    with open_draft(path) as draft:
        draft.write_text("new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["table.csv"]
    assert path.read_text() == "new"


def test_a_draft_is_on_the_disk_before_it_takes_the_place_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, sizes = tmp_path / "table.csv", []

    def note(descriptor: int) -> None:
        sizes.append((os.fstat(descriptor).st_size, path.exists()))

    monkeypatch.setattr(os, "fsync", note)
    write_whole(path, "whole")
    assert sizes == [(5, False)]


def test_a_text_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"Could not write .*nowhere"):
        write_whole(tmp_path / "nowhere" / "item.json", "{}")


@pytest.mark.parametrize("place", ["s3:/coast/maps", "/maps/gs:/coast"])
def test_what_was_meant_as_a_store_becomes_no_folder(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with (
        pytest.raises(OutputError, match="this command brings nothing to a store"),
        open_workspace(Path(place), "change"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
