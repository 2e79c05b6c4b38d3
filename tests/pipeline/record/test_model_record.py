"""A model in the words of STAC's machine learning extension."""

from __future__ import annotations

import pytest

from models.card import ModelCard, Training
from pipeline.record.model_record import build_mlm_properties, build_model_asset

CARD = ModelCard(
    name="coast",
    version="2",
    description="A small network.",
    inputs=("B03", "B08", "X1"),
    resolution_m=(10.0, 60.0),
    mean=(0.1, 0.2, 0.3),
    std=(0.05, 0.06, 0.07),
    probability_rmse=0.1,
    licence="MIT",
    training=Training(data="simulated coasts", script="train", seed=1, steps=10, minutes=1.0),
)

SOFTWARE = {"OpenVINO": "2025.1", "numpy": "2"}


def test_inputs_are_named_scaled_and_tied_to_wavelengths_where_they_are_known() -> None:
    properties = build_mlm_properties(CARD, {}, SOFTWARE)
    (described,) = properties["mlm:input"]
    assert described["bands"] == ["B03", "B08", "X1"]
    assert described["input"]["shape"] == [-1, 3, -1, -1]
    assert described["value_scaling"][2] == {"type": "z-score", "mean": 0.3, "stddev": 0.07}
    assert properties["bands"] == [
        {"name": "B03", "eo:center_wavelength": 0.5598},
        {"name": "B08", "eo:center_wavelength": 0.8328},
        {"name": "X1"},
    ]


def test_classes_are_numbered_from_0_in_words_without_spaces() -> None:
    (described,) = build_mlm_properties(CARD, {}, SOFTWARE)["mlm:output"]
    classes = described["classification:classes"]
    assert [entry["value"] for entry in classes] == list(range(len(CARD.classes)))
    assert not any(" " in entry["name"] for entry in classes)
    assert [entry["description"] for entry in classes] == list(CARD.classes)
    assert described["result"]["shape"] == [-1, len(CARD.classes), -1, -1]


@pytest.mark.parametrize(
    ("hyperparameters", "architecture"),
    [
        ({}, "U-Net"),
        ({"architecture": "unet"}, "U-Net"),
        ({"architecture": "smp", "name": "Unet/resnet18"}, "smp:Unet/resnet18"),
        ({"architecture": "autoencoder"}, "Autoencoder"),
        ({"architecture": "other"}, "other"),
    ],
)
def test_the_architecture_is_the_one_that_ran(hyperparameters: dict[str, object], architecture: str) -> None:
    assert build_mlm_properties(CARD, hyperparameters, SOFTWARE)["mlm:architecture"] == architecture


def test_the_framework_is_the_one_that_ran() -> None:
    properties = build_mlm_properties(CARD, {}, SOFTWARE)
    assert (properties["mlm:framework"], properties["mlm:framework_version"]) == ("OpenVINO", "2025.1.0")
    assert not [name for name in build_mlm_properties(CARD, {}, {}) if "framework" in name]


@pytest.mark.parametrize(
    ("version", "stated"),
    [
        ("2.9.0", "2.9.0"),
        ("2.9.0+cu128", "2.9.0+cu128"),
        ("2.10", "2.10.0"),
        ("2.9.0a0+git12", "2.9.0"),
        ("7", "7.0.0"),
    ],
)
def test_the_version_is_a_semantic_one(version: str, stated: str) -> None:
    assert build_mlm_properties(CARD, {}, {"PyTorch": version})["mlm:framework_version"] == stated


def test_hyperparameters_are_values_that_json_can_hold() -> None:
    given = {"width": 16, "skips": True, "rate": 0.5, "none": None, "size": (3, 3)}
    stated = build_mlm_properties(CARD, given, SOFTWARE)["mlm:hyperparameters"]
    assert stated == {**given, "size": "(3, 3)"}


@pytest.mark.parametrize(
    ("source", "artifact"),
    [
        ("a.safetensors", "safetensors.torch.save_file"),
        ("a.onnx", "torch.onnx.export"),
        ("a.pt2", "torch.export.save"),
        ("a.unknown", "safetensors.torch.save_file"),
    ],
)
def test_the_file_says_how_it_was_written(source: str, artifact: str) -> None:
    asset = build_model_asset(CARD, source, "ab" * 32)
    assert (asset.href, asset.roles) == (source, ["mlm:model", "mlm:weights"])
    assert asset.extra_fields["mlm:artifact_type"] == artifact
    assert asset.extra_fields["file:checksum"] == "1220" + "ab" * 32
