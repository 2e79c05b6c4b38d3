"""What is exported answers as the model does, for any batch and size, and nothing else gets the name."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from models.errors import DeviceError, ExportError, ModelFileError, ModelInputError
from models.networks.checkpoint import Model
from models.networks.unet import UNetConfig
from models.runtimes import export
from models.runtimes.export import PARITY, ExportFormat, export_model
from models.runtimes.exported import EXPORT_KEY
from models.runtimes.predictor import Predictor
from models.runtimes.pt2_archive import HEADER_NAME
from models.runtimes.registry import resolve_card
from models.runtimes.resolve import resolve_predictor
from models.runtimes.torch_predictor import Runtime

FORMATS: tuple[ExportFormat, ...] = ("onnx", "pt2")


@pytest.fixture(scope="module")
def predictors(exported: dict[str, Path]) -> dict[str, Predictor]:
    return {kind: resolve_predictor(str(path), device="cpu") for kind, path in exported.items()}


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(copies=st.integers(1, 3), rows=st.integers(2, 30), cols=st.integers(2, 30), seed=st.integers(0, 99))
def test_it_answers_as_the_model_does(
    small: Model, predictors: dict[str, Predictor], kind: str, copies: int, rows: int, cols: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    batch = rng.normal(0.15, 0.2, (copies, 3, 2 * rows, 2 * cols)).astype(np.float32)
    batch[rng.random(batch.shape) < 0.05] = np.nan
    batch[rng.random(batch.shape) < 0.02] = np.inf
    expected = Runtime(small, device="cpu", precision="fp32").predict(batch)
    answer = predictors[kind].predict(batch)
    assert (answer.shape, answer.dtype) == (expected.shape, np.float32)
    np.testing.assert_allclose(answer, expected, atol=PARITY)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_card_travels_inside(small: Model, exported: dict[str, Path], kind: str) -> None:
    runtime = Runtime(small, device="cpu", precision="fp32")
    predictor = resolve_predictor(str(exported[kind]), device="cpu")
    assert resolve_card(str(exported[kind])) == predictor.card == small.card
    assert (predictor.stride, predictor.reach_px) == (runtime.stride, runtime.reach_px)
    assert predictor.hyperparameters == runtime.hyperparameters
    np.testing.assert_array_equal(predictor.fill, runtime.fill)
    assert predictor.description.startswith("tiny 1, ")


@pytest.mark.parametrize("kind", FORMATS)
def test_some_bands_alone(small: Model, tmp_path: Path, kind: ExportFormat) -> None:
    card = small.card.model_copy(update={"required_inputs": (("C0",), ("C1", "C2"))})
    model = Model(network=small.network, card=card, source=small.source, sha256=small.sha256)
    export_model(model, tmp_path / f"some.{kind}", format=kind, inputs=("C0", "C2"))
    predictor = resolve_predictor(str(tmp_path / f"some.{kind}"), inputs=("C0", "C2"), device="cpu")
    assert (predictor.card.inputs, predictor.card.required_inputs) == (("C0", "C2"), ())
    batch = np.random.default_rng(1).normal(0.15, 0.2, (1, 2, 20, 30)).astype(np.float32)
    expected = Runtime(model, device="cpu", precision="fp32", channels=(0, 2)).predict(batch)
    np.testing.assert_allclose(predictor.predict(batch), expected, atol=PARITY)
    with pytest.raises(ModelInputError, match=r"--bands C0,C1,C2"):
        resolve_predictor(str(tmp_path / f"some.{kind}"), inputs=("C0", "C1", "C2"))
    with pytest.raises(ModelInputError, match="cannot do without C1/C2"):
        export_model(model, tmp_path / f"none.{kind}", format=kind, inputs=("C0",))


CONFIGS: dict[ExportFormat, UNetConfig] = {
    "pt2": UNetConfig(in_channels=2, depth=1, width=4, upsampling="bilinear", activation="gelu", norm="none"),
    "onnx": UNetConfig(in_channels=2, depth=2, width=4, norm="group", skips=False, classes=3),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_other_shapes_of_network(make_model: Callable[[UNetConfig], Model], tmp_path: Path, kind: ExportFormat) -> None:
    model = make_model(CONFIGS[kind])
    assert export_model(model, tmp_path / f"m.{kind}", format=kind) <= PARITY
    assert resolve_predictor(str(tmp_path / f"m.{kind}")).reach_px == Runtime(model, device="cpu").reach_px


def test_an_export_that_answers_otherwise_gets_no_name(
    small: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wrong(export.WaterProbability):
        def forward(self, reflectance: torch.Tensor) -> torch.Tensor:
            return super().forward(reflectance) + 3e-4

    monkeypatch.setattr(export, "WaterProbability", Wrong)
    with pytest.raises(ExportError, match=r"difference of 0\.0003"):
        export_model(small, tmp_path / "m.pt2", format="pt2")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_traced_is_one_line(small: Model, tmp_path: Path) -> None:
    class Fickle(nn.Module):
        config = small.network.config

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image[:, :2] if float(image.mean()) > 0 else image[:, 1:]

    model = Model(network=Fickle(), card=small.card, source="", sha256="")  # type: ignore[arg-type]
    with pytest.raises(ExportError, match="cannot be exported") as caught:
        export_model(model, tmp_path / "m.onnx", format="onnx")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "kind"), [("m.pt2", "onnx"), ("m", "onnx"), ("m.tflite", "tflite")])
def test_the_ending_names_the_format(small: Model, tmp_path: Path, name: str, kind: ExportFormat) -> None:
    with pytest.raises(ExportError, match="Expected"):
        export_model(small, tmp_path / name, format=kind)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 2, 16, 16), (1, 3, 16, 15), (1, 3, 2, 16)])
def test_a_batch_that_does_not_fit_is_refused(
    predictors: dict[str, Predictor], kind: str, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ModelInputError, match="expected a batch"):
        predictors[kind].predict(np.zeros(shape, np.float32))


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_not_ours_is_one_line(exported: dict[str, Path], tmp_path: Path, kind: str) -> None:
    damaged = {"empty": b"", "cut": exported[kind].read_bytes()[:900], "letter": b"dear analyst"}
    for name, data in damaged.items():
        path = tmp_path / f"{name}.{kind}"
        path.write_bytes(data)
        with pytest.raises(ModelFileError, match=f"{name}.{kind}") as caught:
            resolve_predictor(str(path))
        assert "\n" not in str(caught.value)
    with pytest.raises(ModelFileError, match=r"none to read|No such file"):
        resolve_predictor(str(tmp_path / f"missing.{kind}"))
    with pytest.raises(DeviceError, match="bf16 was asked for"):
        resolve_predictor(str(exported[kind]), precision="bf16")


def test_a_foreign_onnx_has_no_card(exported: dict[str, Path], tmp_path: Path) -> None:
    model = onnx.load(exported["onnx"])
    (entry,) = [entry for entry in model.metadata_props if entry.key == EXPORT_KEY]
    header = json.loads(entry.value)
    entry.value = json.dumps(header | {"card": header["card"] | {"inputs": ["C0", "C1"]}})
    onnx.save(model, tmp_path / "broken.onnx")
    with pytest.raises(ModelFileError, match=r"card .* is not valid"):
        resolve_predictor(str(tmp_path / "broken.onnx"))
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    with pytest.raises(ModelFileError, match="strandline export-model") as caught:
        resolve_predictor(str(tmp_path / "foreign.onnx"))
    assert "\n" not in str(caught.value)


def rewrite(source: Path, target: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    """A copy of an archive in which one entry (made where it is not there) is changed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        root = old.namelist()[0].partition("/")[0]
        entries = {entry: old.read(entry) for entry in old.namelist()}
        entries[f"{root}/{name}"] = change(entries.get(f"{root}/{name}", b""))
        for entry, data in entries.items():
            new.writestr(entry, data)


