"""How long a person waits for a command: the median of whole processes.

python benchmarks/startup.py                            # strandline --help, twenty times
python benchmarks/startup.py 5 info SCENE               # any command, so many times
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 20


def main() -> None:
    """Time the installed command; the first run, which may compile libraries, does not count."""
    runs, arguments = (int(sys.argv[1]), sys.argv[2:]) if len(sys.argv) > 2 else (RUNS, ["--help"])
    command = [str(Path(sys.executable).with_name("strandline")), *arguments]
    seconds = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - began)
    print(f"strandline {arguments[0]}: median {statistics.median(seconds[1:]):.3f} s, longest {max(seconds[1:]):.3f} s")


if __name__ == "__main__":
    main()
