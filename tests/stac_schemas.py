"""Whether STAC documents that commands write are valid, by the schemas of core and extensions, without a network.

The core schemas come with pystac; those of the extensions lie in ``../shared/schemas/<name>/<version>/schema.json``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pystac
import pytest
from jsonschema import Draft7Validator
from jsonschema.exceptions import best_match
from pystac.validation import validate_dict
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

SCHEMAS = Path(__file__).resolve().parents[2] / "shared" / "schemas"

_SITE = "https://stac-extensions.github.io/"
_NOT_HERE = {
    "classification/v2.0.0",
    "eo/v1.1.0",
    "grid/v1.1.0",
    "render/v2.0.0",
    "sat/v1.0.0",
    "version/v1.2.0",
    "view/v1.0.0",
}
"""Extensions whose schemas are not among them."""

_KINDS = {
    "Feature": pystac.STACObjectType.ITEM,
    "Collection": pystac.STACObjectType.COLLECTION,
    "Catalog": pystac.STACObjectType.CATALOG,
}


def require_valid(path: Path) -> dict[str, Any]:
    """Demand that a file is a valid item, collection or catalogue; gives it."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    faults = list(list_faults(document))
    assert not faults, f"{path}: {faults}"
    return document


def require_all_valid(folder: Path) -> list[str]:
    """Demand that all STAC below a folder is valid; gives the names of the files, sorted."""
    names = []
    for path in sorted(folder.rglob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(document, dict) and "stac_version" in document:
            require_valid(path)
            names.append(path.relative_to(folder).as_posix())
        elif isinstance(document, dict) and document.get("type") == "FeatureCollection":
            for item in document["features"]:
                assert not list(list_faults(item)), path
            names.append(path.relative_to(folder).as_posix())
    return names


def list_faults(document: dict[str, Any]) -> Iterator[str]:
    """What the schemas have against a document, one of each schema; skips the test where they are not here."""
    if not SCHEMAS.is_dir():
        pytest.skip("the schemas (../shared/schemas) are not here")
    validate_dict({**document, "stac_extensions": []}, stac_object_type=_KINDS[document["type"]])
    for uri in document.get("stac_extensions", []):
        name = uri.removeprefix(_SITE).removesuffix("/schema.json")
        if name in _NOT_HERE:
            continue
        fault = best_match(_make_validator(name).iter_errors(document))
        if fault is not None:
            yield f"{name}: {fault.json_path}: {fault.message[:300]}"


@cache
def _make_validator(name: str) -> Draft7Validator:
    schema = json.loads((SCHEMAS / name / "schema.json").read_text(encoding="utf-8"))
    return Draft7Validator(schema, registry=_make_registry())


@cache
def _make_registry() -> Registry[Any]:
    resources: list[tuple[str, Any]] = [
        (f"{_SITE}{path.parent.relative_to(SCHEMAS).as_posix()}/schema.json", json.loads(path.read_text()))
        for path in SCHEMAS.glob("*/*/schema.json")
    ]
    geometry = files("pystac.validation.jsonschemas").joinpath("geojson", "Geometry.json").read_text(encoding="utf-8")
    resources.append(("https://geojson.org/schema/Geometry.json", json.loads(geometry)))
    resources.append(("https://proj.org/schemas/v0.7/projjson.schema.json", {}))
    return Registry().with_resources(
        (uri, Resource.from_contents(content, default_specification=DRAFT7)) for uri, content in resources
    )
