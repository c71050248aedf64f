"""The built site, served on this machine, and a headless Chromium to look at it with."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import sync_playwright

from tools import repository
from tools.browser import NoBrowserError, flags, get

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"

# No calls home: the machine may have no network, and a page that needs one is at fault.
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PROGRAM = pytest.StashKey[str]()
VIEWS = {
    "desktop": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "tablet": {"viewport": {"width": 820, "height": 1180}, "color_scheme": "light"},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "is_mobile": True,
        "has_touch": True,
        "color_scheme": "dark",
    },
}


def table_of_contents():
    """Return all pages, and apart the numbered chapters."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    pages, chapters = [contents["root"]], []
    for part in contents["parts"]:
        files = [entry["file"] for entry in part["chapters"]]
        below = [page["file"] for entry in part["chapters"] for page in entry.get("sections", ())]
        pages += files + below
        chapters += files if part.get("numbered") else []
    return pages, chapters


PAGES, CHAPTERS = table_of_contents()


@pytest.fixture(scope="session")
def site():
    """Folder of the built site."""
    if not (SITE / "index.html").is_file():
        pytest.fail("the site is not built: run `make book` first", pytrace=False)
    return SITE


@pytest.fixture(scope="session")
def repository_url():
    """The repository's address in ``_config.yml``."""
    return repository.repository_url()


def pytest_collection_finish(session):
    """Have a browser before the first test that needs one, or say once that there is none."""
    needed = any("browser" in item.fixturenames for item in session.items)
    if needed and not session.config.option.collectonly:
        try:
            session.config.stash[PROGRAM] = get()
        except NoBrowserError as error:
            pytest.exit(str(error), returncode=1)


@pytest.fixture(scope="session")
def browser(pytestconfig):
    """A headless Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=pytestconfig.stash[PROGRAM], args=FLAGS + flags()
        )
        yield chromium
        chromium.close()


@pytest.fixture
def bare(browser, html):
    """Open the module's bare page, its fixture ``html``; any error in it fails the test."""
    contexts, troubles = [], []

    def open_page(**options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda m: m.type == "error" and troubles.append(m.text))
        page.set_content(html)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture(params=[(390, "light"), (390, "dark"), (1000, "light"), (1000, "dark")], ids=str)
def themed(request, bare):
    """The module's bare page on a phone and on a desk, light and dark."""
    width, theme = request.param
    page = bare(viewport={"width": width, "height": 900})
    page.evaluate(
        """theme => { document.documentElement.dataset.theme = theme;
            document.body.style.background = theme === "dark" ? "#14181e" : "#fff";
            document.body.style.color = theme === "dark" ? "#eee" : "#222"; }""",
        theme,
    )
    return page


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture(scope="session")
def address(site):
    """Address of the site on this machine, with a slash at the end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


class Visit:
    """One page in one view, with everything that it asked for and everything that went wrong."""

    def __init__(self, context, address, name):
        self.troubles = []
        self.requested = set()
        self.page = page = context.new_page()
        page.on("request", lambda request: self._request(request.url, address))
        page.on("requestfailed", lambda request: self._trouble("failed", request.url))
        page.on("response", lambda r: r.status >= 400 and self._trouble(r.status, r.url))
        page.on("pageerror", lambda error: self._trouble("page error", error))
        page.on("console", self._console)
        page.goto(f"{address}{name}.html", wait_until="load")

    def _trouble(self, kind, what):
        self.troubles.append(f"{kind}: {what}")

    def _request(self, url, address):
        if url.startswith(address):
            self.requested.add(url.removeprefix(address).partition("?")[0])
        elif not url.startswith(("data:", "blob:")):
            self._trouble("leaves this machine", url)

    def _console(self, message):
        if message.type in ("error", "warning"):
            self._trouble(f"console {message.type}", message.text)


@pytest.fixture(scope="module")
def visit(browser, address):
    """Open a page: ``visit("book/intro", "phone")``; its browser starts with an empty cache."""
    contexts = []

    def open_page(name, view="desktop"):
        contexts.append(browser.new_context(**VIEWS[view]))
        return Visit(contexts[-1], address, name)

    yield open_page
    for context in contexts:
        context.close()


# Everything dark and narrow, of the package's pages one; wide and light what is read most.
NARROW = [page for page in PAGES if not page.startswith("book/api/")]
CASES = [(page, "phone") for page in [*NARROW, "book/api/gpt-model", "search", "genindex"]]
CASES += [(page, "desktop") for page in [PAGES[0], *CHAPTERS, "book/notation"]]
CASES += [(CHAPTERS[0], "dark"), (CHAPTERS[0], "tablet")]


@pytest.fixture(scope="module", params=CASES, ids=[f"{Path(p).name}-{v}" for p, v in CASES])
def loaded(request, visit):
    """Each page in its views, loaded."""
    visited = visit(*request.param)
    yield visited
    visited.page.context.close()


@pytest.fixture(scope="session")
def chapters():
    """Names of all numbered chapters."""
    return CHAPTERS


@pytest.fixture(scope="module", params=CHAPTERS, ids=[Path(page).name for page in CHAPTERS])
def chapter(request):
    """Name of each numbered chapter."""
    return request.param


@pytest.fixture(params=PAGES, ids=[Path(page).name for page in PAGES])
def page_name(request):
    """Name of each page."""
    return request.param
