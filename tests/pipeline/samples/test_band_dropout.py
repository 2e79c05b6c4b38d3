"""Bands are taken away, but never the last that a model needs."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.errors import TrainingError
from pipeline.samples.band_dropout import REQUIRED_BANDS, BandDropout
from tiles.bands import L2A_STACK

GREEN, NIR, NARROW = (L2A_STACK.index(name) for name in ("B03", "B08", "B8A"))


@given(seed=st.integers(0, 10_000), lost=st.sets(st.sampled_from(L2A_STACK)))
def test_a_band_of_each_required_group_is_left_where_there_was_one(seed: int, lost: set[str]) -> None:
    generator = torch.Generator().manual_seed(seed)
    present = torch.tensor([[name not in lost for name in L2A_STACK]] * 16)
    absent = BandDropout(atmospheric=0.2, usual=0.4, random=0.4).draw(present, generator)
    assert (absent | present).all()  # what was absent stays so
    for group in REQUIRED_BANDS:
        members = [L2A_STACK.index(name) for name in group]
        if present[0, members].any():
            assert (~absent[:, members]).any(dim=1).all()


def test_all_sets_come_up() -> None:
    generator = torch.Generator().manual_seed(1)
    absent = BandDropout().draw(torch.ones(4000, 12, dtype=torch.bool), generator)
    counts = absent.sum(dim=1)
    whole = (counts == 0).float().mean()
    assert 0.4 < whole < 0.6
    assert (counts == 10).any()  # green and near infrared alone
    assert absent[:, NIR].any()  # with the narrow band in its place
    assert not absent[:, GREEN].any()
    assert not (absent[:, NIR] & absent[:, NARROW]).any()
    assert len(torch.unique(absent, dim=0)) > 200


def test_without_chances_nothing_is_lost() -> None:
    none = BandDropout(atmospheric=0, usual=0, random=0)
    assert not none.draw(torch.ones(50, 12, dtype=torch.bool), torch.Generator().manual_seed(2)).any()


@pytest.mark.parametrize("chances", [{"usual": -0.1}, {"usual": 0.6, "random": 0.6}])
def test_chances_that_are_none_are_refused(chances: dict[str, float]) -> None:
    with pytest.raises(TrainingError, match="chances of absent bands"):
        BandDropout(**chances)
