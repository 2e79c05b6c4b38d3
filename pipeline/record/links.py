"""How records name files: as URI references that lead there from wherever they are read.

Outputs are named relative to their record, which they move with; inputs by whole ``file:`` URLs, for a record may be
moved, or published, without them.

Source: RFC 3986, section 4; RFC 8089, the file URI scheme.
"""

from __future__ import annotations

from pathlib import Path, PurePath
from urllib.parse import quote

from tiles.products.hrefs import is_remote, resolve_href

__all__ = ["locate_file", "make_relative_href", "make_whole_href"]


def make_whole_href(source: str) -> str:
    """The href of an input, which leads to it from everywhere on this machine.

    Args:
        source: Path as a user gave it, URL, or what GDAL opens (``/vsi...``): only a path is changed.
    """
    if is_remote(source) or source.startswith(("/vsi", "file:")):
        return source
    path = Path(source).absolute()
    # Readers of URLs take ".." for the folder before it by its letters; a folder that is a link has another.
    return (path.resolve() if ".." in path.parts else path).as_uri()


def make_relative_href(path: PurePath | str) -> str:
    """The href of an output.

    Args:
        path: As seen from the folder of the record.
    """
    return f"./{quote(PurePath(path).as_posix())}"


def locate_file(href: str, folder: Path) -> Path:
    """Find the file that an href of a record leads to.

    Args:
        href: As in the record; not one on a host.
        folder: Where the record stands.
    """
    return Path(resolve_href(href, source=str(folder / "item.json")))
