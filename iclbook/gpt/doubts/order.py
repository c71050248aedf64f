"""What the order of the demonstrations changes: the recorded experiment ``doubts-order``.

The same demonstrations are given in several orders, in context and as training examples, and the
whole output distributions are compared (Shen et al. 2024). Beside the sensitivity to the order
stands how far the distribution has moved from zero-shot: a method that changes nothing cannot be
sensitive to anything.

The trap: a larger batch takes fewer steps. So a rate is one per demonstration: a step on b of them,
whose loss is their mean, has b times that rate, and an epoch moves about as far with every batch.

Chapter: "Do they feel the order alike?"
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from iclbook.gpt.doubts.apart import read_apart
from iclbook.gpt.metrics.distributions import order_sensitivity
from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.reading.observe import observe
from iclbook.gpt.study.setup import Setup
from iclbook.gpt.text.prompts import Prompts
from iclbook.gpt.text.words import label_tokens
from iclbook.gpt.tuning.finetune import Finetuning, finetune
from iclbook.records import Results
from iclbook.rounding import rounded
from iclbook.validate import check_choice, check_count, check_number, check_seeds

CONTEXTS = ("icl", "apart", "side-by-side")
"""In context: as one text; read one by one, each at its place; one by one, all at one place."""

DESCENTS = tuple(f"{o}-{b}" for o in ("sgd", "adam") for b in (1, 2, 4, "full"))
"""Finetuned: the optimiser, and how many demonstrations a step takes."""


@dataclass(frozen=True)
class Order:
    """Sensitivity to the order of demonstrations, in context and finetuned.

    Attributes
    ----------
    model : str
        As `iclbook.gpt.study.setup.Setup` takes it.
    task : str
        Name of a task.
    data : str
        Folder of data sets, or package; empty: as for a setup.
    seeds : tuple of int
        Draws of demonstrations.
    k : int
        Demonstrations in a draw.
    items : int
        How many items are answered.
    orders : int
        Random orders of each draw.
    methods : tuple of str
        In context: icl; apart and side-by-side, where demonstrations do not read each other.
        Finetuned: sgd or adam with a batch, as sgd-1 or adam-full.
    rates : tuple of float
        Learning rates of SGD, for one demonstration: a step on several has so many times it.
    adam_rates : tuple of float
        The same for Adam.
    epochs : tuple of int
        After how many passes over the demonstrations, always in their order, there is a look.
    parameters : str
        What is finetuned: kv, all, v:LAYER.
    loss : str
        On all tokens, or on the label.
    dtype : str
        Precision, as for a setup.
    threads : int
        CPU threads.
    """

    model: str = "mini"
    task: str = "mini-agnews"
    data: str = ""
    seeds: tuple[int, ...] = (0, 1, 2)
    k: int = 8
    items: int = 40
    orders: int = 10
    methods: tuple[str, ...] = (*CONTEXTS, "sgd-1", "sgd-2", "sgd-4", "sgd-full", "adam-1")
    rates: tuple[float, ...] = (0.05, 0.2)
    adam_rates: tuple[float, ...] = (0.0005, 0.002)
    epochs: tuple[int, ...] = (1, 2, 4, 8)
    parameters: str = "kv"
    loss: str = "all"
    dtype: str = "auto"
    threads: int = 1

    def __post_init__(self) -> None:
        check_seeds(self.seeds)
        check_count("orders", self.orders, low=2)
        for name in ("k", "items"):
            check_count(name, getattr(self, name))
        for method in self.methods:
            check_choice("methods", method, CONTEXTS + DESCENTS)
        for rate in self.rates + self.adam_rates:
            check_number("rates", rate, low=0.0, open_low=True)
        for epochs in self.epochs:
            check_count("epochs", epochs)
        self._setup(0)  # its own checks, before any work

    def run(self) -> Results:
        """Answer the items under every order, by every method; compare the answers."""
        points, zero = [], None
        for seed in self.seeds:
            setup = self._setup(seed)
            model, (rows, demos, items) = setup.language_model(), setup.rows()
            prompts = setup.prompts(model, rows, demos, items)
            if zero is None:  # no demonstration has a part in it
                zero = _answers(model, prompts, context=False)
            orders = list(random_orders(prompts, self.orders, seed))
            for method in self.methods:
                for rate in self._rates(method):
                    looks = self._looks(model, orders, method, rate)
                    for epochs, (shown, predicted) in looks.items():
                        points.append(
                            {"method": method, "seed": seed, "rate": rate, "epochs": epochs}
                            | compared(shown, predicted, zero[0], prompts.gold)
                        )
        exact = {
            "k_used": prompts.k_used,
            "zero_shot_accuracy": float((zero[1] == prompts.gold).mean()),
            "inputs": self._setup(self.seeds[0]).inputs(),
            "model_origin": model.origin,
            "data_origin": rows.origin,
        }
        return Results(
            {"points": {"value": rounded(points, 4, significant=True), "tolerance": 0.03}}
            | {name: {"value": value, "tolerance": 0} for name, value in exact.items()}
        )

    def _setup(self, seed: int) -> Setup:
        names = ("model", "task", "data", "k", "items", "parameters", "loss", "dtype", "threads")
        return Setup(seed=seed, **{name: getattr(self, name) for name in names})

    def _rates(self, method: str) -> tuple[float | None, ...]:
        if method in CONTEXTS:
            return (None,)
        return self.rates if method.startswith("sgd") else self.adam_rates

    def _looks(
        self, model: LanguageModel, orders: list[Prompts], method: str, rate: float | None
    ) -> dict[int | None, tuple[np.ndarray, np.ndarray]]:
        """Probabilities and answers under every order, after each number of epochs.

        Orders that a method cannot tell apart are worked on once.
        """
        if method == "side-by-side" or method.endswith("full"):
            orders = [in_fixed_order(prompts) for prompts in orders]
        known = {}
        for prompts in orders:
            if prompts.demos not in known:
                known[prompts.demos] = self._one_order(model, prompts, method, rate)
        each = [known[prompts.demos] for prompts in orders]
        return {
            epochs: tuple(np.stack([found[epochs][part] for found in each]) for part in (0, 1))
            for epochs in each[0]
        }

    def _one_order(
        self, model: LanguageModel, prompts: Prompts, method: str, rate: float | None
    ) -> dict[int | None, tuple[np.ndarray, np.ndarray]]:
        if method == "icl":
            return {None: _answers(model, prompts, context=True)}
        if method in CONTEXTS:
            shown = read_apart(model, prompts, method == "side-by-side")
            return {None: (shown, _among_labels(shown, prompts))}
        optimiser, batch = method.split("-")
        size = prompts.k_used if batch == "full" else int(batch)
        how = Finetuning(
            lr=rate * size,
            optimiser=optimiser,
            batch=size,
            epochs=max(self.epochs),
            loss=self.loss,
            parameters=self.parameters,
        )
        found = {}

        def look(epochs: int) -> None:
            if epochs in self.epochs:
                found[epochs] = _answers(model, prompts, context=False)

        with finetune(model, prompts, how, each_epoch=look) as tuned:
            if tuned.diverged:
                raise ValueError(
                    f"{method} at rate {rate:g} diverged on {self.task}; choose smaller rates."
                )
        return found


def random_orders(prompts: Prompts, orders: int, seed: int) -> Iterator[Prompts]:
    """The same prompts with their demonstrations in random orders.

    Parameters
    ----------
    prompts : Prompts
    orders : int
        How many.
    seed : int
        Of the draw of orders.
    """
    rng = np.random.default_rng([seed, 5])
    for _ in range(orders):
        yield arranged(prompts, rng.permutation(prompts.k_used))


def arranged(prompts: Prompts, order: Int[np.ndarray, " k"] | list[int]) -> Prompts:
    """The same prompts with their demonstrations in this order."""
    demos, gold = ([of[i] for i in order] for of in (prompts.demos, prompts.demo_gold))
    return dataclasses.replace(prompts, demos=tuple(demos), demo_gold=tuple(gold))


def in_fixed_order(prompts: Prompts) -> Prompts:
    """The same prompts with their demonstrations in an order that depends on nothing but them.

    A sum does not depend on the order of its terms, but the rounding of a computed one does. So
    where a method only sums over demonstrations, it sums in this order.
    """
    return arranged(prompts, sorted(range(prompts.k_used), key=prompts.demos.__getitem__))


def compared(
    shown: Float[np.ndarray, "orders n V"],
    predicted: Int[np.ndarray, "orders n"],
    zero: Float[np.ndarray, "n V"],
    gold: Int[np.ndarray, " n"],
) -> dict[str, float | list]:
    """Order sensitivity, and what it should be seen beside.

    Parameters
    ----------
    shown, predicted : array, shapes (orders, n, V) and (orders, n)
        Probabilities and label ids under every order.
    zero : array, shape (n, V)
        Zero-shot probabilities.
    gold : array, shape (n,)

    Returns
    -------
    dict
        ``sensitivity``, mean over items, and ``by_item``; ``moved``: sum over the vocabulary of
        how far the mean over orders is from zero-shot (0 to 2), mean over items; ``accuracy``,
        mean over orders; ``against``: how many orders do not give an item's commonest answer.
    """
    by_item = order_sensitivity(shown)
    commonest = [np.bincount(answers).max() for answers in predicted.T]
    return {
        "sensitivity": by_item.mean(),
        "moved": np.abs(shown.mean(axis=0, dtype=float) - zero).sum(axis=1).mean(),
        "accuracy": (predicted == gold).mean(),
        "by_item": by_item,
        "against": [len(predicted) - int(most) for most in commonest],
    }


def _answers(model: LanguageModel, prompts: Prompts, context: bool):
    """Probabilities (n, V) and label ids (n,)."""
    seen = observe(model, prompts, context, positions=("last",), want=("distribution",))
    return seen.distribution, seen.predicted


def _among_labels(shown: np.ndarray, prompts: Prompts) -> np.ndarray:
    """The likeliest label word of one token."""
    return shown[:, label_tokens(prompts)].argmax(axis=1)
