"""The command line in this process, and a small simulated product to try it on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tiles.simulate.product.simulate import ProductOptions, SimulatedProduct, simulate_scene
from workflows.cli import main


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command answered."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run ``strandline`` with arguments, as the console script does."""

    def run_main(*arguments: object) -> Ran:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["strandline", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        code = ended.value.code
        return Ran(code if isinstance(code, int) else int(code is not None), out, err)

    return run_main


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> SimulatedProduct:
    """A coast of 2.4 km as a complete L2A product; tests that break it copy it first."""
    options = ProductOptions(cloud_cover=0.2, swath="full")
    return simulate_scene(tmp_path_factory.mktemp("product"), seed=11, size=240, options=options)
