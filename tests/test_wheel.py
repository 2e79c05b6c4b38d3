"""What is installed works away from the checkout: the wheel in environments of its own, without and with each extra."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import USERS_CACHE, skip_without
from workflows.cli import app

ROOT = Path(__file__).resolve().parents[1]

COMMANDS = sorted(
    {command.name or "" for command in app.registered_commands} | {group.name or "" for group in app.registered_groups}
)
MISSING = {
    "scale": [
        "search --aoi 0,0,1,1 --dates 2024 --stac catalog.json",
        "batch products --out out",
        "mosaic maps --out out",
    ],
    "schedule": ["watch areas.yaml --once", "watch areas.yaml --check", "status areas.yaml"],
    "train": [
        "train swed",
        "export-model strandline-small --format onnx",
    ],
    "torch": [
        "ablate skip_connections --out out",
        "map {product} --out out --runtime torch",
        "map {product} --out out --device cuda",
        "export-model strandline-small --format pt2",
    ],
    "gpu": ["map {product} --out out --decoder nvimgcodec"],
    "ocean": ["map {product} --out out --ocean binned_GSHHS_f.nc"],
    "tides": ["timeseries maps --out out --tide-model EOT20 --tide-folder ."],
}
"""By extra: what cannot be done without it."""


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment, and a folder in which its ``strandline`` is run."""

    home: Path
    folder: Path

    def run(self, *arguments: str, program: str = "strandline") -> subprocess.CompletedProcess[str]:
        """Run a program of the environment as a user would: nothing of the checkout is on its path."""
        environment = {name: os.environ[name] for name in ("HOME", "LANG", "XDG_CACHE_HOME") if name in os.environ}
        return subprocess.run(
            [self.home / "bin" / program, *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**environment, "PATH": "/usr/bin:/bin"},
            timeout=300,
        )

    def must(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a command that has to succeed."""
        ran = self.run(*line.format(product=next(self.folder.glob("products/*.SAFE"))).split())
        assert ran.returncode == 0, f"{line}: {ran.stderr}"
        return ran


@dataclass(frozen=True, slots=True)
class Environment:
    """The wheel in an environment of its own, to and from which extras come and go.

    An extra is installed into the environment that holds none, or one that it brings anyway, and taken away to the
    last package before the next: what a fresh environment would hold, without compiling the large libraries once more.

    Attributes:
        uv: The program.
        home: The environment.
        wheel: What is installed into it.
        stack: The extras that it holds, the first brought by the others, and what was there before each.
    """

    uv: str
    home: Path
    wheel: Path
    stack: list[tuple[str, str]] = field(default_factory=list)

    def install(self, extra: str = "") -> None:
        what = f"strandline{f'[{extra}]' if extra else ''} @ {self.wheel.as_uri()}"
        self._pip("install", "--constraint", str(ROOT / "constraints.txt"), what)

    def hold(self, extra: str) -> None:
        """Hold what an extra brings, and nothing else."""
        while self.stack and self.stack[-1][0] not in BROUGHT_BY.get(extra, ()):
            _, before = self.stack.pop()
            self._restore(before)
            assert self._freeze() == before
        self.stack.append((extra, self._freeze()))
        self.install(extra)

    def _freeze(self) -> str:
        return self._pip("freeze")

    def _restore(self, frozen: str) -> None:
        listed = self.home / "frozen.txt"
        listed.write_text(frozen)
        self._pip("sync", str(listed))

    def _pip(self, *arguments: str) -> str:
        command = [self.uv, "pip", arguments[0], "--quiet", "--python", str(self.home / "bin" / "python")]
        # The user's own cache: the libraries come to gigabytes, and are there already.
        environment = {name: value for name, value in os.environ.items() if name != "XDG_CACHE_HOME"}
        environment |= {"XDG_CACHE_HOME": USERS_CACHE} if USERS_CACHE else {}
        ran = subprocess.run([*command, *arguments[1:]], check=True, capture_output=True, text=True, env=environment)
        return ran.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Builds the wheel from what git tracks, and installs it without any extra; tests of extras come last."""
    uv = shutil.which("uv") or skip_without("uv")
    folder = tmp_path_factory.mktemp("wheel")
    tracked = subprocess.run(["git", "ls-files"], check=True, capture_output=True, text=True, cwd=ROOT).stdout
    for name in tracked.splitlines():
        if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/", "benchmarks/")):
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / "source" / name)
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", folder, folder / "source"], check=True)
    (wheel,) = folder.glob("*.whl")

    subprocess.run([uv, "venv", "--quiet", "--python", "3.11", folder / "env"], check=True)
    environment = Environment(uv, folder / "env", wheel)
    environment.install()
    yield environment
    shutil.rmtree(environment.home)


