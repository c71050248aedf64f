"""`make test` and `make book` end with one line that says how it went, and what to run again."""

import os
import shutil
import subprocess

import pytest

from tools.repository import ROOT

make = shutil.which("make")
pytestmark = pytest.mark.skipif(make is None or os.name == "nt", reason="make is not installed")

# Stands in for every program of the environment: fails, with a word, when its part is to fail.
PROGRAM = """\
#!/bin/sh
[ "$*" != -V ] || { echo Python; exit; }
line="${0##*/} $*"
echo "$line" >> ran
case "$line" in *"$BREAKS"*) [ -z "$BREAKS" ] || { echo "broken: $line" >&2; exit 3; };; esac
"""
PROGRAMS = ("python", "pytest", "ruff", "zizmor", "jupyter-book")


@pytest.fixture
def project(tmp_path):
    """The Makefile in a folder whose environment only pretends."""
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name in PROGRAMS:
        program = tmp_path / ".venv" / "bin" / name
        program.write_text(PROGRAM, "utf-8")
        program.chmod(0o755)

    def run(target, breaks="", ready=True, **options):
        if ready:
            subprocess.run([make, "-s", "-t", "install"], cwd=tmp_path, check=True)
        given = [f"{name}={value}" for name, value in options.items()]
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
        done = subprocess.run([make, target, *given], cwd=tmp_path, text=True, check=False,
                              env=environment | {"BREAKS": breaks}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout.strip().splitlines()

    run.folder = tmp_path
    return run


def test_when_all_is_well(project):
    status, lines = project("test")
    assert status == 0, lines
    assert lines[-1].startswith("All tests passed: lint test-unit")
    ran = (project.folder / "ran").read_text("utf-8").splitlines()
    assert ran[:2] == ["python -m tools.browser", "python -m tools.models"]
    status, lines = project("book")
    assert (status, lines[-1].partition(":")[0]) == (
        0, "The book is built. Open this file in a browser")


@pytest.mark.parametrize(
    ("breaks", "failed"),
    [
        ("ruff check", "lint"),
        ("pytest tests/unit", "test-unit"),
        ("pytest tests/site", "test-site"),
        ("pytest --nbval", "test-notebooks test-notebooks-again"),
        ("pytest", "test-editions test-notebooks test-notebooks-again test-site test-unit"),
        ("tools.colab", "colab"),
        ("jupyter-book", "book"),
    ],
)
def test_each_part_that_failed_is_named_with_its_command(project, breaks, failed):
    status, lines = project("test", breaks)
    assert status != 0
    parts = failed.split()
    commands = ", ".join(f"make {part}" for part in parts)
    assert f"Failed: {failed}. To run a part alone: {commands}. " in lines[-1]
    assert sum("Failed:" in line for line in lines) == 1
    assert project(parts[0], breaks)[0] != 0


def test_a_failure_does_not_keep_the_other_parts_from_running(project):
    project("test", "jupyter-book")
    ran = (project.folder / "ran").read_text("utf-8")
    assert "pytest tests/unit" in ran
    assert "pytest --nbval book" in ran
    assert "pytest tests/site" not in ran  # there is no site


def test_without_a_browser_nothing_else_runs(project):
    status, lines = project("test", "tools.browser")
    assert status != 0
    assert "Failed: browser. To run a part alone: make browser" in lines[-1]
    assert "pytest" not in (project.folder / "ran").read_text("utf-8")


@pytest.mark.parametrize("target", ["book", "test"])
def test_a_broken_installation_is_a_part_too(project, target):
    status, lines = project(target, ready=False, PYTHON="no-such-python")
    assert status != 0
    assert any("needs Python 3.11 or newer (tried: no-such-python)" in line
               and line.endswith("make install PYTHON=/path/to/python3.12") for line in lines)
    assert "Failed: install. To run a part alone: make install" in lines[-1]


def test_yesterdays_failure_is_forgotten(project):
    project("test", "ruff check")
    assert project("test")[0] == 0


def test_a_failed_book_says_so(project):
    status, lines = project("book", "jupyter-book")
    assert status != 0
    assert "Failed: book. To run a part alone: make book" in lines[-1]
