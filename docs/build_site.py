"""Build the documentation as pages that open from the disk: ``make docs``.

Pages lie in ``docs/``. What is written elsewhere joins them in a copy: the commands, as they describe themselves, and
files of the repository's root. Then Zensical builds the copy, and stops at a link that leads nowhere.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import typer
from typer.cli import get_docs_for_click
from typer.main import get_command

from pipeline.output.fields import read_layers
from workflows.cli import app

ROOT = Path(__file__).resolve().parents[1]

MOVED = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "workflows/examples/areas.yaml": "areas.yaml",
    "models/weights/strandline-small-worst-real.jpg": "pictures/strandline-small-worst-real.jpg",
}
"""Files outside ``docs/``, and where the site has them."""

FILES_OF_VECTORS = {
    "map": "Of a scene",
    "mosaic": "Of a mosaic",
    "change": "Of a change",
    "timeseries": "Of a time series",
}
"""Tables of layers, and the headings that they have on the page of columns."""

SHIM = ("https://unpkg.com/iframe-worker/shim", "assets/iframe-worker.js")
"""What searches pages on a disk, which Zensical would fetch from elsewhere: our copy takes its place."""


def main() -> None:
    """Build, and say where the pages are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "build", help="Holds docs/ (the copy) and site/.")
    out = parser.parse_args().out
    try:
        build_site(out)
    except subprocess.CalledProcessError as error:  # it has said what is wrong
        sys.exit(error.returncode)
    sys.stdout.write(f"Open {out / 'site' / 'index.html'}\n")


def build_site(out: Path) -> Path:
    """Build all pages.

    Args:
        out: Folder to write ``docs``, ``zensical.toml`` and ``site`` in; what stands there goes.

    Returns:
        The folder of the site.

    Raises:
        subprocess.CalledProcessError: A link leads nowhere, or a page cannot be built.
    """
    write_copy(out / "docs")
    config = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    (out / "zensical.toml").write_text(config.replace('paths = ["."]', f"paths = [{json.dumps(str(ROOT))}]"))
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    subprocess.run(command, cwd=out, check=True)  # noqa: S603 (our own interpreter)
    for page in (out / "site").rglob("*.html"):
        page.write_text(page.read_text(encoding="utf-8").replace(*SHIM), encoding="utf-8")
    return out / "site"


def write_copy(folder: Path) -> None:
    """Gather all pages in one folder, links between them as they are there.

    Args:
        folder: To make; what stands there goes.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for source, target in MOVED.items():
        shutil.copyfile(ROOT / source, folder / target)
    (folder / "commands.md").write_text(describe_commands(), encoding="utf-8")
    (folder / "fields.md").write_text(describe_fields(), encoding="utf-8")
    for page in folder.glob("*.md"):
        page.write_text(move_links(page.read_text(encoding="utf-8")), encoding="utf-8")


def describe_commands() -> str:
    """The page of all commands: what each says of itself with ``--help``.

    Returns:
        Markdown, a heading a command.
    """
    command = get_command(app)
    context = typer.Context(command, info_name="strandline")
    text = get_docs_for_click(obj=command, ctx=context, name="strandline", title="Commands")
    text = re.sub(r"^\*\*Commands\*\*:\n\n(\* .*\n)+", "", text, flags=re.MULTILINE)  # cut short, and all follow
    text = re.sub(r"(`[^`]*`)|<", lambda part: part[1] or "&lt;", text)  # OUT/<scene id>/ is no HTML
    text = re.sub(r"^#+ `strandline (.*)`$", r"## strandline \1", text, flags=re.MULTILINE)
    text = re.sub(r"```console\n\$ (.*)\n```", r"    \1", text)
    return re.sub(r"^\* (`.*?`): ", r"- \1<br>", text, flags=re.MULTILINE)


def describe_fields() -> str:
    """The page of layers and their columns, as exporters take them.

    Returns:
        Markdown, a table a file of vectors.
    """
    text = "# Layers and columns\n\nA shapefile has the short names. Positions are in the CRS of the map.\n"
    for name, title in FILES_OF_VECTORS.items():
        layers = read_layers(name)
        text += f"\n## {title}\n\n"
        text += "".join(f"- `{key}` ({layer.geometry}): {layer.meaning}\n" for key, layer in layers.items())
        text += "\n| column | short | layers | unit | what it means |\n| --- | --- | --- | --- | --- |\n"
        fields = {field.name: field for layer in layers.values() for field in layer.fields}
        for field in fields.values():
            where = ", ".join(key for key, layer in layers.items() if field in layer.fields)
            text += f"| `{field.name}` | `{field.short}` | {where} | {field.unit} | {field.meaning} |\n"
    return text


def move_links(text: str) -> str:
    """Let links to files outside ``docs/`` lead to where the site has them.

    Args:
        text: Of a page, in ``docs/`` or in the root.

    Returns:
        The text with other links.
    """
    text = re.sub(r"\]\((?:\.\./)?docs/", "](", text)
    return re.sub(r"\]\((?:\.\./)?([\w./-]+)", lambda link: f"]({MOVED.get(link[1], link[1])}", text)


if __name__ == "__main__":
    main()
