"""Execute a notebook in an empty folder of its own, so that its outputs name no place of this machine.

    python benchmarks/run_notebook.py docs/cubes.ipynb            # executes it anew, outputs replaced
    python benchmarks/run_notebook.py docs/cubes.ipynb --check    # executes it, writes nothing

What the notebook writes lies in that folder and goes with it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from unittest.mock import patch

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_S = 600


def main() -> None:
    """Execute, and write the outputs unless told not to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    notebook = execute(arguments.notebook)
    if not arguments.check:
        draft = arguments.notebook.with_name(f".{arguments.notebook.name}")
        nbformat.write(notebook, draft)
        draft.replace(arguments.notebook)


def execute(path: Path) -> NotebookNode:
    """The notebook with its outputs.

    Args:
        path: The notebook; not changed.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell fails.
        ValueError: An output names a folder of this machine.
    """
    notebook = nbformat.read(path, as_version=4)
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, {"PYTHONPATH": paths}):
        client = NotebookClient(notebook, timeout=TIMEOUT_S, resources={"metadata": {"path": folder}})
        client.execute()
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)  # times of the run
            if "outputs" in cell:
                cell.outputs = [output for output in cell.outputs if not _is_late_warning(output)]
            for word in (folder, str(ROOT), str(Path.home())):
                for output in map(str, cell.get("outputs", [])):
                    if word in output:
                        where = max(0, output.index(word) - 200)
                        said = output[where : where + 600]
                        raise ValueError(f"An output of {path} names {word}: {cell.source.splitlines()[0]!r}: {said}")
    notebook.metadata.pop("widgets", None)
    return notebook


def _is_late_warning(output: NotebookNode) -> bool:
    """What xarray warns of 0/0 late: it hides that in threads, of which one may be slow."""
    return output.get("name") == "stderr" and "RuntimeWarning: invalid value encountered" in output.get("text", "")


if __name__ == "__main__":
    main()
