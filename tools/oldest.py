"""The oldest packages that ``pyproject.toml`` admits, as pins, with the pins of the test tools.

::

    python -m tools.oldest > oldest.txt
    make test-unit REQUIREMENTS=oldest.txt VENV=.venv-oldest

It needs nothing but Python: it says what to install.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("pytest", "nbval", "nbformat", "nbclient", "ipykernel", "hypothesis", "beartype", "PyYAML",
         "pybtex", "docutils", "Sphinx", "sphinx_external_toc", "beautifulsoup4", "ruff", "zizmor",
         "playwright", "setuptools", "wheel")
"""What the unit tests need besides the package."""


def oldest(root=ROOT):
    """Return the pins, one a line of a requirements file.

    Raises
    ------
    ValueError
        If a dependency has no lower bound, or one of the tools no pin.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    needs = [*project["dependencies"], *project["optional-dependencies"]["models"]]
    pinned = (root / "requirements.txt").read_text("utf-8")
    pins = dict(re.findall(r"(?m)^([\w.-]+)==(\S+)$", pinned))
    if loose := [need for need in needs if not re.fullmatch(r"[\w-]+>=[\d.]+", need)]:
        raise ValueError(f"pyproject.toml: {loose}; expected a lower bound, as in numpy>=2.0")
    if missing := [tool for tool in TOOLS if tool not in pins]:
        raise ValueError(f"requirements.txt has no pin of {missing}")
    return [need.replace(">=", "==") for need in needs] + [f"{t}=={pins[t]}" for t in TOOLS]


if __name__ == "__main__":
    sys.exit(print("\n".join(oldest())))
