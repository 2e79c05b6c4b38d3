from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from workflows.cli import app

TINY = {
    "tiles": {"size_px": 16, "pool": 2, "held_out": 1, "validation": 1},
    "network": {"depth": 1, "width": 2},
    "fit": {"steps": 1, "batch": 1},
    "amounts": [1],
    "variants": ["unet", "autoencoder"],
    "channels": {"amount": 1, "sets": [["B08"]]},
    "seeds": [1],
}


def test_the_command_writes_table_picture_and_words(tmp_path: Path) -> None:
    recipe, out = tmp_path / "tiny.yaml", tmp_path / "run"
    recipe.write_text(yaml.safe_dump(TINY))
    first = CliRunner().invoke(app, ["ablate", str(recipe), "--out", str(out)], catch_exceptions=False)
    assert first.exit_code == 0
    assert "3 trainings" in first.stdout
    assert {"ablation.csv", "ablation.png", "ablation.md"} <= {path.name for path in out.iterdir()}
    assert len((out / "ablation.csv").read_text().splitlines()) == 1 + 3
    again = CliRunner().invoke(app, ["ablate", str(recipe), "--out", str(out), "--quiet"], catch_exceptions=False)
    assert (again.exit_code, again.output) == (0, "")


def test_a_misspelt_setting_suggests_the_right_one(tmp_path: Path) -> None:
    from models.errors import TrainingError

    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump({**TINY, "variant": ["unet"]}))
    with pytest.raises(TrainingError, match="did you mean variants"):
        CliRunner().invoke(app, ["ablate", str(recipe), "--out", str(tmp_path)], catch_exceptions=False)
