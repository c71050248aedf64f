"""Print how fast pages of the built site come up: transferred bytes, largest paint, layout shift.

    python benchmarks/site.py [--site _build/html] [--lighthouse FOLDER] [PAGE ...]

The site is served here, compressed as web servers do. Each page is loaded into an empty cache of
the browser of the site tests, with a processor four times slower than this one. FOLDER, made by
``npm install lighthouse`` outside the project, adds Lighthouse's scores, for phone and desktop.
"""

import argparse
import gzip
import json
import os
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import sync_playwright

from iclbook.columns import table
from tools.browser import find, flags
from tools.repository import ROOT

PAGES = ["book/intro", "book/dual/softmax", "book/gpt/the-table", "book/records", "book/how-to-run"]
COMPRESSED = {".html", ".css", ".js", ".svg", ".json", ".txt", ".xml"}
VIEWS = {
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
    "desktop": {"viewport": {"width": 1280, "height": 900}},
}
SLOWER = 4
WATCH = """(() => {
    window.largest = window.shift = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((e) => { largest = e.startTime; }))
        .observe({ type: "largest-contentful-paint", buffered: true });
    new PerformanceObserver((list) => list.getEntries().forEach(
        (e) => { if (!e.hadRecentInput) shift += e.value; }
    )).observe({ type: "layout-shift", buffered: true });
})()"""
TRANSFERRED = """performance.getEntries()
    .reduce((sum, entry) => sum + (entry.transferSize || 0), 0)"""
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")


class Compressing(SimpleHTTPRequestHandler):
    """A server of files that compresses texts."""

    def do_GET(self):
        """Send a file, compressed if it is a text."""
        path = Path(self.translate_path(self.path))
        if path.suffix not in COMPRESSED or not path.is_file():
            super().do_GET()
            return
        body = gzip.compress(path.read_bytes())
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Say nothing."""


def load(browser, address, view):
    """Return kilobytes transferred, seconds to the largest paint, and layout shift of a page."""
    context = browser.new_context(**VIEWS[view])
    page = context.new_page()
    page.add_init_script(WATCH)
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.goto(address, wait_until="load")
    page.wait_for_timeout(1500)
    found = page.evaluate(f"[{TRANSFERRED} / 1000, largest / 1000, shift]")
    context.close()
    return found


def lighthouse(folder, program, address, view):
    """Return Lighthouse's scores of a page, its largest paint in seconds and its layout shift."""
    command = [
        folder / "node_modules" / ".bin" / "lighthouse",
        address,
        "--quiet",
        "--output=json",
        f"--chrome-flags={' '.join(['--headless=new', *flags()])}",
        *(["--preset=desktop"] if view == "desktop" else []),
    ]
    environment = os.environ | {"CHROME_PATH": program}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    scores = [round(100 * report["categories"][name]["score"]) for name in CATEGORIES]
    audits = report["audits"]
    paint = audits["largest-contentful-paint"]["numericValue"] / 1000
    return [*scores, paint, audits["cumulative-layout-shift"]["numericValue"]]


def main() -> None:
    """Serve the site, load the pages and print a table of each kind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", default=PAGES, metavar="PAGE")
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html")
    parser.add_argument("--lighthouse", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    program = find()
    handler = partial(Compressing, directory=options.site)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    start = f"http://127.0.0.1:{server.server_port}/"
    cases = [(page, view) for page in options.pages for view in VIEWS]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags())
        rows = [[p, v, *load(browser, f"{start}{p}.html", v)] for p, v in cases]
        browser.close()
    table(["page", "view", "kB", "largest paint, s", "shift"], rows)
    if options.lighthouse:
        print()
        table(
            ["page", "view", *CATEGORIES, "largest paint, s", "shift"],
            [
                [p, v, *lighthouse(options.lighthouse, program, f"{start}{p}.html", v)]
                for p, v in cases
            ],
        )
    server.shutdown()


if __name__ == "__main__":
    main()
