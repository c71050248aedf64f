"""The search for a learning rate: finetune at each of several, and score on other items.

An experiment of `iclbook.records`, as a cell is. In context nothing is read, so the demonstrations'
cut to the window matters only for which of them are trained on.
"""

from dataclasses import dataclass

from iclbook.gpt.reading.ask import share_right
from iclbook.gpt.study.presets import PRESETS
from iclbook.gpt.study.setup import Setup
from iclbook.gpt.text.data import Data
from iclbook.gpt.text.demonstrations import selection
from iclbook.gpt.tuning.finetune import finetune
from iclbook.records import Results
from iclbook.rounding import rounded
from iclbook.validate import check_count, check_number

PAPER_GRID = tuple(float(f"{digit}e{power}") for power in range(-4, 0) for digit in range(1, 10))
"""The learning rates among which the paper chose (Dai et al. 2023, appendix B)."""

MINI_GRID = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0)
"""Eight learning rates for the bundled model, which is small and needs the largest."""

PRETRAINED_GRID = (3e-4, 1e-3, 3e-3, 1e-2)
"""Four for pretrained models: a step an example at a larger rate soon leaves nothing of them."""

PRETRAINED_ROWS = 60
"""Training rows that decide between these four: reading them is nearly all that a search costs."""


@dataclass(frozen=True)
class Rate(Setup):
    """The accuracy after finetuning at each of several learning rates, on items of its own.

    Of the settings it is ``ft`` alone, and ``items`` counts only where they decide.

    Attributes
    ----------
    rates : tuple of float
        Learning rates.
    selection : int
        Training rows, other than the demonstrations, that decide on the learning rate. The preset
        dai-code decides on the items that are evaluated, as the paper does.
    """

    rates: tuple[float, ...] = MINI_GRID
    selection: int = 200

    def __post_init__(self) -> None:
        self._settle(settings=("ft",))
        super().__post_init__()
        check_count("selection", self.selection)
        if not self.rates:
            raise ValueError("rates is empty; expected at least one learning rate.")
        for rate in self.rates:
            check_number("rates", rate, low=0.0, open_low=True)
        if PRESETS[self.preset].select == "training":
            self._settle(items=0)
        else:
            self._settle(selection=Rate.selection)

    def deciding(self, rows: Data, demos: list, items: list) -> list:
        """The items that decide.

        Raises
        ------
        ValueError
            If there are not enough training rows besides the demonstrations.
        """
        if PRESETS[self.preset].select == "evaluated":
            return items
        try:
            return selection(rows, self.selection, self.seed, demos)
        except ValueError as error:
            raise ValueError(
                f"no rows to choose a learning rate on: {error} Take fewer with --selection, or "
                "name learning rates with --lr."
            ) from None

    def run(self) -> Results:
        """Finetune at each rate, and score."""
        model = self.language_model()
        rows, demos, items = self.rows()
        chosen = self.deciding(rows, demos, items)
        prepared = self.training(model, rows, demos, chosen)
        zero_shot = share_right(model, prepared)
        accuracies, diverged = [], []
        for rate in self.rates:
            with finetune(model, prepared, self.finetuning(rate, prepared.k_used)) as tuned:
                diverged.append(tuned.diverged)
                right = 0.0
                if not tuned.diverged:
                    right = share_right(model, prepared)
            accuracies.append(right)
        best = max(range(len(self.rates)), key=lambda i: (accuracies[i], -i))
        return Results(
            {
                "rates": {"value": list(self.rates), "tolerance": 0},
                "accuracy": {"value": rounded(accuracies), "tolerance": 0.05},
                "diverged": {"value": diverged, "tolerance": 0},
                "zero_shot": {"value": rounded(zero_shot), "tolerance": 0.02},
                "items": {"value": len(chosen), "tolerance": 0},
                "inputs": {"value": self.inputs(), "tolerance": 0},
                "best": {"value": self.rates[best], "tolerance": max(self.rates)},
            }
        )
