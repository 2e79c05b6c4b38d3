"""Labelled rectangles: what is packed, what is cut and drawn, how often, and what cells of them hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from tiles.bands import L2A_STACK
from tiles.errors import SampleError
from tiles.grid import Window
from tiles.samples.census import CELL_PX, KINDS, take_census
from tiles.samples.patch import LAND, UNLABELLED, WATER, Patch, compute_shore, draw_start
from tiles.samples.patch_choice import PatchChoice


def pack(label: list[list[int]], value: float = 0.25, *, place: str = "p") -> Patch:
    marks = np.array(label, np.uint8)
    reflectance = np.full((12, *marks.shape), value, np.float32)
    return Patch.pack(reflectance, marks, place=place, source="s", resolution_m=20.0)


def test_labels_are_land_water_and_neither() -> None:
    assert (LAND, WATER, UNLABELLED) == (0, 1, 255)
    plain = Patch(stored=np.zeros((12, 1, 1), np.int16), label=np.zeros((1, 1), np.uint8), place="p", source="s")
    assert plain.resolution_m == 10.0


def test_reflectance_is_kept_in_ten_thousandths_within_sixteen_bits() -> None:
    reflectance = np.zeros((12, 1, 5), np.float32)
    reflectance[:, 0] = [0.12344, 0.12346, 9.0, -9.0, np.nan]
    reflectance[1, 0, 4] = np.inf
    patch = Patch.pack(reflectance, np.ones((1, 5), np.uint8), place="p", source="s", resolution_m=20.0)
    assert patch.stored[0].tolist() == [[1234, 1235, 32767, -32767, -32768]]
    assert patch.label.tolist() == [[1, 1, 1, 1, 255]]
    reflectance[5, 0, 4] = 0.5  # a label stays where one band is known
    patch = Patch.pack(reflectance, np.ones((1, 5), np.uint8), place="p", source="s", resolution_m=20.0)
    assert patch.label.tolist() == [[1, 1, 1, 1, 1]]
    assert patch.labelled == 5
    sample = patch.cut(row_off=0, col_off=0, size=5)
    np.testing.assert_allclose(sample.reflectance[0, 0], [0.1234, 0.1235, 3.2767, -3.2767, np.nan], rtol=1e-6)


@pytest.mark.parametrize("bands", [11, 13])
def test_a_patch_has_twelve_bands_and_known_labels(bands: int) -> None:
    with pytest.raises(SampleError, match="Expected 12 bands"):
        Patch(stored=np.zeros((bands, 1, 1), np.int16), label=np.zeros((1, 1), np.uint8), place="p", source="s")
    with pytest.raises(SampleError, match=r"found \[2, 254\]"):
        pack([[0, 1, 2], [254, 255, 0]])


def test_the_shore_touches_the_other_class_on_four_sides_alone() -> None:
    label = np.array([[0, 0, 0, 0], [0, 1, 255, 0], [0, 0, 0, 1]], np.uint8)
    assert compute_shore(label).astype(int).tolist() == [[0, 1, 0, 0], [1, 1, 0, 1], [0, 1, 1, 1]]
    assert pack(label.tolist()).shore == 7
    assert pack(label.tolist()).labelled == 11


def test_what_lies_beyond_a_patch_is_unknown() -> None:
    sample = pack([[1, 0], [255, 1]]).cut(row_off=-1, col_off=1, size=3)
    assert sample.fraction.tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert sample.valid.tolist() == [[False] * 3, [True, False, False], [True, False, False]]
    assert np.isfinite(sample.reflectance[0]).tolist() == sample.valid.tolist()
    assert (sample.place, sample.source, sample.resolution_m) == ("p", "s", 20.0)
    away = pack([[1]]).cut(row_off=5, col_off=0, size=2)
    assert (away.valid.any(), away.fraction.any(), np.isfinite(away.reflectance).any()) == (False, False, False)


@pytest.mark.parametrize(
    ("inside", "length", "size", "starts"),
    [
        (0, 5, 3, {0}),
        (4, 5, 3, {2}),
        (2, 5, 3, {0, 1, 2}),
        (3, 9, 3, {1, 2, 3}),
        (1, 3, 3, {0}),
        (0, 2, 4, {-2, -1, 0}),
    ],
)
def test_a_window_holds_its_pixel_and_reaches_no_further_out_than_it_must(
    inside: int, length: int, size: int, starts: set[int]
) -> None:
    rng = np.random.default_rng(0)
    assert {draw_start(rng, inside=inside, length=length, size=size) for _ in range(200)} == starts


@pytest.mark.parametrize(("on_shore", "cols"), [(True, {3, 4}), (False, {0, 1, 2, 3, 4, 5})])
def test_a_draw_holds_a_labelled_pixel_of_the_shore_if_asked(on_shore: bool, cols: set[int]) -> None:
    patch = pack([[0, 0, 0, 0, 1, 1]])
    patch.stored[:, 0] = np.arange(6)
    rng = np.random.default_rng(1)
    drawn = {round(float(np.nanmax(patch.draw(rng, size=1, on_shore=on_shore).reflectance)) * 1e4) for _ in range(200)}
    assert drawn == cols


def test_without_a_shore_any_labelled_pixel_is_drawn() -> None:
    patch = pack([[255, 255, 1]])
    sample = patch.draw(np.random.default_rng(0), size=1, on_shore=True)
    assert sample.valid.all()


# how often


@pytest.mark.parametrize(("share", "odds"), [(0.0, 0.75), (1.0, 0.5)])
def test_patches_are_drawn_by_the_root_of_their_pixels(share: float, odds: float) -> None:
    large = [[0] * 3 + [255] * 3, [0] * 3 + [255] * 3, [0] * 3 + [255] * 3]
    large[0][0] = 1  # 9 labelled, 3 at a shore
    small = [[255] * 6] * 3
    lone = [row.copy() for row in small]
    lone[2][5] = 0  # 1 labelled, none at a shore
    pair = [row.copy() for row in small]
    pair[2][3:6] = [0, 1, 0]  # 3 labelled, 3 at a shore
    choice = PatchChoice(
        patches=(pack(large, place="large"), pack(lone if share == 0 else pair, place="small")), shore_share=share
    )
    rng = np.random.default_rng(0)
    count = Counter(choice.draw(rng, size=2).place for _ in range(2000))
    assert count["large"] / 2000 == pytest.approx(odds, abs=0.04)


def test_where_no_patch_has_a_shore_all_are_drawn() -> None:
    choice = PatchChoice(patches=(pack([[0]]),), shore_share=1.0)
    assert choice.draw(np.random.default_rng(0), size=1).valid.all()


@pytest.mark.parametrize("share", [-0.01, 1.01])
def test_a_choice_has_patches_and_a_share(share: float) -> None:
    with pytest.raises(SampleError, match="share of shore from 0 to 1"):
        PatchChoice(patches=(pack([[0]]),), shore_share=share)
    with pytest.raises(SampleError, match="found 0 patches"):
        PatchChoice(patches=(), shore_share=0.5)


def test_tiles_have_each_labelled_pixel_once_and_leave_out_empty_ones() -> None:
    patch = pack([[0, 255, 255, 1, 1], [255, 255, 255, 1, 0], [1, 1, 255, 255, 255]])
    tiles = list(PatchChoice(patches=(patch,), shore_share=0.5).tiles(size=2))
    assert len(tiles) == 4  # the empty ones are at the lower right
    assert sum(int(tile.valid.sum()) for tile in tiles) == patch.labelled
    assert {tile.valid.shape for tile in tiles} == {(2, 2)}


# cells


def census_of(label: list[list[float]], *, height: int, width: int) -> np.ndarray:
    values = np.array(label, np.float32)
    return take_census(
        [(Window(0, 0, values.shape[1], values.shape[0]), values, values >= 0)], height=height, width=width
    ).kind


def test_a_cell_is_a_shore_before_it_is_water_and_water_before_land() -> None:
    assert (CELL_PX, KINDS) == (16, ("shore", "water", "land"))
    label = np.full((33, 48), -1.0)
    label[0, 15:17] = [0.5, 0.49]  # a shore between two cells
    label[20, 2], label[20, 9] = 1, 0  # both, apart
    label[20, 20] = 0
    label[32, 47] = 1
    assert census_of(label.tolist(), height=33, width=48).tolist() == [[1, 1, 0], [2, 3, 0], [0, 0, 2]]


def test_cells_are_counted_and_drawn_within_the_image() -> None:
    label = np.full((20, 20), 1.0, np.float32)

    def windows() -> Iterator[tuple[Window, np.ndarray, np.ndarray]]:
        for row in (0, 16):
            for col in (0, 16):
                part = label[:16, :16].copy()
                yield Window(col, row, 16, 16), part, np.full((16, 16), col == 16)

    census = take_census(windows(), height=20, width=20)
    assert census.kind.tolist() == [[0, 2], [0, 2]]
    assert [census.count(kind) for kind in KINDS] == [0, 2, 0]
    rng = np.random.default_rng(0)
    drawn = {census.draw(rng, "water") for _ in range(50)}
    assert drawn == {Window(16, 0, 4, 16), Window(16, 16, 4, 4)}


def test_windows_beyond_the_image_are_passed_over() -> None:
    outside = (Window(32, 0, 16, 16), np.ones((16, 16), np.float32), np.ones((16, 16), bool))
    assert take_census([outside], height=16, width=16).kind.tolist() == [[0]]
    assert len(L2A_STACK) == 12