def edit(found: str, put: str) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        assert found.encode() in data
        return data.replace(found.encode(), put.encode(), 1)

    return change


ATTACKS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "a library to load": ("data/aotinductor/model/code.so", lambda _: b"\x7fELF"),
    "a pickled constant": ("data/constants/custom_obj_0", lambda _: b"\x80\x04"),
    "a pickled weight": ("data/weights/model_weights_config.json", edit('"use_pickle": false', '"use_pickle": true')),
    "a pickled sample": ("data/sample_inputs/model.pt", lambda _: b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R."),
    "a function of another library": ("models/model.json", edit("torch.ops.aten.conv2d.default", "torch.hub.load")),
    "a text to evaluate": ("models/model.json", edit("Symbol('s", "__import__('os').system('id')+Symbol('s")),
    "a guard to compile": ("models/model.json", edit('"guards_code": []', '"guards_code": ["print(1)"]')),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_program_with_code_is_not_loaded(exported: dict[str, Path], tmp_path: Path, attack: str) -> None:
    name, change = ATTACKS[attack]
    path = tmp_path / "evil.pt2"
    rewrite(exported["pt2"], path, name, change)
    with pytest.raises(ModelFileError, match=r"evil\.pt2"):
        resolve_predictor(str(path))


def test_no_place_on_this_machine_is_in_the_file(exported: dict[str, Path]) -> None:
    here = str(Path(export.__file__).parent).encode()
    with zipfile.ZipFile(exported["pt2"]) as archive:
        assert any(name.endswith(HEADER_NAME) for name in archive.namelist())
        assert not any(here in archive.read(name) for name in archive.namelist())
    assert here not in exported["onnx"].read_bytes()
