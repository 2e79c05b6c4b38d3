"""Map scenes through a SLURM queue on this machine, as ``docs/clusters.md`` says, and compare with a local run.

    apt-get install --no-install-recommends slurmd slurmctld slurm-client munge
    python benchmarks/slurm.py --out /tmp/slurm [--scenes 6] [--size 768]

Starts ``munged``, ``slurmctld`` and ``slurmd`` on loopback (as root, without control groups), with two cores to give
out. ``jobqueue`` runs the commands of the document with two jobs instead of 200, and cancels one while it maps.
``script`` hands in ``slurm.sh``, ends it as a time limit would, and hands it in again. Either must end well and leave
the same bytes as a run on workers of this machine. The exit code says whether all held. Results are appended to
``benchmarks/results/slurm.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from batch import make_scenes
from batch_kills import ROOT, compare_folders

RESULTS = Path(__file__).parent / "results" / "slurm.jsonl"
DEPLOY = ROOT / "workflows" / "deploy"
PATIENCE_S = 900

CONFIGURATION = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthInfo=socket={folder}/munge.socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmctldPort=26817
SlurmdPort=26818
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdSpoolDir={folder}/spool
StateSaveLocation={folder}/state
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=7000
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE
"""


def main() -> None:
    """Map the scenes on workers of this machine, then in both ways through the queue."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=6)
    parser.add_argument("--size", type=int, default=768)
    arguments = parser.parse_args()
    out = arguments.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    arguments.out = out
    (out / "scenes.txt").write_text("".join(f"{scene}\n" for scene in make_scenes(arguments)))
    with start_queue(out / "queue") as environment:
        quiet = [find_program("strandline"), "batch", "scenes.txt", "--out", "quiet"]
        quiet += ["--workers", "1", "--threads", "1"]  # which the records of results name
        subprocess.run(quiet, check=True, cwd=out, env=environment, stdout=subprocess.DEVNULL)
        records = [run_jobqueue(out, environment), run_script(out, environment)]
    for record in records:
        record["size"] = arguments.size
        print(json.dumps(record))
        with RESULTS.open("a") as file:
            file.write(json.dumps(record) + "\n")
    sys.exit(any(record["faults"] for record in records))


@contextmanager
def start_queue(folder: Path) -> Iterator[dict[str, str]]:
    """A SLURM of one node on loopback; yields the environment in which a user speaks to it."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "state").mkdir(parents=True)
    (folder / "home" / ".config" / "dask").mkdir(parents=True)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    host = socket.gethostname().split(".")[0]
    (folder / "slurm.conf").write_text(CONFIGURATION.format(host=host, folder=folder))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(folder / "home")}
    environment |= {"SLURM_CONF": str(folder / "slurm.conf")}
    for name in ("TMPDIR", "DASK_CONFIG", "OMP_NUM_THREADS"):  # as of somebody who has just logged in
        environment.pop(name, None)
    munge = [
        f"--{name}={folder}/munge.{name.split('-')[0]}" for name in ("key-file", "socket", "pid-file", "seed-file")
    ]
    munge += [f"--log-file={folder}/munge.log", "--foreground", "--force"]
    with ExitStack() as stack:
        for command in (["munged", *munge], ["slurmctld", "-D"], ["slurmd", "-D"]):
            log = stack.enter_context((folder / f"{command[0]}.log").open("wb"))
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        wait_until(lambda: "idle" in ask(environment, "sinfo", "-h", "-o", "%T"))
        yield environment


def ask(environment: dict[str, str], *command: str) -> str:
    """What a command of SLURM answers; nothing where it cannot yet."""
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout


