"""``make plugin``: pack the plugin of QGIS as the zip that QGIS installs.

Source: plugins.qgis.org, rules for packages (one folder, LICENSE, no compiled files; ``metadata.txt`` with ``email``,
``repository``, ``tracker`` and ``homepage``, which are known where it is released, and given then).
"""

from __future__ import annotations

import argparse
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.atomic import open_draft
from strandline import __version__

__all__ = ["FOLDER", "build_plugin", "main"]

FOLDER = "strandline_qgis"
"""Name of the plugin's folder, in the zip and in QGIS."""

_SOURCE = Path(__file__).with_name("qgis")
_LICENSE = Path(__file__).parents[1] / "LICENSE"
_FILES = ("*.py", "*.svg")
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)


def build_plugin(out: Path, *, address: str = "", email: str = "") -> Path:
    """Pack the plugin; the same sources give the same bytes.

    Args:
        out: Folder for the zip; made where it is not there.
        address: Of the project on the web, for a plugin that is to be published.
        email: Of those who answer for it, likewise.

    Returns:
        The zip.

    Raises:
        OutputError: It cannot be written.
    """
    links = {"homepage": address, "repository": address, "tracker": f"{address.rstrip('/')}/issues"} if address else {}
    contents = {path.name: path.read_bytes() for pattern in _FILES for path in sorted(_SOURCE.glob(pattern))}
    contents["LICENSE"] = _LICENSE.read_bytes()
    contents["metadata.txt"] = _write_metadata({"version": __version__, **({"email": email} if email else {}), **links})
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{FOLDER}-{__version__}.zip"
    with open_draft(path) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(contents.items()):
            entry = zipfile.ZipInfo(f"{FOLDER}/{name}", date_time=_FIXED_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return path


def _write_metadata(values: Mapping[str, str]) -> bytes:
    stated = (_SOURCE / "metadata.txt").read_text(encoding="utf-8")
    return (stated + "".join(f"{name}={value}\n" for name, value in values.items())).encode()


def main(arguments: Sequence[str] | None = None) -> None:
    """Pack the plugin and say where it is.

    Args:
        arguments: Of the command line; those of this process unless given.
    """
    parser = argparse.ArgumentParser(prog="python -m workflows.build_plugin", description=build_plugin.__doc__)
    parser.add_argument("--out", type=Path, default=Path("dist"), help="folder for the zip")
    parser.add_argument("--address", default="", help="of the project on the web, where the plugin is to be published")
    parser.add_argument("--email", default="", help="of those who answer for it, likewise")
    said = parser.parse_args(arguments)
    print(build_plugin(said.out, address=said.address, email=said.email))
    if not (said.address and said.email):
        print("QGIS installs it from this file. To publish it, plugins.qgis.org asks for ADDRESS=https://… EMAIL=….")


if __name__ == "__main__":
    main()
