"""Errors of a search: a host that does not answer, a source that is no catalogue, nothing found, a broken plan."""

from __future__ import annotations

from strandline import StrandlineError

__all__ = ["EmptySearchError", "HostError", "MissingCollectionError", "PlanError", "SearchError"]


class SearchError(StrandlineError, ValueError):
    """What was asked cannot be searched: an area, dates or a source that make no sense."""

    exit_code = 2


class MissingCollectionError(SearchError):
    """A host has no collection of that name."""


class PlanError(StrandlineError, ValueError):
    """A plan is not one: broken JSON, a misspelt key, an item without bands."""

    exit_code = 2


class EmptySearchError(StrandlineError, ValueError):
    """The search was answered, and nothing of the answer can be mapped."""

    exit_code = 3


class HostError(StrandlineError, OSError):
    """A host did not answer, or not with what it should."""

    exit_code = 4
