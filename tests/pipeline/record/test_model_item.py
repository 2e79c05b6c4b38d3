"""The STAC Item of a model: valid, readable by pystac, and the same each time."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pystac
import pytest
from pystac.extensions.file import FileExtension
from pystac.extensions.mlm import MLMExtension
from pystac.validation import validate_dict

from models.networks.checkpoint import read_model
from models.runtimes.registry import list_models, resolve_path
from pipeline.errors import OutputError
from pipeline.record.links import locate_file
from pipeline.record.model_item import write_model_item
from tests.pipeline.tiny_models import write_model
from tests.stac_schemas import require_valid
from tiles.bands import L2A_STACK


def test_the_item_says_what_the_model_is(tmp_path: Path) -> None:
    model = read_model(write_model(tmp_path / "tiny.safetensors"))
    path = write_model_item(model, tmp_path / "tiny.json", torch_version="2.9")
    first = path.read_bytes()
    assert write_model_item(model, path, torch_version="2.9").read_bytes() == first
    values = json.loads(first)
    # The core schemas come with pystac; those of the extensions are only on the network.
    assert validate_dict(values | {"stac_extensions": []}, stac_object_type=pystac.STACObjectType.ITEM)
    item = pystac.Item.from_file(str(path))
    fields = MLMExtension.ext(item)
    assert (fields.mlm_name, fields.architecture, fields.framework) == ("tiny", "U-Net", "PyTorch")
    assert fields.total_parameters == sum(tensor.numel() for tensor in model.network.parameters())
    assert fields.input[0].bands == list(L2A_STACK)
    assert fields.hyperparameters is not None
    assert item.properties["strandline:required_inputs"] == [["B03"], ["B08", "B8A"]]
    # A model for any place and day, which needs no accelerator.
    assert item.properties["mlm:accelerator_constrained"] is False
    assert item.bbox == [-180, -90, 180, 90]
    assert item.geometry is not None
    assert item.geometry["coordinates"] == [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]]
    interval = [item.properties[name] for name in ("start_datetime", "end_datetime")]
    assert interval == ["2015-06-23T00:00:00Z", "9999-12-31T23:59:59Z"]
    weights = (path.parent / item.assets["model"].href).read_bytes()
    asset = FileExtension.ext(item.assets["model"])
    assert (asset.size, asset.checksum) == (len(weights), "1220" + hashlib.sha256(weights).hexdigest())
    assert str(tmp_path) not in first.decode()
    require_valid(path)


def test_an_item_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    model = read_model(write_model(tmp_path / "tiny.safetensors"))
    with pytest.raises(OutputError, match=r"Could not write .*nowhere"):
        write_model_item(model, tmp_path / "nowhere" / "tiny.json", torch_version="2.9")


def test_the_items_of_the_bundled_models_are_valid_and_name_their_weights() -> None:
    for card in list_models():
        path = resolve_path(card.name).with_suffix(".json")
        item = require_valid(path)
        assert locate_file(item["assets"]["model"]["href"], path.parent) == resolve_path(card.name)
