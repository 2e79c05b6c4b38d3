"""How long a person waits for ``strandline --help``: the median of twenty whole processes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 20


def main() -> None:
    """Time the installed command."""
    command = [str(Path(sys.executable).with_name("strandline")), "--help"]
    seconds = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - began)
    print(f"strandline --help: median {statistics.median(seconds[1:]):.3f} s, longest {max(seconds[1:]):.3f} s")


if __name__ == "__main__":
    main()
