"""What a precision costs in digits: the recorded experiment ``gpt-precision``.

The same cell is run in several precisions, and the first of them is what the others are held
against: how far apart are the log-probabilities of label words, how many answers change, and do the
similarities of in-context learning and finetuning move?

The trap: in finetuning rounding adds up. What is trained is kept in float32 at least, whatever the
model is read in, but each step starts from gradients that were rounded.
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iclbook.gpt.metrics.metric import SETTINGS
from iclbook.gpt.study.cell import Cell
from iclbook.records import Results
from iclbook.rounding import rounded


@dataclass(frozen=True)
class Precision:
    """One cell, zero-shot, finetuned and in context, in several precisions.

    Attributes
    ----------
    model, task, data, k, seed, items
        As `iclbook.gpt.study.setup.Setup` takes them.
    lr : float
        Learning rate of the finetuning.
    dtypes : tuple of str
        Two or more precisions; the others are compared with the first.
    threads : int
        CPU threads.

    Raises
    ------
    TypeError, ValueError
        If a setting is none that a cell can have, or there are not two different precisions.
    """

    model: str = "mini"
    task: str = "mini-sst2"
    data: str = ""
    k: int = 32
    seed: int = 0
    items: int = 0
    lr: float = 0.01
    dtypes: tuple[str, ...] = ("float32", "bfloat16")
    threads: int = 1

    def __post_init__(self) -> None:
        if len(set(self.dtypes)) < max(2, len(self.dtypes)):
            raise ValueError(
                f"dtypes is {self.dtypes}; expected two or more different ones, the first as what "
                "the others are compared with."
            )
        for dtype in self.dtypes:
            self.cell(dtype)

    def cell(self, dtype: str, arrays: str = "") -> Cell:
        """The cell in one precision."""
        names = ("model", "task", "data", "k", "seed", "items", "lr", "threads")
        return Cell(**{name: getattr(self, name) for name in names}, dtype=dtype, arrays=arrays)

    def run(self) -> Results:
        """Run the cell in each precision, and compare with the first."""
        cells, scores, seconds = {}, {}, {}
        for dtype in self.dtypes:
            begin = time.perf_counter()
            cells[dtype], scores[dtype] = self._run(dtype)
            taken = rounded(time.perf_counter() - begin, 1)
            seconds[f"seconds_{dtype}"] = {"value": taken, "unit": "s"}
        usual, *others = self.dtypes

        def compared(how):
            return {d: {s: how(scores[d][s], scores[usual][s]) for s in SETTINGS} for d in others}

        found = {
            "largest": (compared(lambda a, b: abs(a - b).max()), 1.0),
            "median": (compared(lambda a, b: np.median(abs(a - b))), 0.1),
            "changed": (compared(lambda a, b: (a.argmax(1) != b.argmax(1)).sum()), 100),
            "accuracy": (
                {d: {s: cells[d]["accuracy"][s]["accuracy"] for s in SETTINGS} for d in cells},
                0.03,
            ),
            "similarities": ({d: _similarities(cell) for d, cell in cells.items()}, 0.1),
        }
        found |= {name: (cells[usual][name], 0) for name in ("items", "k_used", "model_origin")}
        return Results(
            {
                name: {"value": rounded(value, 4, significant=True), "tolerance": tolerance}
                for name, (value, tolerance) in found.items()
            },
            seconds,
        )

    def _run(self, dtype: str) -> tuple[dict, dict[str, np.ndarray]]:
        """Results in one precision, and log-probabilities (n, C) by setting."""
        with tempfile.TemporaryDirectory() as folder:
            results = self.cell(dtype, arrays=folder).run().deterministic
            cell = {name: entry["value"] for name, entry in results.items()}
            if cell["diverged"]:
                raise ValueError(f"in {dtype} it diverged at rate {self.lr:g}; choose another lr.")
            (kept,) = Path(folder).iterdir()
            return cell, {s: np.load(kept / f"{s}-log_probs.npy") for s in SETTINGS}


def _similarities(cell: dict) -> dict[str, float]:
    """Similarities of a cell at the token of label 0."""
    here = cell["positions"]["label"]
    simaou, simam = here["simaou"]["normalised"], here["simam"]
    found = {"simaou": simaou, "simam": simam["after"], "simam_difference": simam["difference"]}
    return {name: similarity["mean"] for name, similarity in found.items()}
