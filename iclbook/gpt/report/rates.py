"""Recorded searches for a learning rate, as curves: accuracy against the rate, for each draw.

The same finetuned models are scored twice: on training rows that are no demonstrations (preset
book), and on the items that are evaluated (preset dai-code).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from iclbook.gpt.report.recorded import place
from iclbook.gpt.report.searches import recorded_searches
from iclbook.gpt.study.presets import PRESETS


@dataclass(frozen=True)
class Rates:
    """The searches of one model, with the default settings.

    Attributes
    ----------
    grid : (R,)
        Learning rates.
    seeds : list of int
        Draws of demonstrations.
    training, evaluated : dict of str to (S, R)
        Accuracies after finetuning, by task, in the paper's order.
    zero_shot : dict of str to float
        Accuracy on the evaluated items before it.
    rows : int
        How many training rows were scored.
    """

    grid: Float64[np.ndarray, " R"]
    seeds: list[int]
    training: dict[str, Float64[np.ndarray, "S R"]]
    evaluated: dict[str, Float64[np.ndarray, "S R"]]
    zero_shot: dict[str, float]
    rows: int

    def honest(self, task: str, seed: int) -> float:
        """The rate that the training rows choose; of equally good ones the smaller."""
        return float(self.grid[self.training[task][self.seeds.index(seed)].argmax()])


def recorded_rates(model: str, *stores: Path | str) -> Rates:
    """The searches of a model in folders of records; by default those of the package.

    Raises
    ------
    ValueError
        If there are none, or not both for the same tasks, seeds and rates.
    """
    found = {preset: recorded_searches(model, *stores, preset=preset) for preset in PRESETS}
    book, code = found["book"], found["dai-code"]
    grids = {tuple(record["rates"]) for searches in found.values() for record in searches.values()}
    if not book or set(book) != set(code) or len(grids) != 1:
        raise ValueError(
            f"there are {len(book)} recorded searches of {model!r} on training rows, {len(code)} "
            f"on the evaluated items, and {len(grids)} grids of rates; expected both for the same "
            "tasks and seeds, and one grid. Make them with: python -m iclbook run "
            f"--model {model} --preset book, and with --preset dai-code."
        )
    tasks = sorted({task for task, _ in book}, key=place)
    seeds = sorted({seed for _, seed in book})
    curves = {
        preset: {
            task: np.array([searches[task, seed]["accuracy"] for seed in seeds]) for task in tasks
        }
        for preset, searches in found.items()
    }
    return Rates(
        np.array(grids.pop()),
        seeds,
        curves["book"],
        curves["dai-code"],
        {task: code[task, seeds[0]]["zero_shot"] for task in tasks},
        book[tasks[0], seeds[0]]["items"],
    )
