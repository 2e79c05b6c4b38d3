"""Find how a model's layers are rounded to 8 bits, with NNCF, and write it beside the model's file.

    python -m benchmarks.calibrate --work DIR [--model strandline-small]

Calibrated on simulated scenes (seeds of ``benchmarks.lighter``): NNCF finds the range of what each layer is given, and
a bias that makes up for what rounding changes in the mean. All layers but the encoder's first two stages, the decoder's
last one and the head, whose rounding moves the shore most. ``models.runtimes.rounding`` reads what comes of it; that
our graph answers as NNCF's does is checked before it is kept. ``pip install nncf``, which the project does not need.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.lighter import CALIBRATED_ON, TEACHER, Floats, Rounded, grab_tiles, simulate
from models.runtimes.openvino_predictor import OpenVinoRuntime
from models.runtimes.registry import resolve_path
from models.runtimes.rounding import Rounding, name_rounding, write_rounding

WAY = "8 bits but for some"
MOST_DIFFERENCE = 1e-6
LAYERS = {"Convolution": "stages", "ConvolutionBackpropData": "ups"}


def main() -> None:
    """Calibrate a model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=TEACHER)
    parser.add_argument("--work", type=Path, required=True, help="folder for simulated scenes, which stay")
    arguments = parser.parse_args()
    path = resolve_path(arguments.model)
    seen = [tile for seed in CALIBRATED_ON for tile in grab_tiles(simulate(arguments.work, seed, 780))]
    theirs = Rounded(path, WAY, seen)
    margin = theirs.reach_px or 0
    layers = read_layers(theirs.build_graph(margin), list_names(theirs))
    with TemporaryDirectory(dir=path.parent) as folder:  # where it stands beside a copy until it is checked
        copy = Path(shutil.copy(path, folder))
        write_rounding(copy, layers, sha256=theirs.sha256)
        check(OpenVinoRuntime(copy, precision="int8"), theirs, seen)
        name_rounding(copy).replace(name_rounding(path))
    print(f"{len(layers)} layers: {name_rounding(path)}")


def check(ours: OpenVinoRuntime, theirs: OpenVinoRuntime, seen: list[Floats]) -> None:
    """Refuse another network than NNCF's."""
    margin = theirs.reach_px or 0
    answers = [[runtime.predict(tile, margin=margin) for tile in seen] for runtime in (ours, theirs)]
    off = max(float(np.abs(a - b).max()) for a, b in zip(*answers, strict=True))
    if off > MOST_DIFFERENCE:
        raise SystemExit(f"That is another network than NNCF's, by {off:.4f}: nothing was kept.")


def list_names(runtime: OpenVinoRuntime) -> list[str]:
    """Names of the layers in the order in which ``models.runtimes.openvino_graph`` writes them, the head left out."""
    depth = runtime.config.depth
    stages = [f"encoder.stages.{level}.{place}" for level in range(depth + 1) for place in (0, 3)]
    for level in range(depth):
        stages += [f"decoder.ups.{level}", f"decoder.stages.{level}.0", f"decoder.stages.{level}.3"]
    return stages


def read_layers(graph: Any, names: list[str]) -> dict[str, Rounding]:  # noqa: ANN401
    """How NNCF rounds each layer of a graph: layers that it left alone are not in it."""
    found = [op for op in graph.get_ordered_ops() if op.get_type_name() in LAYERS]
    layers = {}
    for name, layer in zip(names, found, strict=False):  # the head comes last
        kernel = layer.input_value(1).get_node()
        if kernel.get_type_name() == "Constant":
            continue
        low, high = find_range(layer.input_value(0).get_node())
        (add,) = (one.get_node() for one in layer.output(0).get_target_inputs())
        (bias,) = constants(add)
        (whole,) = constants(kernel.input_value(0).get_node())  # what is multiplied by an output's step
        room = round(127 / int(np.abs(whole).max()))
        layers[name] = Rounding(low=low, high=high, room=room, bias=np.asarray(bias, np.float32).ravel())
    return layers


def find_range(node: Any) -> tuple[float, float]:  # noqa: ANN401
    """The range to which the input of a layer is rounded, before it is pooled, cut or joined."""
    if node.get_type_name() == "FakeQuantize":
        low, high = (float(np.asarray(value).ravel()[0]) for value in constants(node)[:2])
        return low, high
    ranges = {find_range(value.get_node()) for value in node.input_values() if value.get_node().get_input_size()}
    if len(ranges) != 1:
        raise SystemExit(f"{node.get_friendly_name()} joins what is rounded to {sorted(ranges)}.")
    return ranges.pop()


def constants(node: Any) -> list[Any]:  # noqa: ANN401
    """Values of a node's constant inputs."""
    nodes = [value.get_node() for value in node.input_values()]
    return [one.data for one in nodes if one.get_type_name() == "Constant"]


if __name__ == "__main__":
    main()
