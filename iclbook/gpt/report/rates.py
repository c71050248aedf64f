"""Recorded searches for a learning rate, as curves: accuracy against the rate, for each draw.

Finetuned models are scored on training rows that are no demonstrations (preset book). Where the
same ones were scored on the items that are evaluated as well (preset dai-code), one can see what it
is worth to choose there.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from iclbook.gpt.report.recorded import place
from iclbook.gpt.report.searches import recorded_searches


@dataclass(frozen=True)
class Rates:
    """The searches of one model, with the default settings.

    Attributes
    ----------
    grid : (R,)
        Learning rates.
    seeds : dict of str to list of int
        Draws of demonstrations, by task, in the paper's order.
    training : dict of str to (S, R)
        Accuracies after finetuning on training rows, by task.
    evaluated : dict of str to (S, R)
        The same on the evaluated items; empty if that was not asked.
    zero_shot : dict of str to float
        Accuracy on the training rows before it, mean over draws.
    rows : int
        How many training rows were scored.
    """

    grid: Float64[np.ndarray, " R"]
    seeds: dict[str, list[int]]
    training: dict[str, Float64[np.ndarray, "S R"]]
    evaluated: dict[str, Float64[np.ndarray, "S R"]]
    zero_shot: dict[str, float]
    rows: int

    def honest(self, task: str, seed: int) -> float:
        """The rate that the training rows choose; of equally good ones the smaller."""
        return float(self.grid[self.training[task][self.seeds[task].index(seed)].argmax()])


def recorded_rates(model: str, *stores: Path | str) -> Rates:
    """The searches of a model in folders of records; by default those of the package.

    Raises
    ------
    ValueError
        If there are none on training rows, or on the evaluated items for other tasks and seeds, or
        if not all have the same rates.
    """
    book, code = (recorded_searches(model, *stores, preset=name) for name in ("book", "dai-code"))
    grids = {tuple(record["rates"]) for found in (book, code) for record in found.values()}
    if not book or (code and set(book) != set(code)) or len(grids) != 1:
        raise ValueError(
            f"there are {len(book)} recorded searches of {model!r} on training rows, {len(code)} "
            f"on the evaluated items, and {len(grids)} grids of rates; expected some on training "
            "rows, none on the evaluated items or those of the same tasks and seeds, and one grid. "
            f"Make them with: python -m iclbook run --model {model} --preset book, and with "
            "--preset dai-code."
        )
    seeds = {
        task: sorted(seed for other, seed in book if other == task)
        for task in sorted({task for task, _ in book}, key=place)
    }

    def curves(found: dict) -> dict[str, np.ndarray]:
        return {
            task: np.array([found[task, seed]["accuracy"] for seed in draws])
            for task, draws in seeds.items()
            if found
        }

    return Rates(
        np.array(grids.pop()),
        seeds,
        curves(book),
        curves(code),
        {
            task: float(np.mean([book[task, seed]["zero_shot"] for seed in draws]))
            for task, draws in seeds.items()
        },
        next(iter(book.values()))["items"],
    )