def wait_until(holds: Callable[[], bool]) -> None:
    """Look twice a second."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit("what was waited for did not come")
        time.sleep(0.5)


def find_program(name: str) -> str:
    """A program beside this Python."""
    return str(Path(sys.executable).with_name(name))


def read_documented(beginning: str) -> str:
    """The example of the document that begins so."""
    text = (ROOT / "docs" / "clusters.md").read_text()
    blocks = (textwrap.dedent(block) for block in text.split("\n\n") if block.startswith("    "))
    return next(block for block in blocks if block.startswith(beginning))


def run_jobqueue(out: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Jobs that dask-jobqueue asks for, of which one is cancelled while it maps."""
    script = read_documented("mkdir -p ~/.config/dask")
    for documented, ours in (
        ("200", "2"),
        ("'plan.json'", "'scenes.txt'"),
        ("'maps'", "'jobqueue', '--progress', 'json'"),
    ):
        if documented not in script:
            raise SystemExit(f"the document lacks {documented}")
        script = script.replace(documented, ours)
    shutil.rmtree(out / "jobqueue", ignore_errors=True)
    (out / "workflows").unlink(missing_ok=True)
    (out / "workflows").symlink_to(ROOT / "workflows")
    told, began = out / "jobqueue.log", time.monotonic()
    jobs: set[str] = set()
    with told.open("wb") as file:
        process = subprocess.Popen(["bash", "-c", script], cwd=out, env=environment, stdout=file)

    def look() -> bool:
        jobs.update(list_jobs(environment))
        return process.poll() is not None

    wait_until(lambda: look() or bool(read_events(told, "scene")))
    running = list_jobs(environment)
    ask(environment, "scancel", running[-1])
    wait_until(look)
    tries = [event["tries"] for event in read_events(told, "scene")]
    faults = compare(out / "quiet", out / "jobqueue")
    faults += [] if process.returncode == 0 else [f"exit code {process.returncode}"]
    faults += [] if len(running) == 2 and len(jobs) > 2 else [f"jobs {sorted(jobs)}, {running} at the cancelling"]
    faults += [f"still there: {job}" for job in list_jobs(environment)]
    seconds = round(time.monotonic() - began, 1)
    return {
        "way": "jobqueue",
        "scenes": len(tries),
        "jobs": len(jobs),
        "tries": tries,
        "seconds": seconds,
        "faults": faults,
    }


def run_script(out: Path, environment: dict[str, str]) -> dict[str, Any]:
    """The job that is scheduler, workers and batch in one, ended while it maps, and handed in again."""
    shutil.rmtree(out / "script", ignore_errors=True)
    told, began, done, codes = out / "script.log", time.monotonic(), [], []
    command = [
        "sbatch",
        "--ntasks",
        "2",
        "--export",
        f"ALL,STRANDLINE_DEPLOY={DEPLOY}",
        "--wait",
        "--output",
        str(told),
    ]
    command += [str(DEPLOY / "slurm.sh"), "scenes.txt", "script", "--progress", "json"]
    for is_first in (True, False):
        told.unlink(missing_ok=True)
        process = subprocess.Popen(command, cwd=out, env=environment, stdout=subprocess.DEVNULL)
        if is_first:
            wait_until(lambda: bool(read_events(told, "scene")))
            ask(environment, "scancel", "--batch", "--signal", "TERM", *list_jobs(environment))
        codes.append(process.wait(PATIENCE_S))
        (finished,) = read_events(told, "finished")
        done.append(finished["counts"])
    faults = compare(out / "quiet", out / "script")
    faults += [] if codes[-1] == 0 else [f"exit codes {codes}"]
    seconds = round(time.monotonic() - began, 1)
    return {"way": "script", "counts": done, "exit_codes": codes, "seconds": seconds, "faults": faults}


def list_jobs(environment: dict[str, str]) -> list[str]:
    """Jobs that run, the oldest first."""
    return sorted(ask(environment, "squeue", "-h", "-t", "running", "-o", "%i").split(), key=int)


def read_events(told: Path, name: str) -> list[dict[str, Any]]:
    """Events of one name; other lines are Dask's."""
    if not told.exists():
        return []
    lines = [line for line in told.read_text().splitlines() if line.startswith("{") and line.endswith("}")]
    return [event for event in map(json.loads, lines) if event["event"] == name]


def compare(wanted: Path, found: Path) -> list[str]:
    """What of the results differs."""
    names = {path.name for path in wanted.glob("[!.]*/")}
    faults = [] if names == {path.name for path in found.glob("[!.]*/")} else ["other scenes"]
    return faults + [fault for name in sorted(names) for fault in compare_folders(wanted / name, found / name)]


if __name__ == "__main__":
    main()
