"""``strandline export-model``: a model in a format that others can run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["export_model_"]

_Model = Annotated[str, typer.Argument(help="Name of a bundled model (strandline models), or a model file.")]
_Format = Annotated[str, typer.Option("--format", help="onnx, or pt2 (a PyTorch program).")]
_Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="File to write; left out: MODEL.onnx or MODEL.pt2 in this folder.")
]
_Bands = Annotated[
    str | None,
    typer.Option(help="Bands that it shall read, as B02,B03,B04,B08, for a model that does without the others."),
]


def export_model_(
    model: _Model,
    format_: _Format = "onnx",
    out: _Out = None,
    bands: _Bands = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Write a model as ONNX or as a PyTorch program, checked against our own runtime before it gets its name.

    Its input is reflectance (batch, band, row, col), NaN where there is no data; its output the probability of water.
    """
    if format_ == "onnx":
        import onnxscript  # noqa: F401 (asked for first: PyTorch alone would not do)

    from models.runtimes.export import export_model, parse_format
    from models.runtimes.registry import load_model

    kind = parse_format(format_)
    loaded = load_model(model)
    path = out or Path(f"{loaded.card.name}.{kind}")
    inputs = tuple(name.strip() for name in bands.split(",")) if bands else None
    difference = export_model(loaded, path, format=kind, inputs=inputs)
    size = path.stat().st_size / 1e6
    typer.echo(f"{path}   ({size:.1f} MB; differs from PyTorch by {difference:.1g} at most)")
