"""What ``strandline search`` does once its options are read: search, write the plan, say what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from pipeline.search.hosts import HOSTS
from pipeline.search.plan import Plan, VerdictKind, write_plan
from workflows.runs.console import open_console

__all__ = ["run_search"]

_KINDS: dict[VerdictKind, str] = {
    "superseded": "of an acquisition that came more than once",
    "cloud": "over the limit of cloud",
    "no bands": "without bands",
    "unreadable": "not to be read",
    "beyond limit": "beyond the limit",
    "other": "for other reasons",
}


def run_search(said: Mapping[str, Any], *, out: Path | None, quiet: bool) -> None:
    """Search and write the plan; on standard error, say what is in it.

    Args:
        said: All that the command line read.
        out: File for the plan; ``None``: standard output.
        quiet: Say nothing unless something is wrong.
    """
    from pipeline.search.search_scenes import SearchOptions, search_scenes

    console = open_console(quiet=quiet)
    plan = search_scenes(SearchOptions.pick(said))
    write_plan(plan, out)
    _report_plan(console, plan, out)


def _report_plan(console: Console, plan: Plan, out: Path | None) -> None:
    for note in plan.notes:
        console.out(f"Note: {note}")
    where = HOSTS[plan.source.host].title if plan.source.host else plan.source.href
    count = len(plan.items)
    first, last = (str(plan.items[index]["properties"].get("datetime"))[:10] for index in (0, -1))
    console.out(
        f"{count} scene{'s' if count > 1 else ''} from {where}, {first} to {last}{f': {out}' if out else ''}",
    )
    kinds = Counter(_KINDS[verdict.kind] for verdict in plan.set_aside)
    if kinds:
        parts = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
        console.out(f"{sum(kinds.values())} set aside, see set_aside in the plan: {parts}")
