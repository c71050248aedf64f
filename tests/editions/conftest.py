"""Colab in small: torch, transformers, accelerate, numpy, matplotlib, ipywidgets and the wheel.

It is kept in ``_build`` and made again when a pin changes. The wheel is installed afresh each time.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest

from tools.notebooks import KERNEL_ENVIRONMENT, ROOT

PROVIDED = ("torch", "transformers", "accelerate", "numpy", "matplotlib", "ipywidgets",
            "ipykernel")
ENVIRONMENT = ROOT / "_build" / "colab-env"


def run(*command, **options):
    """Run a command; what it printed is the message if it fails."""
    done = subprocess.run(command, text=True, capture_output=True, check=False, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """Return the package as it would be installed, built from a clean copy of its sources."""
    copy = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(ROOT / "iclbook", copy / "iclbook",
                    ignore=shutil.ignore_patterns("__pycache__"))
    target = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation",
        "-w", target, copy)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def colab_python(wheel):
    """Return the Python of the small environment, with the wheel and what the wheel asks for."""
    pins = (ROOT / "requirements.txt").read_text("utf-8")
    content = hashlib.sha256((sys.version + str(ROOT) + pins).encode()).hexdigest()[:12]
    ready = ENVIRONMENT / f"ready-{content}"
    python = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = (python, "-m", "pip", "install", "-q", "--no-compile", "--disable-pip-version-check")
    if not ready.exists():
        run(sys.executable, "-m", "venv", "--clear", ENVIRONMENT)
        run(*pip, "-c", ROOT / "requirements.txt", *PROVIDED)
        ready.touch()
    before = run(python, "-m", "pip", "freeze", "--disable-pip-version-check")
    run(*pip, "-c", ROOT / "requirements.txt", wheel)
    run(*pip, "--no-deps", "--force-reinstall", wheel)
    after = run(python, "-m", "pip", "freeze", "--disable-pip-version-check").splitlines()
    lost = [line for line in before.splitlines() if line not in after and "iclbook" not in line]
    assert not lost, f"installing the package replaced {lost}"
    return python


@pytest.fixture(scope="session")
def colab_kernel(colab_python, tmp_path_factory):
    """Register that Python as a kernel and return the kernel's name."""
    data = tmp_path_factory.mktemp("jupyter")
    kernel = data / "kernels" / "colab"
    kernel.mkdir(parents=True)
    kernel.joinpath("kernel.json").write_text(json.dumps({
        "argv": [str(colab_python), "-m", "ipykernel_launcher", "-f", "{connection_file}",
                 "--log-level=ERROR"],
        "display_name": "colab",
        "language": "python",
    }))
    patch = pytest.MonkeyPatch()
    patch.setenv("JUPYTER_PATH", str(data))
    for name, value in KERNEL_ENVIRONMENT.items():
        patch.setenv(name, value)
    for name in ("ICLBOOK_STATIC", "PYTHONPATH"):
        patch.delenv(name, raising=False)
    yield "colab"
    patch.undo()
