"""Measure one part in a process of its own, so that neither memory nor threads of another part weigh on it.

``python -m pipeline.bench.process REQUEST ANSWER`` is that process: two JSON files.
"""

from __future__ import annotations

import gc
import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from pipeline.bench.values import DecodingCost, MappingCost, NetworkCost
from pipeline.mapping.options import MapOptions
from strandline import StrandlineError

__all__ = ["SIMULATED_PX", "BenchError", "run_decoding", "run_mapping", "run_network", "run_simulation"]

SIMULATED_PX: Final = 2052
"""Pixels a side of the scene that is simulated where none is given: four tiles of the network and more, soon done."""


class BenchError(StrandlineError, RuntimeError):
    """A measurement ended without an answer."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def run_decoding(scene: str, work: Path, *, options: MapOptions) -> DecodingCost:
    """Decode what mapping reads, by the library alone.

    Args:
        scene: The scene.
        work: Existing folder for what the process writes.
        options: As for mapping.

    Raises:
        BenchError: The process failed; the message is its own.
    """
    answer, _ = _run("decoding", work, {"scene": scene, "options": options.model_dump(mode="json")})
    return TypeAdapter(DecodingCost).validate_python(answer)


def run_network(scene: str, work: Path, *, options: MapOptions) -> NetworkCost:
    """Run the network by the library alone; arguments and errors as for ``run_decoding``."""
    answer, _ = _run("network", work, {"scene": scene, "options": options.model_dump(mode="json")})
    return TypeAdapter(NetworkCost).validate_python(answer)


def run_mapping(scene: str, work: Path, *, options: MapOptions) -> tuple[MappingCost, Path]:
    """Map the scene; arguments and errors as for ``run_decoding``.

    Returns:
        What it took, and the folder of the result, within ``work``.
    """
    answer, wall_s = _run("mapping", work, {"scene": scene, "options": options.model_dump(mode="json")})
    folder = Path(answer.pop("folder"))
    return TypeAdapter(MappingCost).validate_python({**answer, "wall_s": wall_s}), folder


def run_simulation(work: Path, *, size: int = SIMULATED_PX) -> str:
    """Simulate a scene that the whole swath covers, without cloud; errors as for ``run_decoding``.

    Args:
        work: Existing folder for the scene.
        size: Pixels a side.

    Returns:
        Path of the product.
    """
    answer, _ = _run("simulation", work, {"size": size})
    return str(answer["scene"])


def _run(part: str, work: Path, request: Mapping[str, Any]) -> tuple[dict[str, Any], float]:
    """Returns the answer, and the seconds from the start of the process to its end."""
    request_file, answer_file = work / f".{part}.request.json", work / f".{part}.answer.json"
    request_file.write_text(json.dumps({"part": part, "work": str(work), **request}), encoding="utf-8")
    answer_file.unlink(missing_ok=True)
    command = [sys.executable, "-P", "-m", "pipeline.bench.process", str(request_file), str(answer_file)]
    began = time.perf_counter()
    done = subprocess.run(  # noqa: S603 (our own interpreter)
        command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    wall_s = time.perf_counter() - began
    answer = json.loads(answer_file.read_text(encoding="utf-8")) if answer_file.exists() else {}
    if "error" in answer:
        raise BenchError(answer["error"], exit_code=answer["exit_code"])
    if done.returncode or not answer:
        last = done.stderr.decode(errors="replace").strip().rsplit("\n", 1)[-1] or "it said nothing"
        killed = done.returncode == -signal.SIGKILL
        advice = "The machine has too little memory for it: take a smaller --scene" if killed else "Report it"
        raise BenchError(
            f"Expected an answer of the process that measures {part}, found that it ended with exit code "
            f"{done.returncode} ({last}). {advice}."
        )
    return answer, wall_s


def main(request: Path, answer: Path) -> None:
    """Measure what was asked for.

    Args:
        request: JSON: ``part``, ``work``, and what the part takes.
        answer: Where its answer, or its error, is written.
    """
    values = json.loads(request.read_text(encoding="utf-8"))
    try:
        result = _PARTS[values["part"]](values)
    except StrandlineError as error:
        result = {"error": str(error), "exit_code": error.exit_code}
    answer.write_text(json.dumps(result), encoding="utf-8")
    gc.freeze()  # as at the end of a command


def _measure_decoding(request: Mapping[str, Any]) -> dict[str, Any]:
    from pipeline.bench.decoding import measure_decoding  # noqa: PLC0415 (a part loads what it needs, and no more)

    return asdict(measure_decoding(request["scene"], MapOptions(**request["options"])))


def _measure_network(request: Mapping[str, Any]) -> dict[str, Any]:
    from pipeline.bench.network import measure_network  # noqa: PLC0415

    return asdict(measure_network(request["scene"], MapOptions(**request["options"])))


def _measure_mapping(request: Mapping[str, Any]) -> dict[str, Any]:
    from pipeline.mapping.map_scene import map_scene  # noqa: PLC0415

    options = MapOptions(**{**request["options"], "overwrite": True})
    result = map_scene(request["scene"], Path(request["work"]) / "maps", options=options)
    return {
        "folder": str(result.folder),
        "stages_s": result.stages_s,
        "spans": [asdict(span) for span in result.spans],
        "cpu_s": time.process_time(),
        "peak_rss_mib": _read_peak_mib(),
    }


def _simulate(request: Mapping[str, Any]) -> dict[str, Any]:
    from tiles.simulate.product.simulate import ProductOptions, simulate_scene  # noqa: PLC0415

    options = ProductOptions(kind="archipelago", cloud_cover=0.0, swath="full", overwrite=True)
    product = simulate_scene(Path(request["work"]), seed=1, size=request["size"], options=options)
    return {"scene": str(product.path)}


_PARTS: Final = {
    "decoding": _measure_decoding,
    "network": _measure_network,
    "mapping": _measure_mapping,
    "simulation": _simulate,
}


def _read_peak_mib() -> float:
    """Most memory that this process held. Linux's own sum, since ``ru_maxrss`` begins with that of the parent."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (2**20 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
