"""What is said where an output cannot be written: many scenes fill a disk before anything else goes wrong."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.errors import OutputError, output_errors, require_space

FREE = "Free some space, or choose a folder on another disk"
ALLOWED = "Choose a folder that you may write to"
CHECK = "Check that the folder is writable and its disk has space"


class RasterTrouble(Exception):  # noqa: N818 (of a library)
    pass


def say(error: Exception, *foreign: type[Exception], free: float | None = 1e9) -> str:
    """What is said of an error while a file was written on a disk with so many bytes free."""

    def measure(_: Path) -> SimpleNamespace:
        if free is None:
            raise OSError("no disk")
        return SimpleNamespace(free=free)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shutil.disk_usage", measure)
        with pytest.raises(OutputError) as caught, output_errors(Path("maps/water.tif"), *foreign):
            raise error
    assert caught.value.__cause__ is error
    return str(caught.value)


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, FREE),
        (errno.EDQUOT, "The quota is used up: free some space, or choose a folder on another disk"),
        (errno.EFBIG, "Files may not grow that large here: raise the limit (ulimit -f), or choose another disk"),
        (errno.EACCES, ALLOWED),
        (errno.EPERM, ALLOWED),
        (errno.EROFS, "The disk is read-only: choose another folder"),
        (errno.EIO, CHECK),
    ],
)
def test_the_system_says_why_and_we_what_to_do(number: int, advice: str) -> None:
    assert say(OSError(number, "Some reason.")) == f"Could not write maps/water.tif (Some reason). {advice}."


@pytest.mark.parametrize(
    ("free", "said"),
    [
        (4_194_303, f"(the disk is full). {FREE}"),
        (4_194_304, f"(write failed). {CHECK}"),
        (None, f"(write failed). {CHECK}"),
    ],
)
def test_a_library_that_says_little_is_asked_what_is_free(free: float | None, said: str) -> None:
    assert say(RasterTrouble("write\n failed."), RasterTrouble, free=free) == f"Could not write maps/water.tif {said}."


def test_an_error_without_words_is_named() -> None:
    assert "(RasterTrouble)" in say(RasterTrouble(), RasterTrouble)
    assert "(OSError)" in say(OSError())


def test_other_errors_are_left_as_they_are() -> None:
    for error in (ZeroDivisionError("0"), OutputError("told already"), RasterTrouble("foreign")):
        with pytest.raises(type(error)) as caught, output_errors(Path("a")):
            raise error
        assert caught.value is error


@pytest.mark.parametrize(("free", "enough"), [(2_500_000, True), (2_499_999, False)])
def test_work_that_will_not_fit_is_refused_before_it_begins(
    monkeypatch: pytest.MonkeyPatch, free: int, enough: bool
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    if enough:
        require_space(Path("maps"), 2_500_000)
        return
    with pytest.raises(OutputError) as caught:
        require_space(Path("maps"), 2_500_000)
    assert str(caught.value) == f"Could not write to maps: about 2 MB are needed, the disk has 2 MB. {FREE}."


def test_room_in_a_folder_that_is_not_there_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file"):
        require_space(tmp_path / "absent", 1)
