"""Add a page to what was made: where it cannot be drawn, the result stands all the same."""

from __future__ import annotations

from pathlib import Path

from pipeline.record.catalogue import link_page
from pipeline.record.result import ITEM_NAME, PAGE_NAME
from pipeline.view.write_page import ViewError, WrittenPage, write_page

__all__ = ["add_page", "is_page_old"]


def add_page(folder: Path, *, already_made: bool) -> WrittenPage | None:
    """Write the page of a result.

    Args:
        folder: The result.
        already_made: Nothing was done: a page that is there stays.

    Returns:
        ``None`` where the page stays.

    Raises:
        ViewError: It cannot be drawn, for whatever reason.
    """
    if already_made and (folder / PAGE_NAME).is_file():
        link_page(folder)  # a run may have been stopped between the page and the records
        return None
    try:
        return write_page(folder)
    except Exception as error:
        raise ViewError(f"No page of {folder} was drawn ({' '.join(str(error).split()).rstrip('.')}).") from error


def is_page_old(maps: Path) -> bool:
    """Whether a map was made after the page of all maps: a run may have been stopped between them.

    Args:
        maps: Folder of a batch.
    """
    page = maps / PAGE_NAME
    if not page.is_file():
        return False
    drawn = page.stat().st_mtime
    return any(path.stat().st_mtime > drawn for path in maps.glob(f"*/{ITEM_NAME}"))
