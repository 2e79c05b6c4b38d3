"""A recipe is checked to the last key, and says which one was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import TrainingError
from pipeline.training.recipe import Recipe, read_recipe, write_recipe

LEAST = """
data:
  parts:
    - {source: "simulated:1-9"}
model:
  name: mine
"""


def write(folder: Path, text: str = LEAST) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


def test_a_resolved_recipe_reads_back_as_itself(tmp_path: Path) -> None:
    recipe = read_recipe(write(tmp_path), ["trainer.steps=7", "model.network.depth=2", "data.parts.0.weight=0.5"])
    assert (recipe.trainer.steps, recipe.model.network, recipe.data.parts[0].weight) == (7, {"depth": 2}, 0.5)
    write_recipe(tmp_path / "resolved.yaml", recipe)
    assert read_recipe(tmp_path / "resolved.yaml") == recipe
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("trainer.stepps=7", "no setting trainer.stepps .did you mean steps"),
        ("data.parts.0.wieght=1", "data.parts.0.wieght .did you mean weight"),
        ("lossy.dice=1", "no setting lossy .did you mean loss"),
        ("trainer.zzz=1", "known here: steps, batch"),
        ("trainer.steps=many", "trainer.steps: .*found 'many'"),
        ("trainer.steps=0", "trainer.steps: .*greater than or equal to 1"),
        ("data.parts=[]", "data.parts: .*at least 1 item"),
        ("data.parts.4.weight=1", "no entry 4; it has 1"),
        ("model.name.first=1", "name is a value, not a section"),
        ("steps", "Expected a change as"),
        ("model.network=[1", "is not YAML"),
        ("model.name.first.second=1", "first stands in a value|is a value"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, change: str, message: str) -> None:
    with pytest.raises(TrainingError, match=message) as caught:
        read_recipe(write(tmp_path), [change])
    assert "\n" not in str(caught.value)


def test_a_source_that_needs_the_root_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, LEAST.replace("simulated:1-9", "swed:{root}"))
    with pytest.raises(TrainingError, match=r"pass --set data\.root=FOLDER"):
        read_recipe(path)
    assert read_recipe(path, ["data.root=/data/SWED"]).data.root == "/data/SWED"


@pytest.mark.parametrize("text", ["- 1\n", "", "a: [", "\x00"])
def test_what_is_no_recipe_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(TrainingError, match="recipe"):
        read_recipe(write(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"absent\.yaml"):
        read_recipe(tmp_path / "absent.yaml")


def test_all_settings_have_a_default_but_data_and_model() -> None:
    assert [name for name, field in Recipe.model_fields.items() if field.is_required()] == ["data", "model"]
