"""Draw what Prefect shows of a watcher: the runs of three areas while one is under way, and why one of them failed.

    .venv/bin/python benchmarks/prefect_ui.py [docs/watch_ui.png]

One area's host does not answer. The browser may speak to this machine alone.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import Request, urlopen

from PIL import Image

WIDTH = 1400
HEIGHT = 1130
FAILED_HEIGHT = 925  # what comes after it is a traceback
MOST_BYTES = 400_000
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SERVE = """
import json, sys
from pathlib import Path
from pipeline.watch.areas.file import read_areas
from workflows.watcher.serve import serve
path = Path(sys.argv[1])
serve(path, read_areas(path), report=lambda event: print(json.dumps(event), flush=True))
"""
AREAS = [
    {"name": "nazare", "aoi": "-9.13,39.53,-9.03,39.64", "schedule": "2m"},
    {"name": "wadden", "aoi": "8.55,53.85,8.85,54.05", "schedule": "30 5 * * *", "time_zone": "Europe/Berlin"},
    {
        "name": "taveuni",
        "aoi": "179.85,-17.00,-179.80,-16.65",
        "schedule": "1m",
        "source": "http://127.0.0.1:9/stac",
    },
]

T = TypeVar("T")


def wait_for(check: Callable[[], T], *, seconds: float = 240) -> T:
    """Ask until the answer is true."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"Nothing came within {seconds:.0f} s.")
        time.sleep(0.2)
    return found


def read_events(log: Path) -> list[dict[str, Any]]:
    """What the watcher has said so far."""
    return [json.loads(line) for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]


def list_runs(ui: str, state: str) -> list[dict[str, Any]]:
    """Runs in a state, the latest first."""
    body = {"sort": "START_TIME_DESC", "limit": 50, "flow_runs": {"state": {"type": {"any_": [state]}}}}
    request = Request(  # noqa: S310 (our own server)
        f"{ui}/api/flow_runs/filter", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urlopen(request, timeout=30) as answer:  # noqa: S310
        found: list[dict[str, Any]] = json.load(answer)
    return found


def take_pictures(ui: str) -> list[Image.Image]:
    """The page of all runs while one is under way, and the page of one that failed."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        strangers: set[str] = set()

        def decide(route: Any) -> None:  # noqa: ANN401 (of Playwright)
            if route.request.url.startswith((ui, "data:", "blob:")):
                route.continue_()
                return
            strangers.add(route.request.url)
            route.abort()

        page.route("**/*", decide)
        (failed, *_) = wait_for(lambda: list_runs(ui, "FAILED"))
        wait_for(lambda: list_runs(ui, "RUNNING"))
        pictures = []
        for path, text, height in (
            ("runs", "taveuni", HEIGHT),
            (f"runs/flow-run/{failed['id']}", "Could not search", FAILED_HEIGHT),
        ):
            page.goto(f"{ui}/{path}")
            page.get_by_text(text).first.wait_for(timeout=60_000)
            page.wait_for_timeout(3_000)  # graphs are drawn after the text
            whole = Image.open(io.BytesIO(page.screenshot()))
            pictures.append(whole.crop((0, 0, WIDTH, height)))
        browser.close()
    print(f"Asked for and refused: {', '.join(sorted(strangers)) or 'nothing'}")
    return pictures


def write_picture(pictures: list[Image.Image], out: Path) -> None:
    """Put pictures under one another, in as many colours as fit."""
    whole = Image.new("RGB", (WIDTH, sum(picture.height for picture in pictures) + 12 * (len(pictures) - 1)), "#888")
    top = 0
    for picture in pictures:
        whole.paste(picture.convert("RGB"), (0, top))
        top += picture.height + 12
    for colours in (256, 128, 64, 32):
        buffer = io.BytesIO()
        whole.quantize(colours, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
        if buffer.tell() <= MOST_BYTES:
            break
    part = out.with_suffix(".part")
    part.write_bytes(buffer.getvalue())
    part.replace(out)
    print(f"{out}: {whole.width} × {whole.height} px, {colours} colours, {buffer.tell() / 1000:.0f} kB")


def main() -> None:
    """Run a watcher for some two minutes, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", nargs="?", type=Path, default=Path("docs/watch_ui.png"))
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "items.json").write_text('{"type": "FeatureCollection", "features": []}')
        path = folder / "areas.yaml"
        path.write_text(json.dumps({"defaults": {"source": "items.json"}, "areas": AREAS, "limits": {"keep_free": 0}}))
        log = folder / "events.jsonl"
        environment = {**os.environ, "PREFECT_RUNNER_POLL_FREQUENCY": "2"}
        with log.open("wb") as events:
            watcher = subprocess.Popen([sys.executable, "-c", SERVE, str(path)], stdout=events, env=environment)
        try:
            wait_for(lambda: any(event["event"] == "watching" for event in read_events(log)))
            ui = next(event["ui"] for event in read_events(log) if event["event"] == "watching")
            pictures = take_pictures(ui)
        finally:
            watcher.send_signal(signal.SIGINT)
            watcher.wait(120)
    write_picture(pictures, out)


if __name__ == "__main__":
    main()
