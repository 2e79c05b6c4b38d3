"""Fetch the wheels that ``benchmarks/on_gpu.py`` needs on a machine without a network, in folders of a bounded size.

    python benchmarks/fetch_wheels.py --out wheels [--present present.txt] [--limit-mb 40] [--decoder]

For Python 3.12 on Linux (x86-64), whatever runs here. ``--present``: what that machine has, a name a line, as its
``python -m pip list --format=freeze`` writes it; without it ``benchmarks/on_gpu_present.txt``: what a machine
for PyTorch commonly has. ``--decoder`` brings nvImageCodec too. Folders are ``OUT/1``, ``OUT/2`` …: a call each.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

NEEDED = (
    "affine", "contourpy", "defusedxml", "filelock", "geopandas", "jinja2", "lightning", "matplotlib", "numpy",
    "pandas", "pillow", "pyarrow", "pydantic", "pyogrio", "pyproj", "pystac", "pyyaml", "rasterio", "safetensors",
    "scipy", "shapely", "tensorboard", "threadpoolctl", "torchmetrics",
)  # fmt: skip
"""What simulating, mapping and training import, in versions that ``pyproject.toml`` takes."""

OLDER = {"pyogrio": "0.10.0", "pyproj": "3.7.0", "rasterio": "1.4.3"}
"""Versions whose wheels are smaller than the newest ones: each brings its own libraries."""

DECODER = ("nvidia-nvimgcodec-cu13>=0.9", "nvidia-nvjpeg2k-cu13")
WITH_TORCH = ("torch", "torchvision", "triton", "cuda-", "nvidia-", "setuptools", "tzdata")
"""Beginnings of names that come with PyTorch, or that nothing needs on Linux."""

PYTHON = "3.12"
PLATFORMS = tuple(
    f"manylinux{tag}_x86_64" for tag in ("_2_28", "_2_27", "_2_26", "_2_24", "_2_17", "2014", "2010", "1")
)
PRESENT = Path(__file__).with_name("on_gpu_present.txt")
MOST_CALLS = 2


def normalise(name: str) -> str:
    """The one spelling of a package's name. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_present(text: str) -> frozenset[str]:
    """Names in a list of packages, versions and comments left out."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return frozenset(normalise(re.split(r"[\s=<>!~@;\[]", line)[0]) for line in lines if line)


def is_missing(name: str, present: frozenset[str]) -> bool:
    """Whether a package has to be brought."""
    return name in read_present("\n".join(DECODER)) or not (name in present or name.startswith(WITH_TORCH))


def list_needed(project: str) -> tuple[str, ...]:
    """Requirements as pip takes them.

    Args:
        project: Content of ``pyproject.toml``.
    """
    tables = tomllib.loads(project)["project"]
    lines = [*tables["dependencies"], *tables["optional-dependencies"]["train"]]
    declared = {normalise(re.split(r"[\s=<>!~@;\[]", line)[0]): line for line in lines}
    return tuple(f"{name}=={OLDER[name]}" if name in OLDER else declared.get(name, name) for name in NEEDED)


def list_target() -> list[str]:
    """Options of pip that name the other machine."""
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    return ["--only-binary=:all:", "--python-version", PYTHON, "--implementation", "cp", *platforms]


def run_pip(*words: str) -> None:
    """Run pip of this Python, without its chatter."""
    quiet = ["--quiet", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", *words, *quiet], check=True)


def resolve(needed: tuple[str, ...]) -> list[tuple[str, str]]:
    """Name and version of all that is needed and of all that these need, downloading none of it."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = ["--dry-run", "--ignore-installed", "--report", str(report), "--target", folder]
        run_pip("install", *options, *list_target(), *needed)
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [(item["metadata"]["name"], item["metadata"]["version"]) for item in found]


def fetch(packages: list[tuple[str, str]], folder: Path) -> list[Path]:
    """Download exactly these."""
    folder.mkdir(parents=True)
    exact = [f"{name}=={version}" for name, version in packages]
    run_pip("download", "--no-deps", "--dest", str(folder), *list_target(), *exact)
    return sorted(folder.glob("*.whl"))


def group_files(sizes: dict[str, int], limit: int) -> list[list[str]]:
    """Names in groups of a bounded size, by first fit, the largest first; one over the limit stands alone."""
    groups: list[list[str]] = []
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        fitting = (group for group in groups if sizes[name] + sum(sizes[other] for other in group) <= limit)
        group = next(fitting, None)
        if group is None:
            groups.append([name])
        else:
            group.append(name)
    return groups


def main() -> None:
    """Fetch, group, and say what came."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--present", type=Path, default=PRESENT, help="list of what the machine has")
    parser.add_argument("--limit-mb", type=float, default=40.0, help="of one folder")
    parser.add_argument("--decoder", action="store_true", help="nvImageCodec too")
    given = parser.parse_args()
    if given.out.exists():
        raise SystemExit(f"{given.out} exists: give a folder that does not, so that no version lies there twice.")
    present = read_present(given.present.read_text(encoding="utf-8"))
    project = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    wanted = resolve(list_needed(project) + (DECODER if given.decoder else ()))
    missing = [(name, version) for name, version in wanted if is_missing(normalise(name), present)]
    files = fetch(missing, given.out / "all")
    sizes = {path.name: path.stat().st_size for path in files}
    groups = group_files(sizes, int(given.limit_mb * 1e6))
    for number, group in enumerate(groups, start=1):
        folder = given.out / str(number)
        folder.mkdir()
        print(f"{folder}: {sum(sizes[name] for name in group) / 1e6:.1f} MB")
        for name in group:
            shutil.move(given.out / "all" / name, folder / name)
            print(f"    {sizes[name] / 1e6:6.2f} MB  {name}")
    (given.out / "all").rmdir()
    if len(groups) > MOST_CALLS:
        print(f"These are {len(groups)} calls: name with --present what the machine has, or raise --limit-mb.")


if __name__ == "__main__":
    main()
