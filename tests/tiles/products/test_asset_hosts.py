from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from tests.tiles.products.small_products import dark_water, write_item, write_raster
from tiles.bands import L2A_STACK
from tiles.errors import SceneError
from tiles.products.asset_hosts import require_access, resolve_remote, strip_credentials
from tiles.products.hrefs import resolve_href
from tiles.products.open import open_scene

BLOB = "https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/32/U/B02.tif"
SECRET = "st=2024&se=2025&sp=rl&sv=2022&sr=c&skoid=x&sktid=y&skt=z&ske=w&sks=b&skv=v&sig=TOPSECRET"  # noqa: S105 (of no host)


@dataclass(slots=True)
class Signer:
    """A host that gives files to who brings a signature, and signatures to who asks, as Planetary Computer does."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)


@pytest.fixture
def signer() -> Iterator[Signer]:
    host = Signer()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            host.seen.append(self.path)
            name, _, query = self.path.partition("?")
            if name.startswith("/token/"):
                body = json.dumps({"token": "sig=TOPSECRET", "msft:expiry": "2099-01-01T00:00:00Z"}).encode()
            elif name in host.files and "sig=TOPSECRET" in query:
                body = host.files[name]
            else:
                self.send_error(404 if query else 403)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield host
    server.shutdown()
    server.server_close()
    thread.join()


def test_gdal_signs_what_it_opens(signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_raster(tmp_path / "B02.tif", np.full((1, 4, 4), 7, dtype=np.uint16))
    signer.files["/B02.tif"] = path.read_bytes()
    monkeypatch.setattr("tiles.products.asset_hosts._PLANETARY_COMPUTER", ("127.0.0.1",))
    opened = resolve_remote(f"{signer.url}/B02.tif", collection="sentinel-2-l2a")
    with (
        rasterio.Env(VSICURL_PC_SAS_TOKEN_URL=f"{signer.url}/token/", GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"),
        rasterio.open(opened) as dataset,
    ):
        assert (dataset.read() == 7).all()
    assert "/token/sentinel-2-l2a" in signer.seen
    assert "sig" not in opened.replace("pc_url_signing", "")


def test_signed_scene_is_recorded_unsigned(signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in L2A_STACK:
        signer.files[f"/{name}.tif"] = write_raster(tmp_path / f"{name}.tif", dark_water((1, 40, 40))).read_bytes()
    monkeypatch.setattr("tiles.products.asset_hosts._PLANETARY_COMPUTER", ("127.0.0.1",))
    # GDAL reads its configuration from the environment: a host that stands in for Planetary Computer's.
    monkeypatch.setenv("VSICURL_PC_SAS_TOKEN_URL", f"{signer.url}/token/")
    files = set()
    for query in ("", f"?{SECRET}", f"?{SECRET.replace('2025', '2026')}"):
        assets = {name: {"href": f"{signer.url}/{name}.tif{query}"} for name in L2A_STACK}
        folder = tmp_path / f"item{len(query)}"
        item = write_item(folder / "item.json", assets=assets, **{"s2:processing_baseline": "05.11"})
        content = json.loads(item.read_text()) | {"collection": "sentinel-2-l2a"}
        item.write_text(json.dumps(content))
        scene = open_scene(item)
        assert len(scene.bands) == 12
        files.add(tuple(name for name in scene.files if name.startswith("/vsi")))
    assert len(files) == 1, "the record does not hang on the signature"
    assert "TOPSECRET" not in repr(files)


@pytest.mark.parametrize("query", ["", f"?{SECRET}"])
def test_path_of_planetary_computer(query: str) -> None:
    named = resolve_href(BLOB + query, source="/x/item.json", collection="sentinel-2-l2a")
    url = "https%3A%2F%2Fsentinel2l2a01.blob.core.windows.net%2Fsentinel2-l2%2F32%2FU%2FB02.tif"
    assert named == f"/vsicurl?pc_url_signing=yes&pc_collection=sentinel-2-l2a&url={url}"
    assert resolve_href(BLOB + query, source="https://x/item.json") == f"/vsicurl?pc_url_signing=yes&url={url}"


@pytest.mark.parametrize(
    ("href", "bare"),
    [
        (f"{BLOB}?{SECRET}", BLOB),
        ("https://u:p@host:80/a.tif", "https://host:80/a.tif"),
        ("https://host/a.tif?v=2&X-Amz-Signature=1&X-Amz-Date=2", "https://host/a.tif?v=2"),
        ("https://host/a.tif?token=1", "https://host/a.tif"),
        ("/vsicurl/https://host/a.tif?access_token=1", "/vsicurl/https://host/a.tif"),
        ("s3://bucket/a.jp2", "s3://bucket/a.jp2"),
    ],
)
def test_credentials_are_taken_off(href: str, bare: str) -> None:
    assert strip_credentials(href) == bare
    assert strip_credentials(bare) == bare


@given(st.sampled_from(["/data/a b.tif", "B02.tif", "/vsizip/a.zip/b.tif"]), st.text("st=&?é/%", max_size=8))
def test_what_is_no_url_stays(path: str, tail: str) -> None:
    assert strip_credentials(path + tail) == path + tail


@given(st.text("stvp=&%2Fé+", max_size=20))
def test_query_without_secrets_stays_letter_by_letter(query: str) -> None:
    href = f"https://host/a.tif?{query}" if query else "https://host/a.tif"
    assert strip_credentials(href) == href


def test_copernicus_asks_for_its_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("AWS_S3_ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    path = resolve_href("s3://eodata/Sentinel-2/MSI/L2A/x.jp2", source="/x/item.json")
    with pytest.raises(SceneError, match="set AWS_S3_ENDPOINT, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY in the env"):
        require_access(path)
    monkeypatch.setenv("AWS_PROFILE", "copernicus")
    with pytest.raises(SceneError, match=r"set AWS_S3_ENDPOINT in the environment .*eodata\.dataspace"):
        require_access(path)
    monkeypatch.setenv("AWS_S3_ENDPOINT", "eodata.dataspace.copernicus.eu")
    require_access(path)
    require_access("/vsis3/sentinel-cogs/x.tif")


def test_item_of_copernicus_without_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_S3_ENDPOINT", raising=False)
    assets = {f"{name}_10m": {"href": f"s3://eodata/x/{name}_10m.jp2"} for name in ("B02", "B03")}
    with pytest.raises(SceneError, match="AWS_S3_ENDPOINT") as caught:
        open_scene(write_item(tmp_path / "item.json", assets=assets))
    assert "\n" not in str(caught.value)
