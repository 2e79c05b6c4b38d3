"""Files that start a watcher: commands as our command line takes them, units as systemd reads them, names that fit."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from pipeline.watch.areas.file import read_areas
from pipeline.watch.areas.schedule import Schedule
from tests.conftest import skip_without
from workflows.cli import app

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "workflows" / "deploy"
PAGE = ROOT / "docs" / "deployment.md"
UNITS = ("strandline-watch.service", "strandline-round.service", "strandline-round.timer")
USER = 10001


def read_crontab() -> tuple[str, str]:
    """The five fields of its only job, and what it runs."""
    lines = (DEPLOY / "strandline.crontab").read_text().splitlines()
    (job,) = (line for line in lines if line and not line.startswith("#") and not re.match(r"\w+=", line))
    *fields, command = job.split(maxsplit=5)
    return " ".join(fields), command


def read_kubernetes(name: str, kind: str) -> Any:  # noqa: ANN401 (whatever YAML holds)
    documents = yaml.safe_load_all((DEPLOY / name).read_text())
    (found,) = (document for document in documents if document["kind"] == kind)
    return found


def read_pod() -> Any:  # noqa: ANN401
    return read_kubernetes("kubernetes-watch.yaml", "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def read_containerfile() -> list[list[str]]:
    """Its instructions, each as words."""
    lines = [line for line in (DEPLOY / "Containerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    return [line.split() for line in "\n".join(lines).replace("\\\n", " ").splitlines() if line.strip()]


def list_commands() -> dict[str, list[list[str]]]:
    """Words after ``strandline``, by the file that runs them."""
    units = {name: find(r"^ExecStart=\S+/strandline (.*)$", DEPLOY / name) for name in UNITS[:2]}
    others = {
        "strandline.crontab": find(r"; strandline (.*)$", DEPLOY / "strandline.crontab"),
        "Containerfile": find(r"strandline:[\d.]+ (watch .*)$", DEPLOY / "Containerfile"),
        "deployment.md": find(r"\bstrandline(?::[\d.]+)? ((?:watch|status) .*?)(?: +#.*)?$", PAGE),
    }
    return units | others | {"kubernetes-watch.yaml": [read_pod()["containers"][0]["args"]]}


def find(pattern: str, path: Path) -> list[list[str]]:
    return [shlex.split(line) for line in re.findall(pattern, path.read_text(), re.MULTILINE)]


@pytest.mark.parametrize(("name", "commands"), list_commands().items())
def test_commands_are_as_the_command_line_takes_them(name: str, commands: list[list[str]]) -> None:
    assert commands, f"{name} runs nothing"
    for command, *arguments in commands:
        typer.main.get_group(app).commands[command].make_context(command, arguments)


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units, with the program where it is here: systemd looks for it."""
    program = Path(sys.executable).with_name("strandline")
    for name in UNITS:
        text = (DEPLOY / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/strandline/bin/strandline", str(program)))
    return [tmp_path / name for name in UNITS]


def ask_systemd(*arguments: object) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        skip_without("systemd-analyze")
    return subprocess.run([program, *map(str, arguments)], check=False, capture_output=True, text=True, timeout=60)


def test_systemd_has_nothing_to_say_about_the_units(units: list[Path]) -> None:
    asked = ask_systemd("verify", "--man=no", "--recursive-errors=no", *units)
    assert asked.returncode == 0
    # What it does not know it names, and takes the unit all the same.
    assert [line for line in asked.stderr.splitlines() if "strandline" in line] == []


def test_services_stay_shut_in(units: list[Path]) -> None:
    for unit in units[:2]:
        asked = ask_systemd("security", "--offline=yes", "--threshold=15", unit)
        assert asked.returncode == 0, asked.stdout.splitlines()[-1:]


def test_both_services_may_do_the_same() -> None:
    sandboxes = [(DEPLOY / name).read_text().partition("# Who, and where.")[2] for name in UNITS[:2]]
    assert sandboxes[0].partition("\n[Install]")[0] == sandboxes[1]


def test_rounds_come_at_moments_that_exist() -> None:
    fields, command = read_crontab()
    Schedule(fields)
    Schedule(read_kubernetes("kubernetes-watch.yaml", "CronJob")["spec"]["schedule"])
    assert "%" not in command, "cron takes % for the end of the line"
    assert subprocess.run(["sh", "-n", "-c", command], check=False).returncode == 0
    moment = re.search(r"^OnCalendar=(.*)$", (DEPLOY / UNITS[2]).read_text(), re.MULTILINE)
    assert moment is not None
    assert ask_systemd("calendar", moment[1]).returncode == 0


def test_image_has_all_that_is_installed_and_no_rights() -> None:
    copied = {
        word.removeprefix("./")
        for instruction, *words in read_containerfile()
        if instruction == "COPY" and not words[0].startswith("--from")
        for word in words[:-1]
    }
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    rooms = {pattern.removesuffix("*") for pattern in setuptools["packages"]["find"]["include"]}
    modules = {f"{module}.py" for module in setuptools["py-modules"]}
    assert copied >= {*rooms, *modules, "pyproject.toml", "constraints.txt"}
    assert [name for name in copied if not (ROOT / name).exists()] == []
    sent = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    assert sent == copied
    last = [words for words in read_containerfile() if words[0] == "USER"][-1]
    assert last == ["USER", f"{USER}:{USER}"]


def test_round_on_kubernetes_may_write_where_its_areas_say(tmp_path: Path) -> None:
    text = read_kubernetes("kubernetes-watch.yaml", "ConfigMap")["data"]["areas.yaml"]
    path = tmp_path / "areas.yaml"
    path.write_text(text)
    settings = read_areas(path)
    (container,) = read_pod()["containers"]
    places = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert places.keys() == {volume["name"] for volume in read_pod()["volumes"]}
    kept = [places[volume["name"]] for volume in read_pod()["volumes"] if "persistentVolumeClaim" in volume]
    written = (settings.ledger, settings.work, *(area.destination for area in settings.areas))
    assert [path for path in written if not any(Path(path).is_relative_to(place) for place in kept)] == []
    assert container["securityContext"]["readOnlyRootFilesystem"]


def test_rounds_and_cluster_on_kubernetes_fit() -> None:
    pod, cluster = read_pod(), read_kubernetes("kubernetes.yaml", "DaskCluster")
    worker = cluster["spec"]["worker"]["spec"]
    context = {key: pod["securityContext"][key] for key in ("runAsUser", "runAsGroup", "fsGroup")}
    assert context == dict.fromkeys(context, USER)
    assert context.items() <= worker["securityContext"].items()
    claim = read_kubernetes("kubernetes-watch.yaml", "PersistentVolumeClaim")["metadata"]["name"]
    places = [
        (volume["persistentVolumeClaim"]["claimName"], mount["mountPath"])
        for spec in (pod, worker)
        for volume in spec["volumes"]
        for mount in spec["containers"][0]["volumeMounts"]
        if "persistentVolumeClaim" in volume and mount["name"] == volume["name"]
    ]
    assert places == [(claim, "/data")] * 2
    areas = read_kubernetes("kubernetes-watch.yaml", "ConfigMap")["data"]["areas.yaml"]
    assert f"scheduler: tcp://{cluster['metadata']['name']}-scheduler:8786" in areas
    job = read_kubernetes("kubernetes-watch.yaml", "CronJob")["spec"]["jobTemplate"]["spec"]
    assert job["podFailurePolicy"]["rules"][1]["onExitCodes"]["containerName"] == pod["containers"][0]["name"]
