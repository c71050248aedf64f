"""Output distributions, in context and finetuned: the recorded experiment ``doubts-outputs``.

The comparison of Shen et al. (2024), on a model of any size: one model in context and finetuned on
the same demonstrations, and how alike the two next-token distributions are, as demonstrations,
rates and epochs grow. Finetuning sees the label's loss alone, all demonstrations at once, and is
asked without demonstrations.

The trap: two settings that both put the label words on top share much of what is likeliest,
whatever they learned. So each similarity stands beside what the same context scores in another
order (a ceiling), with other demonstrations, at another item, and against zero-shot (floors), and
is measured without the label words as well.

Which rate and epoch? Two answers: the largest value anywhere (no finetuning of the grid is more
alike), and an honest one, where the rate and epoch with the smallest loss on one half of the items
are judged on the other half.

Chapter: "Do they change the output alike?"
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from iclbook.gpt.doubts.alike import METRICS, Seen, alike, see
from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.reading.ask import prompts_for
from iclbook.gpt.study.setup import Setup
from iclbook.gpt.text.data import Data
from iclbook.gpt.text.demonstrations import draw
from iclbook.gpt.text.prompts import Prompts
from iclbook.gpt.tuning.finetune import Finetuning, finetune
from iclbook.records import Results
from iclbook.rounding import finite, rounded
from iclbook.validate import check_choice, check_count, check_number, check_seeds

PLACES = {"middle": 1 / 2, "deep": 5 / 6}
"""How far down a model its one W_V stands; the paper does not say."""

VERSUS = ("icl", "other", "zsl")
"""What the finetuned model stands beside: the same demonstrations in context, others, none."""

GRID = ("accuracy", "loss", *(f"icl/{metric}" for metric in METRICS))
"""What is kept of every rate and epoch; of the chosen ones, what it shares with others too."""


@dataclass(frozen=True)
class Outputs:
    """Next-token distributions in context beside those of finetuning, by draw and rate.

    Attributes
    ----------
    model : str
        As `iclbook.gpt.study.setup.Setup` takes it.
    task : str
        A name of `iclbook.gpt.text.tasks.TASKS`, or a TOML file.
    data : str
        Folder of data sets, or package or hub; empty: as for a setup.
    seeds : tuple of int
        Draws of demonstrations.
    n_demos : tuple of int
        How many demonstrations; a draw begins with those of its smaller ones.
    parameters : tuple of str
        What is finetuned: all, or one W_V, of the layer at middle or deep.
    rates : tuple of float
        Learning rates where all is finetuned.
    value_rates : tuple of float
        Learning rates where one W_V is; as many.
    epochs : tuple of int
        After which the finetuned model is looked at, in order.
    items : int
        How many items are asked.
    top : int
        How many of the likeliest tokens are compared.
    device : str
        As for a setup.
    threads : int
        CPU threads.
    """

    model: str = "mini"
    task: str = "mini-agnews"
    data: str = ""
    seeds: tuple[int, ...] = (0, 1, 2)
    n_demos: tuple[int, ...] = (1, 2, 4, 8)
    parameters: tuple[str, ...] = ("all", "middle", "deep")
    rates: tuple[float, ...] = (0.003, 0.01, 0.03, 0.1)
    value_rates: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0)
    epochs: tuple[int, ...] = (1, 3, 10, 30, 100)
    items: int = 40
    top: int = 10
    device: str = "auto"
    threads: int = 1

    def __post_init__(self) -> None:
        check_seeds(self.seeds)
        for name in ("n_demos", "epochs"):
            counts = getattr(self, name)
            for count in counts:
                check_count(name, count)
            if not counts or list(counts) != sorted(set(counts)):
                raise ValueError(f"{name} is {counts}; expected one or more, each one larger.")
        for name in ("rates", "value_rates"):
            for rate in getattr(self, name):
                check_number(name, rate, low=0.0, open_low=True)
        for name in self.parameters:
            check_choice("parameters", name, ("all", *PLACES))
        if not (self.parameters and self.rates):
            raise ValueError("parameters or rates is empty; expected at least one of each.")
        if len(self.rates) != len(self.value_rates):
            raise ValueError(
                f"there are {len(self.rates)} rates and {len(self.value_rates)} value_rates; "
                "expected as many."
            )
        check_count("items", self.items, low=2)
        check_count("top", self.top)

    @property
    def hardware(self) -> str:
        """What the experiment runs on, for its record."""
        return self._setup().hardware

    def run(self) -> Results:
        """Read and finetune; compare the distributions at each rate and epoch."""
        setup = self._setup()
        model, (rows, _, items) = setup.language_model(), setup.rows()
        layers = {
            name: int(model.origin["layers"] * depth)
            for name, depth in PLACES.items()
            if name in self.parameters
        }
        nothing = see(model, prompts_for(model, rows.task, [], items), False, self.top)
        shape = len(self.seeds), len(self.n_demos)
        accuracy, in_context = np.empty((2, *shape), dict)
        grid = {name: np.empty(shape, dict) for name in self.parameters}
        honest = {name: np.empty(shape, dict) for name in self.parameters}
        for place in np.ndindex(shape):
            prompts = self._prompts(model, rows, items, *place)
            seen = {name: see(model, some, True, self.top) for name, some in prompts.items()}
            seen["zsl"] = nothing
            accuracy[place] = {name: one.right.mean() for name, one in seen.items()}
            beside = {name: one for name, one in seen.items() if name != "icl"}
            beside["item"] = seen["icl"].rolled()
            in_context[place] = _item_means(_compared(seen["icl"], beside))
            for name in self.parameters:
                entries = f"v:{layers[name]}" if name in layers else "all"
                looks = [
                    self._along(model, prompts["icl"], entries, rate, seen)
                    for rate in (self.value_rates if name in layers else self.rates)
                ]
                by_rate = {key: np.array([look[key] for look in looks]) for key in looks[0]}
                grid[name][place] = _item_means({key: by_rate[key] for key in GRID})
                honest[name][place] = chosen(by_rate)
        means = {
            "accuracy": _gathered(accuracy),
            "in_context": _gathered(in_context),
            "grid": {name: _gathered(found) for name, found in grid.items()},
            "chosen": {name: _gathered(found) for name, found in honest.items()},
        }
        exact = {
            "layers": layers,
            "items": len(items),
            "labels": len(rows.task.labels),
            "source": rows.origin["source"],
            "model_origin": model.origin,
        }
        return Results(
            {
                name: {"value": finite(rounded(value, 4)), "tolerance": 0.1}
                for name, value in means.items()
            }
            | {name: {"value": value, "tolerance": 0} for name, value in exact.items()}
        )

    def _setup(self) -> Setup:
        return Setup(
            model=self.model,
            task=self.task,
            data=self.data,
            items=self.items,
            device=self.device,
            threads=self.threads,
            settings=("zsl",),
        )

    def _prompts(
        self, model: LanguageModel, rows: Data, items: list, s: int, n: int
    ) -> dict[str, Prompts]:
        """A draw's demonstrations, in another order (where there is one), and as many others."""
        count, most = self.n_demos[n], self.n_demos[-1]
        drawn = draw(rows, 2 * most, self.seeds[s])
        sets = {"icl": drawn[:count], "other": drawn[most : most + count]}
        if count > 1:
            sets["order"] = [drawn[i] for i in another_order(count, self.seeds[s])]
        prompts = {name: prompts_for(model, rows.task, some, items) for name, some in sets.items()}
        for some in prompts.values():
            if some.k_used < count:
                raise ValueError(
                    f"only {some.k_used} of {count} demonstrations of {self.task} fit the window "
                    f"of {self.model}; take fewer n_demos."
                )
        return prompts

    def _along(
        self,
        model: LanguageModel,
        prompts: Prompts,
        entries: str,
        rate: float,
        seen: Mapping[str, Seen],
    ) -> dict[str, np.ndarray]:
        """One finetuning, looked at after the epochs: each number (epochs, items).

        NaN from where it has diverged.
        """
        looks = {}

        def look(epoch: int) -> None:
            if epoch in self.epochs:
                ours = see(model, prompts, False, self.top)
                looks[epoch] = {"accuracy": ours.right.astype(float), "loss": ours.loss}
                looks[epoch] |= _compared(ours, {name: seen[name] for name in VERSUS})

        how = Finetuning(
            lr=rate, epochs=self.epochs[-1], batch="full", loss="label", parameters=entries
        )
        with finetune(model, prompts, how, each_epoch=look):
            pass
        lost = np.full(len(prompts.queries), np.nan)
        return {
            key: np.array([looks.get(epoch, {}).get(key, lost) for epoch in self.epochs])
            for key in ("accuracy", "loss", *(f"{v}/{m}" for v in VERSUS for m in METRICS))
        }


