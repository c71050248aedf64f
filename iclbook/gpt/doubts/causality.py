"""Rules of descent at equal and at own step sizes: the recorded experiment ``doubts-causality``.

Layer-causal descent is reported to resemble in-context learning more than gradient descent does, at
the same learning rate. But its gradients are larger, so at one rate its steps are larger, and some
scores grow with the step. So every rule is also run with a rate at which it goes as far as gradient
descent, and the directions of one rule are put back with the sizes of the other, layer by layer.
Random directions of the same sizes are scored beside them.

Chapter: "Could gradient descent even do this?"
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from iclbook.gpt.doubts.changes import (
    Changes,
    changed,
    changes_by,
    matched,
    random_changes,
    resized,
    sizes,
)
from iclbook.gpt.doubts.scores import SCORES, alpha, scores
from iclbook.gpt.metrics.scores import defined_mean
from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.reading.observe import POSITIONS, observe
from iclbook.gpt.report.searches import chosen_rates
from iclbook.gpt.study.setup import Setup
from iclbook.gpt.text.prompts import Prompts
from iclbook.gpt.tuning.finetune import Finetuning
from iclbook.records import Results
from iclbook.rounding import finite, rounded
from iclbook.validate import check_choice, check_count, check_number, check_seeds

GD = "gd"
CAUSAL = ("lcgd-code", "lcgd-paper")


def arms(rules: Sequence[str]) -> tuple[str, ...]:
    """Names of all that is compared with in-context learning.

    ``RULE``: a rule at the rate of gradient descent; ``RULE matched``: at the rate at which it goes
    as far as gradient descent in all; ``RULE as gd``: that, with the size of gradient descent in
    every layer; ``gd as RULE``: the reverse; ``noise as ...``: random directions.
    """
    causal = [rule for rule in rules if rule != GD]
    own = [f"{rule}{kind}" for rule in causal for kind in ("", " matched", f" as {GD}")]
    other = [f"{who} as {rule}" for rule in causal for who in (GD, "noise")]
    return (GD, f"noise as {GD}", *own, *other)


@dataclass(frozen=True)
class Causality:
    """Gradient descent and layer-causal descent beside in-context learning, at several step sizes.

    Attributes
    ----------
    model : str
        As `iclbook.gpt.study.setup.Setup` takes it.
    tasks : tuple of str
    data : str
        Folder of data sets; empty: as for a setup.
    seeds : tuple of int
        Draws of demonstrations, for every task.
    k : int
        Demonstrations.
    items : int
        How many are evaluated; 0 for all.
    lr : float
        Learning rate of gradient descent; 0 for the recorded choice of each task and draw.
    rules : tuple of str
        gd, and one or more of lcgd-code and lcgd-paper.
    dtype : str
        Precision.
    threads : int
        CPU threads.
    """

    model: str = "mini"
    tasks: tuple[str, ...] = (
        "mini-cb",
        "mini-sst2",
        "mini-sst5",
        "mini-subj",
        "mini-mr",
        "mini-agnews",
    )
    data: str = ""
    seeds: tuple[int, ...] = (0, 1, 2)
    k: int = 32
    items: int = 200
    lr: float = 0.0
    rules: tuple[str, ...] = (GD, *CAUSAL)
    dtype: str = "auto"
    threads: int = 1

    def __post_init__(self) -> None:
        check_seeds(self.seeds)
        check_count("k", self.k)
        check_count("items", self.items, low=0)
        check_number("lr", self.lr, low=0.0)
        for rule in self.rules:
            check_choice("rules", rule, (GD, *CAUSAL))
        if GD not in self.rules or len(self.rules) < 2 or not self.tasks:
            raise ValueError(
                f"rules is {self.rules}, tasks {self.tasks}; expected gd and another rule, and one "
                "or more tasks."
            )

    def run(self) -> Results:
        """Finetune, resize and compare, for every task and draw."""
        rates = chosen_rates(self.model, self.tasks, self.seeds, self.lr)
        found = [
            [self._draw(task, seed, rates[task, seed]) for seed in self.seeds]
            for task in self.tasks
        ]

        def over(draws, *path):
            for name in path:
                draws = [[one[name] for one in row] for row in draws]
            return np.array(draws, dtype=float)  # [task, draw, ...]

        by_arm = {
            arm: {
                at: {name: over(found, "scores", arm, at, name) for name in SCORES}
                for at in POSITIONS
            }
            for arm in arms(self.rules)
        }
        kept = {
            "scores": _each(by_arm, lambda values: defined_mean(values, -1)),
            "layers": _each(by_arm, lambda values: defined_mean(defined_mean(values, 0), 0)),
            "accuracy": {s: over(found, "accuracy", s) for s in found[0][0]["accuracy"]},
            "sizes": {arm: over(found, "sizes", arm) for arm in found[0][0]["rates"]},
            "alpha": {
                arm: {at: over(found, "alpha", arm, at) for at in POSITIONS}
                for arm in found[0][0]["alpha"]
            },
        }
        exact = {"rates": {arm: over(found, "rates", arm) for arm in found[0][0]["rates"]}}
        exact["k_used"] = over(found, "k_used").astype(int)
        origin = found[0][0]["model_origin"]
        plain = {name: finite(rounded(value, 4, significant=True)) for name, value in kept.items()}
        rest = {name: finite(rounded(value, 4, significant=True)) for name, value in exact.items()}
        return Results(
            {name: {"value": value, "tolerance": 0.05} for name, value in plain.items()}
            | {name: {"value": value, "tolerance": 0.02} for name, value in rest.items()}
            | {"model_origin": {"value": origin, "tolerance": 0}}
        )

    def _draw(self, task: str, seed: int, lr: float) -> dict:
        """Everything about one draw of demonstrations of one task."""
        setup = Setup(
            model=self.model,
            task=task,
            data=self.data,
            k=self.k,
            seed=seed,
            items=self.items,
            dtype=self.dtype,
            threads=self.threads,
        )
        model = setup.language_model()
        prompts = setup.prompts(model, *setup.rows())
        changes, rates = self._changes(model, prompts, lr, seed)
        zsl, icl = (observe(model, prompts, context) for context in (False, True))
        seen = {"zsl": zsl, "icl": icl}
        for arm, change in changes.items():
            if change is not None:
                with changed(model, change):
                    seen[arm] = observe(model, prompts, False)
        layers = zsl.hidden["last"].shape[1]
        nothing = dict.fromkeys(SCORES, np.full(layers, np.nan))
        of_arms = {
            arm: {
                at: scores(zsl, icl, seen[arm], at) if arm in seen else nothing for at in POSITIONS
            }
            for arm in changes
        }
        return {
            "scores": of_arms,
            "accuracy": {
                name: (seen[name].predicted == zsl.gold).mean() if name in seen else np.nan
                for name in ("zsl", "icl", *changes)
            },
            "sizes": {
                arm: np.full(layers, np.nan) if changes[arm] is None else sizes(changes[arm])
                for arm in rates
            },
            "alpha": {
                arm: {
                    at: alpha(zsl, seen[arm], seen[GD], at) if arm in seen else np.nan
                    for at in POSITIONS
                }
                for arm in rates
                if arm != GD
            },
            "rates": rates,
            "k_used": prompts.k_used,
            "model_origin": model.origin,
        }

    def _changes(
        self, model: LanguageModel, prompts: Prompts, lr: float, seed: int
    ) -> tuple[dict[str, Changes | None], dict[str, float]]:
        """What each arm adds to keys and values, and the rates of those that are trained."""
        how = Finetuning(lr=lr)
        plain = changes_by(model, prompts, how)
        if plain is None:
            raise ValueError(f"gradient descent diverged at rate {lr:g}; choose a smaller lr.")
        size, noise = sizes(plain), random_changes(model, np.random.default_rng(seed))
        found = {GD: plain, f"noise as {GD}": resized(noise, size)}
        rates = {GD: lr}
        for rule in self.rules:
            if rule == GD:
                continue
            own = replace(how, rule=rule)
            causal = changes_by(model, prompts, own)
            rate, equal = matched(model, prompts, own, np.linalg.norm(size), causal)
            rates |= {rule: lr, f"{rule} matched": rate}
            found |= {
                rule: causal,
                f"{rule} matched": equal,
                f"{rule} as {GD}": resized(equal, size),
            }
            for name, direction in ((GD, plain), ("noise", noise)):
                large = None if causal is None else resized(direction, sizes(causal))
                found[f"{name} as {rule}"] = large
        return found, rates


def _each(tree: Mapping, function) -> dict:
    """A function of every array of nested dicts."""
    return {
        k: _each(v, function) if isinstance(v, Mapping) else function(v) for k, v in tree.items()
    }
