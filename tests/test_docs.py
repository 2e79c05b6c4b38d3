"""The documentation builds strictly, all of it is in the navigation, its links lead somewhere, nothing is fetched."""

from __future__ import annotations

import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from docs.build_site import MOVED, build_site

ROOT = Path(__file__).resolve().parents[1]
LONGEST_README = 130


class Links(HTMLParser):
    """What a page refers to, and what can be referred to in it."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.leads: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.anchors |= {value for value in (said.get("id"), said.get("name")) if value}
        if tag == "a" and said.get("href"):
            self.leads.append(said["href"] or "")
        elif said.get("src") or (tag == "link" and said.get("href")):
            self.loads.append(said.get("src") or said.get("href") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site(tmp_path_factory.mktemp("documentation"))


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Links]:
    return {page: Links(page) for page in site.glob("*.html") if page.name != "404.html"}


def list_navigation(entry: object) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    inner = entry.values() if isinstance(entry, dict) else entry
    assert isinstance(inner, list) or isinstance(entry, dict)
    return [name for part in inner for name in list_navigation(part)]


def test_every_page_is_in_the_navigation_once() -> None:
    config = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))
    names = sorted(list_navigation(config["project"]["nav"]))
    written = {path.name for path in (ROOT / "docs").glob("*.md")}
    moved = {target for target in MOVED.values() if target.endswith(".md")}
    assert names == sorted(written | moved | {"commands.md", "fields.md"}), "zensical.toml has the navigation"


def test_links_and_pictures_are_there(site: Path, pages: dict[Path, Links]) -> None:
    wrong = []
    for page, links in pages.items():
        for link in links.leads + links.loads:
            target, anchor = urldefrag(unquote(link))
            if re.match(r"[a-z]+:", target):
                continue
            path = (page.parent / target).resolve() if target else page
            known = pages.get(path)
            if not path.exists() or (anchor and known and anchor not in known.anchors):
                wrong.append(f"{page.relative_to(site)}: {link}")
    assert wrong == []


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, Links]) -> None:
    assert len(pages) > 20
    assert [load for links in pages.values() for load in links.loads if re.match(r"(https?:)?//", load)] == []


def test_every_command_and_name_of_the_public_face_is_described(site: Path) -> None:
    import strandline
    from workflows.cli import app

    commands = (site / "commands.html").read_text(encoding="utf-8")
    names = [command.name for command in app.registered_commands]
    assert [name for name in names if f">strandline {name}<" not in commands] == []
    python = Links(site / "python.html").anchors
    described = {anchor.rpartition(".")[2] for anchor in python}
    assert set(strandline.__all__) - described == {"__version__"}


def test_pages_open_from_the_disk_and_can_be_searched(site: Path, chromium: str) -> None:
    from playwright.sync_api import sync_playwright

    heard: list[str] = []
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for width in (1300, 390):
            page = browser.new_page(viewport={"width": width, "height": 800})
            page.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
            page.on("request", lambda asked: heard.append(asked.url) if asked.url.startswith("http") else None)
            for name in ("index", "commands", "compare"):
                page.goto((site / f"{name}.html").as_uri())
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name}, {width} px wide"
        page.set_viewport_size({"width": 1300, "height": 800})
        page.goto((site / "index.html").as_uri())
        page.keyboard.press("Control+k")
        page.keyboard.type("antimeridian")
        page.get_by_text("strandline search").first.wait_for()
        browser.close()
    assert heard == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_of_the_root_lead_to_files(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)", text) if not link.startswith("http")]
    assert [link for link in links if link and not (ROOT / link).exists()] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST_README


def test_no_figure_is_in_the_repository_twice() -> None:
    figures = [path for path in (ROOT / "docs").rglob("*") if path.suffix in {".png", ".jpg", ".svg"}]
    seen: dict[bytes, Path] = {}
    for path in figures:
        assert seen.setdefault(path.read_bytes(), path) == path
    written = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    assert [path.name for path in figures if path.name not in written] == []