def another_order(count: int, seed: int) -> np.ndarray:
    """A random order of so many demonstrations, other than theirs."""
    order = np.random.default_rng([seed, 4]).permutation(count)
    return order[::-1] if (order == np.arange(count)).all() else order


def chosen(looks: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Each number at the rate and epoch with the smallest loss, chosen on the other items.

    Every second item decides for the rest, and the rest for them.

    Parameters
    ----------
    looks : dict of str to (rates, epochs, items)
        With the loss of each item; NaN where finetuning has diverged.

    Returns
    -------
    dict of str to float
        Means over all items; NaN if every finetuning has diverged.
    """
    half = np.arange(looks["loss"].shape[-1]) % 2
    places = []
    for one in (0, 1):
        loss = np.nan_to_num(looks["loss"][..., half == one].mean(-1), nan=np.inf)
        places.append(np.unravel_index(loss.argmin(), loss.shape))
    return {
        key: float(np.where(half, values[places[0]], values[places[1]]).mean())
        for key, values in looks.items()
    }


def _compared(one: Seen, others: Mapping[str, Seen]) -> dict[str, np.ndarray]:
    """How alike one setting is to each of some others, by "other/metric"."""
    return {
        f"{name}/{metric}": values
        for name, other in others.items()
        for metric, values in alike(one, other).items()
    }


def _item_means(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Means over the last axis, the items."""
    return {key: np.asarray(value.mean(-1)) for key, value in values.items()}


def _gathered(cells: np.ndarray) -> dict[str, np.ndarray]:
    """A (seeds, n_demos) array of dicts as a dict of arrays; NaN where a key is missing."""
    keys = {key: np.shape(value) for cell in cells.flat for key, value in cell.items()}
    return {
        key: np.array([[cell.get(key, np.full(size, np.nan)) for cell in row] for row in cells])
        for key, size in keys.items()
    }
