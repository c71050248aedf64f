"""The browser of the site tests: one that is here, else one that is fetched.

::

    python -m tools.browser     # print its program; get one first if there is none

A browser counts if it starts: CHROME if it is set, Chromium or Chrome on the search path or in
their usual places, or Playwright's own. If there is none, Playwright downloads one; if that fails
and this user may install packages (root, or sudo without a password), the system's package manager
does. What these print goes to ``_build/browser.log``.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tools.repository import ROOT

LOG = ROOT / "_build" / "browser.log"
NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser", "chrome")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)
PLAYWRIGHT = (sys.executable, "-m", "playwright")
APT = ("apt-get", "-qq", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20",
       "-o", "DPkg::Lock::Timeout=120")
# What installs Chromium or Chrome with each package manager, and whether it needs to be root.
MANAGERS = {
    "apt-get": (True, [(*APT, "update"),
                       ("env", "DEBIAN_FRONTEND=noninteractive", *APT, "install", "-y",
                        "--no-install-recommends", "chromium")]),
    "dnf": (True, [("dnf", "install", "-y", "-q", "chromium")]),
    "brew": (False, [("brew", "install", "--quiet", "--cask", "google-chrome")]),
}
ADVICE = (
    "Install Chromium or Chrome (Debian: apt-get install chromium; Fedora: dnf install chromium; "
    "macOS: brew install --cask google-chrome), or set CHROME to the program of one"
)
SECONDS = 600


class NoBrowserError(Exception):
    """There is no browser and none could be had; the message is one line for the reader."""


def starts(program):
    """Return whether ``program`` runs: a stub or one without its libraries does not."""
    if os.name == "nt":  # there Chrome answers no question, it opens a window
        return Path(program).is_file()
    try:
        done = subprocess.run([program, "--version"], stdin=subprocess.DEVNULL, timeout=60,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def flags():
    """Return what Chromium has to be started with: as root it has no sandbox."""
    return ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


def playwrights_own():
    """Return where Playwright keeps its Chromium, whether or not it has one."""
    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def find():
    """Return the program of a browser that starts, or None.

    Raises
    ------
    NoBrowserError
        If CHROME is set to something else than a browser that starts.
    """
    if named := os.environ.get("CHROME"):
        program = shutil.which(named)
        if program is None or not starts(program):
            raise NoBrowserError(f"CHROME is {named!r}, which is no browser that starts. Set it to "
                                 "the program of Chromium or Chrome, or unset it")
        return program
    here = [*filter(None, map(shutil.which, NAMES)), *filter(os.path.exists, PLACES)]
    return next(filter(starts, here), None) or next(filter(starts, [playwrights_own()]), None)


def run(command):
    """Run a command without a word, its output in the log; end it when it takes too long."""
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("a", encoding="utf-8") as log:
        print("$", *command, file=log, flush=True)
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   start_new_session=True,
                                   env={"PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": "10000"}
                                   | os.environ)
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            print(f"ended after {SECONDS} s", file=log)
            if os.name == "posix":  # its own children as well
                os.killpg(process.pid, signal.SIGTERM)
            process.kill()
            process.wait()


def root_prefix():
    """Return what makes a command run as root: nothing, or sudo; None if this user may not."""
    if os.name == "nt":
        return None
    if os.geteuid() == 0:
        return ()
    sudo = shutil.which("sudo")
    allowed = sudo and subprocess.run([sudo, "-n", "true"], stdin=subprocess.DEVNULL, check=False,
                                      capture_output=True).returncode == 0
    return (sudo, "-n") if allowed else None


def ways():
    """Yield the name and the commands of each way to get a browser, the mildest first."""
    yield "playwright install chromium", [(*PLAYWRIGHT, "install", "chromium")]
    prefix = root_prefix()
    if prefix is not None and os.path.exists(playwrights_own()):  # here, but it does not start
        yield ("playwright install-deps chromium",
               [(*prefix, *PLAYWRIGHT, "install-deps", "chromium")])
    for manager, (needs_root, commands) in MANAGERS.items():
        if shutil.which(manager) and not (needs_root and prefix is None):
            yield manager, [((*prefix, *c) if needs_root else c) for c in commands]


def get():
    """Return the program of a browser; get one first if there is none.

    Raises
    ------
    NoBrowserError
        If there is none and no way led to one.
    """
    if program := find():
        return program
    print("No browser for the site tests yet: getting Chromium (once; up to a few minutes) ...",
          file=sys.stderr, flush=True)
    tried = []
    for name, commands in ways():
        tried.append(name)
        for command in commands:
            run(command)
        if program := find():
            return program
    raise NoBrowserError(f"No browser for the site tests, and none could be installed (tried: "
                         f"{', '.join(tried)}; see {LOG.relative_to(ROOT)}). {ADVICE}")


def main():
    """Print the program of the browser; the exit status is 1 if there is none."""
    try:
        print(f"The site tests use {get()}")
    except NoBrowserError as error:
        print(f"{error}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