@pytest.fixture(scope="module")
def plain(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Without any extra, with one simulated scene that it has mapped."""
    folder = tmp_path_factory.mktemp("user")
    installed = Installed(environment.home, folder)
    example = (ROOT / "workflows" / "examples" / "areas.yaml").read_text(encoding="utf-8")
    (folder / "areas.yaml").write_text(
        example.replace("source: earth-search", "source: catalog.json"), encoding="utf-8"
    )
    catalogue = {"type": "Catalog", "id": "none", "stac_version": "1.0.0", "description": "Nothing.", "links": []}
    (folder / "catalog.json").write_text(json.dumps(catalogue), encoding="utf-8")
    installed.run("simulate", "--out", "products", "--seed", "1", "--size", "240")
    installed.must("map {product} --out maps")
    return installed


def test_a_scene_is_mapped_away_from_the_checkout(plain: Installed) -> None:
    (result,) = (plain.folder / "maps").glob("S2*")
    assert {path.name for path in result.iterdir()} >= {"water.tif", "coastline.gpkg", "item.json", "preview.png"}


def test_a_map_is_looked_at_and_written_in_more_formats_without_any_extra(plain: Installed) -> None:
    (result,) = (plain.folder / "maps").glob("S2*")
    plain.must(f"view maps/{result.name}")
    plain.must(f"export maps/{result.name} --formats geojson")
    plain.must("change maps/{0} maps/{0} --out changed".replace("{0}", result.name))
    assert (result / "view.html").stat().st_size > 1_000_000
    assert (result / "coastline.geojson").exists()
    assert (plain.folder / "changed" / "view.html").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_help_without_any_extra(plain: Installed, command: str) -> None:
    ran = plain.run(command, "--help")
    assert ran.returncode == 0, ran.stderr
    assert "--help" in ran.stdout


def test_the_public_face_imports_nothing_of_others(plain: Installed) -> None:
    code = (
        "import sys; before = {*sys.modules}; import strandline\n"
        "print(*sorted({name.partition('.')[0] for name in {*sys.modules} - before} - sys.stdlib_module_names))"
    )
    assert plain.run("-c", code, program="python").stdout.split() == ["strandline"]
    assert plain.run("--version").returncode == 0


def test_files_of_a_user_that_have_our_names_break_nothing(plain: Installed) -> None:
    folder = plain.folder / "own"
    for name in ("pipeline.py", "tiles.py", "workflows.py", "models/__init__.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("raise RuntimeError('a file of the user was imported')\n")
    user = Installed(plain.home, folder)
    (folder / "products").symlink_to(plain.folder / "products")
    user.must("map {product} --out maps")
    user.must("bench --scene {product} --runs 1 --quiet")


def test_a_script_beside_a_module_of_our_name_is_told_in_one_line(plain: Installed) -> None:
    folder = plain.folder / "script"
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "__init__.py").write_text("# a user's own\n")
    (folder / "script.py").write_text(
        "import strandline\n"
        "try:\n    strandline.map_scene\n"
        "except strandline.StrandlineError as error:\n    print(error)\n"
    )
    ran = Installed(plain.home, folder).run("script.py", program="python")
    assert ran.returncode == 0, ran.stderr
    assert "models/__init__.py, which has the same name" in ran.stdout


@pytest.mark.parametrize("line", [line for lines in MISSING.values() for line in lines])
def test_what_an_extra_brings_is_named_in_one_line(plain: Installed, line: str) -> None:
    (extra,) = (name for name, lines in MISSING.items() if line in lines)
    ran = plain.run(*line.format(product=next(plain.folder.glob("products/*.SAFE"))).split())
    assert ran.returncode == 2, ran.stderr
    assert f"strandline[{extra}]" in ran.stderr
    assert ran.stderr.strip().splitlines()[-1].startswith("strandline: ")
    assert not (plain.folder / "out").exists()


WITH_EXTRA = {
    "scale": ["batch products --out batch --workers 1", "mosaic batch --out coast"],
    "schedule": ["watch areas.yaml --check"],
    "torch": ["map {product} --out by_torch --runtime torch"],
    "gpu": [],
    "train": ["export-model strandline-small --format onnx --out model.onnx"],
    "ocean": [],
    "tides": [],
}
BROUGHT_BY = {"schedule": ("scale",), "gpu": ("torch",), "train": ("torch",)}
"""By extra, those whose packages are all among its own: it is installed over them."""


def test_extras_bring_those_that_they_are_installed_over() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for extra, brought in BROUGHT_BY.items():
        assert {f"strandline[{name}]" for name in brought} <= set(extras[extra])


@pytest.mark.parametrize("extra", WITH_EXTRA)
def test_an_extra_brings_all_that_its_commands_need(plain: Installed, environment: Environment, extra: str) -> None:
    environment.hold(extra)
    for line in WITH_EXTRA[extra]:
        plain.must(line)
    done = {line.split()[0] for line in WITH_EXTRA[extra]}
    for line in (line for line in MISSING[extra] if line.split()[0] not in done):
        ran = plain.run(*line.format(product=next(plain.folder.glob("products/*.SAFE"))).split())
        assert "not installed" not in ran.stderr
        assert "our fault" not in ran.stderr
    shutil.rmtree(plain.folder / "out", ignore_errors=True)
