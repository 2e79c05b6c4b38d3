"""Why an event was not taken, in one line."""

from __future__ import annotations

import pytest

from pipeline.watch.notify.delivery import DeliveryError, find_reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(111, "Connection refused"), "Connection refused"),
        (RuntimeError("two\n lines"), "two lines"),
        (RuntimeError(), "RuntimeError"),
        (OSError("only words"), "only words"),
    ],
)
def test_a_reason_is_one_line(error: Exception, reason: str) -> None:
    assert find_reason(error) == reason
    assert DeliveryError.exit_code == 4
