"""Which chunks are mapped together, what is read for each, and what an answer says."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from models.errors import ModelFileError
from pipeline.cubes import chunks
from pipeline.cubes.chunks import HIDDEN, ModelKey, Span, decode_state, load_predictor, merge_chunks, plan_spans
from tiles.masks import NODATA, OBSCURED, VALID


@pytest.mark.parametrize(
    ("lengths", "merged"),
    [
        ([256, 256], (256, 256)),
        ([255, 256], (511,)),
        ([100, 100, 100, 100], (300, 100)),
        ([1000, 10], (1000, 10)),
        ([10], (10,)),
        ([128] * 5, (256, 256, 128)),
        ([], ()),
    ],
)
def test_chunks_too_small_for_their_halo_are_joined(lengths: list[int], merged: tuple[int, ...]) -> None:
    assert merge_chunks(lengths) == merged


@pytest.mark.parametrize(
    ("lengths", "halo", "stride", "reads"),
    [
        ([100, 60], 0, 1, [(0, 100), (100, 160)]),
        ([100, 60], 10, 1, [(0, 110), (90, 160)]),
        ([100, 60], 10, 8, [(0, 112), (88, 160)]),
        ([96, 64], 16, 8, [(0, 112), (80, 160)]),
        ([20], 10, 8, [(0, 20)]),
        ([100, 4], 12, 8, [(0, 104), (88, 104)]),
        ([150, 3], 10, 8, [(0, 153), (136, 153)]),
    ],
)
def test_a_chunk_is_read_with_its_halo_on_the_grid_of_the_network(
    lengths: list[int], halo: int, stride: int, reads: list[tuple[int, int]]
) -> None:
    spans = plan_spans(lengths, halo=halo, stride=stride)
    starts = np.cumsum([0, *lengths])[:-1].tolist()
    assert spans == tuple(
        Span(start=start, length=length, read_start=first, read_stop=stop)
        for start, length, (first, stop) in zip(starts, lengths, reads, strict=True)
    )


def test_an_answer_tells_cloud_from_nothing() -> None:
    answer = np.array([[0.0, 1.0, np.nan, HIDDEN]], np.float32)
    state = decode_state(answer)
    assert (HIDDEN, state.dtype, state.tolist()) == (-1.0, np.uint8, [[VALID, VALID, NODATA, OBSCURED]])


@pytest.mark.parametrize("other", [False, True])
def test_another_file_under_the_same_name_is_refused(monkeypatch: pytest.MonkeyPatch, other: bool) -> None:
    there = SimpleNamespace(sha256="b" * 64 if other else "a" * 64, source="/there/m.safetensors")
    monkeypatch.setattr(chunks, "resolve_predictor", lambda *_, **__: there)
    key = ModelKey(source="m", sha256="a" * 64, inputs=("B03",), device="cpu", precision="fp32")
    if not other:
        assert load_predictor(key) is there
        return
    with pytest.raises(ModelFileError, match=r"checksum a{12}…, found b{12}… in /there/m"):
        load_predictor(key)
