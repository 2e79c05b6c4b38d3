"""The command line as it is published: names, defaults and ranges on which people's scripts and schedules rest."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import typer
from typer.core import TyperGroup, TyperOption

from tests.workflows.conftest import Run
from workflows.cli import app
from workflows.commands.ablate import ablate
from workflows.commands.batch import batch
from workflows.commands.bench import bench
from workflows.commands.change import change
from workflows.commands.coast import coast
from workflows.commands.compare import compare
from workflows.commands.data import data
from workflows.commands.evaluate import evaluate
from workflows.commands.exclude import exclude
from workflows.commands.export import export
from workflows.commands.export_model import export_model_
from workflows.commands.info import info
from workflows.commands.map import map_
from workflows.commands.models import models
from workflows.commands.mosaic import mosaic
from workflows.commands.search import search
from workflows.commands.simulate import simulate
from workflows.commands.simulate_coast import simulate_coast
from workflows.commands.simulate_series import simulate_series
from workflows.commands.status import status
from workflows.commands.timeseries import timeseries
from workflows.commands.train import train
from workflows.commands.view import view
from workflows.commands.watch import watch

MODEL = "--model=strandline-small --device=auto --precision=auto --runtime=auto"
MAPPED = (
    f"{MODEL} --decoder=gdal --tile-size --aoi --cloud-classes=3,8,9,10"
    " --mask --mask-classes --cloud-buffer=60.0 --doubtful=hide"
    " --threshold=0.5 --min-area-m2=0.0 --min-length-m=0.0 --simplify-m=0.0 --ocean --only --tides --tide-model"
    " --tide-folder --formats=gpkg --crs --smooth=0.0 --dissolve --points-every"
    " --bands --scale --offset --nodata --date --any-platform --overwrite"
)
CLUSTER = "--workers --scheduler --scheduler-file"
VIEW = "--view/--no-view=True"
TIDES = "--tides --tide-model --tide-folder"
MEASURED = "--places=all --held-out=0.15 --split-seed=0 --tile-size=384"
LAST = "--quiet/-q --debug"

# NAME! must be given; --name=value stands for what is not typed; a flag is off until it is typed; [least..most].
PUBLISHED = {
    map_: f"SCENE! --out/-o! {MAPPED} --progress=bar {LAST}",
    info: "SCENE! --bands --scale --offset --nodata --date --any-platform --json",
    search: f"--aoi! --dates! --max-cloud --stac=earth-search --collection --limit --any-platform --out/-o {LAST}",
    batch: f"SCENES! --out/-o! {CLUSTER} --threads --retries=2[0..] --progress=bar {MAPPED} {VIEW} --debug",
    export: f"FOLDER! --out/-o --formats=gpkg --crs --smooth=0.0 --dissolve --points-every --overwrite {LAST}",
    view: f"FOLDER! --out/-o --open {LAST}",
    watch: f"AREAS! --example --once --due --area --since --retry --remap --check --rounds=2[1..] {LAST}",
    status: "WHERE --area --json",
    exclude: "SCENES --why --areas=areas.yaml --area --undo --list --debug",
    mosaic: (
        "FOLDER! --out/-o! --grid=mgrs --statistic=median --dates --min-area-m2=0.0 --min-length-m=0.0 --ocean --only"
        f" --formats=gpkg --crs --smooth=0.0 --dissolve --points-every {CLUSTER}"
        f" --overwrite {VIEW} --progress=bar {LAST}"
    ),
    coast: (
        "--aoi! --dates! --out/-o! --every --scenes --max-cloud --stac=earth-search --collection --limit --dry-run"
        " --statistic=median --grid=mgrs --min-area-m2=0.0 --min-length-m=0.0 --ocean --only --formats=gpkg --crs"
        f" --smooth=0.0 --dissolve --points-every {CLUSTER} --threads --retries=2[0..] --progress=bar"
        f" {MODEL} --decoder=gdal --tile-size --cloud-classes=3,8,9,10 --mask --mask-classes --cloud-buffer=60.0"
        f" --doubtful=hide --threshold=0.5 {TIDES} --bands --scale --offset --nodata --date --any-platform --overwrite"
        f" {VIEW} --debug"
    ),
    change: (
        "OLD! NEW! --out/-o! --factor=2.0 --coregister/--no-coregister=True --registration-m=2.0 --max-shift=200.0"
        " --min-length-m=50.0 --min-area-m2=0.0 --margin-px=2"
        f" --alert-m --alert-area-m2 --alert-bodies --inland --crs {TIDES} --overwrite {VIEW} --progress=bar {LAST}"
    ),
    timeseries: (
        "AREA! --out/-o! --transects=auto --seaward-first --reference --spacing=100.0 --landward=200.0 --seaward=200.0"
        " --smooth=100.0 --least=500.0 --crossing=nearest --least-dates=3 --confidence=0.95 --outliers=keep"
        f" --coregister/--no-coregister=True --registration-m=2.0 {TIDES} --beach-slope --overwrite {LAST}"
    ),
    simulate: (
        "--out/-o! --seed=0 --size=10980 --baseline=05.11 --crs=EPSG:32630 --kind=random --cloud-cover --swath=auto"
        f" --satellite=auto --complete/--bands-only=True --overwrite {LAST}"
    ),
    simulate_coast: (
        "--out/-o! --seed=0 --extent=2400 --dates=3 --kind=open_coast --cloud-cover=0.15 --hidden=(0.0, 0.01)"
        f" --swath-edges=1 --works/--no-works=True --overwrite {LAST}"
    ),
    simulate_series: (
        "--out/-o! --seed=0 --size=600 --dates=24 --every-days=15 --first=2022-01-05 00:00:00 --retreat-m-per-year=0.0"
        " --shifts --cloud-cover=auto --kind=beach --works/--no-works --baseline=04.00 --reprocess"
        f" --newer-baseline=05.10 --crs=EPSG:32630 --overwrite {LAST}"
    ),
    models: "NAME --json --stac",
    evaluate: (
        f"MODEL! DATA! --out/-o! {MEASURED} --permute --repeats=3 --pictures=24 --device=auto --precision=auto {LAST}"
    ),
    compare: f"NAMES! --out/-o {MEASURED} --device=auto --precision=auto {LAST}",
    train: f"RECIPE MORE --set --out/-o --resume {LAST}",
    ablate: f"RECIPE! --out/-o=ablation --scenes --threads=1[1..] {LAST}",
    export_model_: "MODEL! --format=onnx --out/-o --bands --debug",
    bench: f"--scene --out/-o=strandline-bench {MODEL} --runs[1..] {LAST}",
    data.registered_commands[0].callback: "FOLDER! --write-suspects --json",
}


def describe(parameter: TyperOption) -> str:
    """A parameter as it is listed above."""
    ends = ["" if end is None else str(end) for end in (parameter.min, parameter.max)]
    given = "" if parameter.default is None or parameter.default is False else f"={parameter.default}"
    names = "/".join([*parameter.opts, *parameter.secondary_opts])
    shown = names if parameter.param_type_name == "option" else names.upper()
    return shown + ("!" if parameter.required else given) + (f"[{'..'.join(ends)}]" if any(ends) else "")


@pytest.mark.parametrize(("command", "published"), PUBLISHED.items())
def test_a_command_takes_what_is_published(command: Callable[..., None], published: str) -> None:
    alone = typer.Typer(add_completion=False)
    alone.command()(command)
    assert " ".join(describe(parameter) for parameter in typer.main.get_command(alone).params) == published


def test_there_are_no_commands_beside_these() -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    assert len(root.commands) == len(PUBLISHED)


@pytest.mark.parametrize("typed", [[], ["data"]], ids=["strandline", "data"])
def test_a_word_that_needs_another_says_which_there_are(run: Run, typed: list[str]) -> None:
    ran = run(*typed)
    assert ran.code == 2
    assert "Usage: " in ran.out + ran.err
    assert "Commands" in ran.out + ran.err
