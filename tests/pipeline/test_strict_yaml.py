"""What is wrong in a YAML file is said in one line: where, what was meant, and no secret."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from models.errors import TrainingError
from pipeline.errors import AreasError
from pipeline.strict_yaml import explain, read_yaml


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Hook(Strict):
    kind: Literal["hook"]
    address: str
    headers: dict[str, int] = {}


class Mail(Strict):
    kind: Literal["mail"]
    sender: str


class Limits(Strict):
    cloud: Annotated[float, Field(ge=0, le=1)] = 0.5
    coverage: float = 0.1


class Areas(Strict):
    name: Annotated[str, Field(min_length=2)] = "coast"
    limits: Limits = Limits()
    channels: Annotated[tuple[Annotated[Hook | Mail, Field(discriminator="kind")], ...], Field(min_length=1)] = (
        Mail(kind="mail", sender="a"),
    )

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if name == "sea":
            raise ValueError("expected land,\n found 'sea'.")
        return name


def describe(values: object, *, secret: set[str] | None = None) -> str:
    """What is said of values that do not fit."""
    with pytest.raises(ValidationError) as caught:
        Areas.model_validate(values)
    return explain(caught.value, Areas, secret=secret)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"limts": {}}, "there is no setting limts (did you mean limits?)."),
        ({"qqq": 1}, "there is no setting qqq (known here: name, limits, channels)."),
        ({"limits": {"clouds": 1}}, "there is no setting limits.clouds (did you mean cloud?)."),
        ({"limits": {"name": 1}}, "there is no setting limits.name (known here: cloud, coverage)."),
        (
            {"channels": [{"kind": "mail", "sender": "a", "sendr": "b"}]},
            "there is no setting channels.0.mail.sendr (did you mean sender?).",
        ),
        (
            {"channels": [{"kind": "mail", "sender": "a", "addres": "b"}]},
            "there is no setting channels.0.mail.addres (known here: kind, sender).",
        ),
        (
            {"channels": [{"kind": "hook", "address": "a", "qqq": "b"}]},
            "there is no setting channels.0.hook.qqq (known here: kind, address, headers).",
        ),
        ({"channels": [{"kind": "mail"}]}, "channels.0.mail.sender is missing."),
        ({"limits": {"cloud": 2}}, "limits.cloud: Input should be less than or equal to 1, found 2."),
        ({"name": "sea"}, "name: expected land, found 'sea'."),
        (
            {"name": "c", "limits": {"cloud": -1}},
            "name: String should have at least 2 characters, found 'c'; "
            "limits.cloud: Input should be greater than or equal to 0, found -1.",
        ),
        ([], "it: Input should be a valid dictionary or instance of Areas, found []."),
    ],
)
def test_what_is_wrong_is_said_in_one_line(values: object, line: str) -> None:
    assert describe(values) == line


def test_an_empty_list_is_said_only_where_nothing_in_it_is_wrong() -> None:
    assert describe({"channels": []}).startswith("channels: Tuple should have at least 1 item after validation")
    assert describe({"channels": [{"kind": "mail"}], "name": "c"}) == (
        "name: String should have at least 2 characters, found 'c'; channels.0.mail.sender is missing."
    )
    assert "channels" not in describe({"name": "c"})
    assert describe({"channels": [], "limits": {"cloud": 2}}).count(";") == 1


@pytest.mark.parametrize("size", [78, 79])
def test_a_long_value_is_cut_at_eighty_characters(size: int) -> None:
    value = "x" * size
    shown = f"'{value}'" if size == 78 else f"'{value[:76]}..."
    assert len(shown) == 80
    assert describe({"limits": {"cloud": value}}).endswith(f", found {shown}.")


@pytest.mark.parametrize(
    ("values", "hides"),
    [
        ({"limits": {"cloud": "s3cret"}}, True),
        ({"limits": {"coverage": "s3cret"}}, False),
        ({"limits": ["s3cret"]}, True),
        ({"limits": {"coverage": {"a": "s3cret"}}}, True),
        ({"channels": [{"kind": "hook", "address": "a", "headers": {"cloud": "s3cret"}}]}, True),
        ({"channels": [{"kind": "hook", "address": "a", "headers": {"page": "s3cret"}}]}, False),
    ],
)
def test_values_of_secret_settings_and_whole_sections_are_not_shown(values: object, hides: bool) -> None:
    assert ("s3cret" not in describe(values, secret={"cloud"})) is hides
    assert "s3cret" in describe(values)


def write(folder: Path, text: str) -> Path:
    path = folder / "file.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_keys_and_values_are_read(tmp_path: Path) -> None:
    text = "base: &b {a: 1}\nother: {<<: *b, c: [1, é]}\n? [x]\n: odd\n? [x, y]\n: odd\n"
    with pytest.raises(TrainingError):
        read_yaml(write(tmp_path, text))  # a list is no key
    assert read_yaml(write(tmp_path, "base: &b {a: 1}\nother: {<<: *b, c: [1, é]}\n")) == {
        "base": {"a": 1},
        "other": {"a": 1, "c": [1, "é"]},
    }
    two = "a: &a {x: 1}\nb: &b {y: 2}\nc:\n  <<: *a\n  <<: *b\n"
    assert read_yaml(write(tmp_path, two))["c"].keys() == {"x", "y"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", r"^Expected a recipe with keys, found something else in .*file\.yaml\.$"),
        ("", r"^Expected a recipe with keys, found something else in .*file\.yaml\.$"),
        ("a: 1\nb: {c: 1, c: 2}\n", r"^The recipe .* is not YAML: the key c stands twice in .*line 2, column 11"),
        ("a: 1\na: 1\n", "the key a stands twice"),
        ("a: [1,\n", r"^The recipe .* is not YAML: while parsing a flow node expected the node content"),
    ],
)
def test_what_is_no_recipe_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TrainingError, match=message) as caught:
        read_yaml(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_one_that_is_no_text_are_said(tmp_path: Path) -> None:
    with pytest.raises(
        AreasError, match=r"^Expected a file of areas at .*none\.yaml, found none to read: No such file"
    ):
        read_yaml(tmp_path / "none.yaml", noun="file of areas", error_type=AreasError)
    path = tmp_path / "photo.yaml"
    path.write_bytes(b"\xff\xd8")
    with pytest.raises(TrainingError, match=r"is not YAML: it cannot be read as text\.$"):
        read_yaml(path, quote=False)
    with pytest.raises(TrainingError, match="is not YAML: 'utf-8' codec can't decode"):
        read_yaml(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("password: hunter2\nhunter2: 1\nhunter2: 2\n", "the key hunter2 stands twice (line 3, column 1)"),
        ("a: *hunter2\n", "found undefined alias '...' (line 1, column 4)"),
        ("a: *ab\n", "found undefined alias 'ab' (line 1, column 4)"),
        ("a: *abc\n", "found undefined alias '...' (line 1, column 4)"),
        ("a: [hunter2\n", "expected ',' or ']', but got '<stream end>' (line 2, column 1)"),
        ("a: @hunter2\n", "found character '@' that cannot start any token (line 1, column 4)"),
        ("a: !hunter2 x\n", "could not determine a constructor for the tag '...' (line 1, column 4)"),
    ],
)
def test_where_passwords_may_stand_the_place_is_named_and_not_quoted(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(TrainingError) as caught:
        read_yaml(write(tmp_path, text), quote=False)
    assert str(caught.value).endswith(f"is not YAML: {reason}.")
    assert caught.value.__cause__ is None
    with pytest.raises(TrainingError, match=r'in "<unicode string>", line ') as caught:
        read_yaml(write(tmp_path, text))
    assert caught.value.__cause__ is not None
