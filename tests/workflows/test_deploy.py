"""Deployment files: what can be run here is run, the rest is read as strictly as may be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import dask.config
import pytest
import typer.main
import yaml

from workflows.cli import app

DEPLOY = Path(__file__).resolve().parents[2] / "workflows" / "deploy"


def read(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text()))


def leaves(values: dict[str, Any], at: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= leaves(value, f"{at}{key}.") if isinstance(value, dict) else {f"{at}{key}": value}
    return found


def test_every_setting_of_dask_exists() -> None:
    import distributed  # noqa: F401 (its defaults)

    (settings,) = read("dask.yaml")
    for name in leaves(settings):
        dask.config.get(name)


def test_one_machine_is_set_as_clusters_are() -> None:
    from pipeline.cluster.client import _LOCAL_CONFIG

    (settings,) = read("dask.yaml")
    assert leaves(settings).items() >= _LOCAL_CONFIG.items()


def test_slurm_workers_are_asked_for_as_written() -> None:
    jobqueue = pytest.importorskip("dask_jobqueue")
    (settings,) = read("jobqueue.yaml")
    known = dask.config.get("jobqueue.slurm")
    assert settings["jobqueue"]["slurm"].keys() <= known.keys()
    with dask.config.set({f"jobqueue.slurm.{key}": value for key, value in settings["jobqueue"]["slurm"].items()}):
        cluster = jobqueue.SLURMCluster(n_workers=0, scheduler_options={"dashboard_address": "127.0.0.1:0"})
        with cluster:
            script = cluster.job_script()
    assert "#SBATCH -J strandline" in script
    assert "#SBATCH --cpus-per-task=1" in script
    assert "--mem=3G" in script
    assert "--preload pipeline.batch.units" in script
    assert "--nthreads 1" in script
    told = ["env", "-u", "TMPDIR", "bash", "-c", script.replace(sys.executable, "echo")]
    words = subprocess.run(told, check=True, capture_output=True, text=True).stdout.split()
    assert words[words.index("--local-directory") + 1 :][:2] == ["/tmp", "--lifetime"]  # noqa: S108 (SLURM's own)


@pytest.mark.parametrize("version", ["1.31", "1.37"])
def test_kubernetes_knows_every_key(version: str) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    cluster, *others = read("kubernetes.yaml") + read("kubernetes-watch.yaml")
    spec = cluster["spec"]
    # The operator of Dask makes these of its cluster.
    others += [{"apiVersion": "v1", "kind": "Pod", "spec": spec[part]["spec"]} for part in ("scheduler", "worker")]
    others += [{"apiVersion": "v1", "kind": "Service", "spec": spec["scheduler"]["service"]}]
    for manifest in others:
        kubernetes_validate.validate(manifest, version, strict=True)
    others[0]["spec"]["backoff"] = 1
    with pytest.raises(kubernetes_validate.ValidationError, match="backoff"):
        kubernetes_validate.validate(others[0], version, strict=True)


@pytest.mark.parametrize("name", ["slurm.sh", "cuda.sh"])
def test_scripts_are_valid_and_ask_for_what_exists(name: str) -> None:
    script = DEPLOY / name
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    options = {option for parameter in command("batch").params for option in parameter.opts}
    call = next(line for line in script.read_text().splitlines() if line.startswith("strandline batch"))
    assert {word for word in call.split() if word.startswith("--")} <= options
    for module in ("scheduler", "worker"):
        dask = Path(sys.executable).with_name("dask")
        helped = subprocess.run([dask, module, "--help"], check=True, capture_output=True, text=True).stdout
        for line in script.read_text().replace("\\\n", " ").splitlines():
            if f"dask {module} " in line and not line.startswith("#"):
                assert [word for word in line.split() if word.startswith("--") and word not in helped] == []


def test_kubernetes_names_hold_together() -> None:
    cluster, job = read("kubernetes.yaml")
    assert (cluster["apiVersion"], cluster["kind"]) == ("kubernetes.dask.org/v1", "DaskCluster")
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    name, spec = cluster["metadata"]["name"], cluster["spec"]
    assert spec["scheduler"]["service"]["selector"]["dask.org/cluster-name"] == name
    ports = {port["name"] for port in spec["scheduler"]["spec"]["containers"][0]["ports"]}
    assert {port["targetPort"] for port in spec["scheduler"]["service"]["ports"]} == ports
    pods = (spec["worker"]["spec"], job["spec"]["template"]["spec"])
    for pod in pods:
        assert {mount["name"] for mount in pod["containers"][0]["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
    arguments = job["spec"]["template"]["spec"]["containers"][0]["args"]
    assert arguments[:2] == ["strandline", "batch"]
    assert f"tcp://{name}-scheduler:8786" in arguments
    options = {option for parameter in command("batch").params for option in parameter.opts}
    assert {word for word in arguments if word.startswith("--")} <= options


def command(name: str) -> Any:  # noqa: ANN401 (of Typer's own making)
    return typer.main.get_group(app).commands[name]
