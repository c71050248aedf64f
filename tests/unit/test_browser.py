"""A browser for the site tests: which one is taken, what is tried when there is none."""

import os
import subprocess
import sys

import pytest

from tools import browser
from tools.browser import NoBrowserError, find, get

OWN = "/playwright/chrome"


class Machine:
    """A pretended machine: what is on it, what each command brings, what was run."""

    def __init__(self, patch):
        self.programs, self.broken, self.brings = set(), set(), {}
        self.root, self.sudo, self.ran = False, False, []
        patch.delenv("CHROME", raising=False)
        patch.setattr(browser, "PLACES", ("/Applications/Chrome",))
        patch.setattr(browser, "starts", lambda p: p in self.programs - self.broken)
        patch.setattr(browser, "playwrights_own", lambda: OWN)
        patch.setattr(browser.shutil, "which", lambda p: p if p in self.programs else None)
        patch.setattr(browser.os.path, "exists", lambda p: p in self.programs)
        patch.setattr(browser.os, "name", "posix")
        patch.setattr(browser.os, "geteuid", lambda: 0 if self.root else 1000, raising=False)
        patch.setattr(browser.subprocess, "run", self._sudo)
        patch.setattr(browser, "run", self._run)

    def _sudo(self, command, **options):
        assert command == ["sudo", "-n", "true"]
        return subprocess.CompletedProcess(command, 0 if self.sudo else 1)

    def _run(self, command):
        line = " ".join(command).replace(sys.executable, "python")
        self.ran.append(line)
        for part, program in self.brings.items():
            if part in line:
                self.programs.add(program)
        if "install-deps" in line:
            self.broken.clear()


@pytest.fixture
def machine(monkeypatch):
    """An empty pretended machine."""
    return Machine(monkeypatch)


def test_what_is_here_is_taken_and_nothing_is_run(machine):
    machine.programs = {"google-chrome", "apt-get", OWN}
    machine.root = True
    assert get() == "google-chrome"
    assert machine.ran == []


@pytest.mark.parametrize("program", ["chromium", "chromium-browser", "/Applications/Chrome", OWN])
def test_every_usual_browser_is_found(machine, program):
    machine.programs = {program}
    assert find() == program


def test_a_stub_that_does_not_start_is_passed_over(machine):
    machine.programs = {"chromium", "chromium-browser", OWN}
    machine.broken = {"chromium", "chromium-browser"}
    assert find() == OWN


def test_chrome_says_which_and_a_wrong_name_is_no_reason_to_install(machine, monkeypatch):
    machine.programs = {"chromium", "/opt/mine", "apt-get"}
    machine.root = True
    monkeypatch.setenv("CHROME", "/opt/mine")
    assert get() == "/opt/mine"
    monkeypatch.setenv("CHROME", "/opt/other")
    with pytest.raises(NoBrowserError, match="CHROME is '/opt/other'"):
        get()
    assert machine.ran == []


def test_playwright_is_asked_first(machine, capsys):
    machine.programs, machine.root = {"apt-get"}, True
    machine.brings = {"playwright install chromium": OWN}
    assert get() == OWN
    assert machine.ran == ["python -m playwright install chromium"]
    assert capsys.readouterr().err.count("\n") == 1


def test_playwrights_browser_without_its_libraries_gets_them_as_root(machine):
    machine.programs, machine.broken, machine.sudo = {"sudo"}, {OWN}, True
    machine.brings = {"playwright install chromium": OWN}
    assert get() == OWN
    assert machine.ran == ["python -m playwright install chromium",
                           "sudo -n python -m playwright install-deps chromium"]


@pytest.mark.parametrize(
    ("manager", "root", "sudo", "last"),
    [
        ("apt-get", True, False, "env DEBIAN_FRONTEND=noninteractive apt-get"),
        ("apt-get", False, True, "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get"),
        ("dnf", True, False, "dnf install"),
        ("dnf", False, True, "sudo -n dnf install"),
        ("brew", False, False, "brew install"),
    ],
)
def test_then_the_package_manager_when_this_user_may(machine, manager, root, sudo, last):
    machine.programs = {manager, "sudo"}
    machine.root, machine.sudo = root, sudo
    machine.brings = {last: "chromium"}
    assert get() == "chromium"
    assert machine.ran[0] == "python -m playwright install chromium"
    assert machine.ran[-1].startswith(last)


@pytest.mark.parametrize("manager", ["apt-get", "dnf"])
def test_who_may_not_install_gets_one_line_and_no_password_prompt(machine, manager, capsys):
    machine.programs = {manager, "sudo"}
    with pytest.raises(NoBrowserError) as caught:
        get()
    assert machine.ran == ["python -m playwright install chromium"]
    message = str(caught.value)
    assert "\n" not in message
    for word in ("playwright install chromium", "browser.log", "CHROME", "apt-get install"):
        assert word in message
    assert browser.main() == 1
    assert capsys.readouterr().err.count(message) == 1


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path, monkeypatch):
    monkeypatch.setattr(browser, "LOG", tmp_path / "log")
    monkeypatch.setattr(browser, "SECONDS", 1)
    browser.run([sys.executable, "-c", "import subprocess; subprocess.run(['sleep', '600'])"])
    assert "ended after 1 s" in (tmp_path / "log").read_text("utf-8")


@pytest.mark.skipif(os.name == "nt", reason="a program is made with a shell")
def test_a_program_starts_if_it_answers(tmp_path):
    for status in (0, 127):
        program = tmp_path / f"chromium-{status}"
        program.write_text(f"#!/bin/sh\nexit {status}\n")
        program.chmod(0o755)
        assert browser.starts(str(program)) == (status == 0)
    assert not browser.starts(str(tmp_path / "missing"))
