"""What a user may choose, checked once, where it is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from strandline import StrandlineError
from tiles.errors import OptionError

__all__ = ["Options"]


class Options(BaseModel):
    """Choices for one job: keyword-only, frozen, each with its range; a name that does not exist is an error.

    Raises:
        OptionError: A choice is out of its range, does not exist, or contradicts another.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, **choices: Any) -> None:  # noqa: ANN401 (pydantic checks them)
        try:
            super().__init__(**choices)
        except ValidationError as error:
            raise _explain_error(error) from error

    @classmethod
    def pick(cls, said: Mapping[str, Any], **others: Any) -> Self:  # noqa: ANN401 (pydantic checks them)
        """Take from what was said, on a command line perhaps, that which is of this kind.

        Args:
            said: Choices by their names, and whatever else; ``None``: not said.
            others: Choices that stand in place of those.

        Raises:
            OptionError: As for the class itself.
        """
        picked = {name: said[name] for name in cls.model_fields if said.get(name) is not None}
        return cls(**{**picked, **others})

    def replace(self, **changes: Any) -> Self:  # noqa: ANN401 (pydantic checks them)
        """The same choices but for some, checked again.

        Args:
            changes: Choices by their names.

        Raises:
            OptionError: As for the first.
        """
        return type(self)(**{**{name: getattr(self, name) for name in type(self).model_fields}, **changes})


def _explain_error(error: ValidationError) -> OptionError:
    """The first thing that is wrong, in one line; a check of ours has said it already."""
    first = error.errors()[0]
    reason = first.get("ctx", {}).get("error")
    if isinstance(reason, StrandlineError):
        return reason if isinstance(reason, OptionError) else OptionError(str(reason))
    message = first["msg"] if reason is None else str(reason)
    message = f"{message[:1].upper()}{message[1:]}"
    if not first["loc"]:  # choices that contradict each other
        return OptionError(f"{message}.")
    return OptionError(f"{message}, found {first['input']!r}.", option=str(first["loc"][0]))
