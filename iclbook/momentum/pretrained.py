"""The recorded experiment ``momentum-pretrained``: momentum in a model that was trained without.

No weight changes. At each eta the model reads prose, and answers questions in context; the same
texts and demonstrations at all of them, and without momentum.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.study.setup import Setup
from iclbook.gpt.text.data import load_rows
from iclbook.momentum.attach import add_momentum, remove_mixing
from iclbook.momentum.measure import answers, perplexity
from iclbook.momentum.texts import read
from iclbook.records.record import Record, Results
from iclbook.rounding import rounded
from iclbook.validate import check_choice, check_count, check_number, check_seeds

RULES = ("sum", "mean")


@dataclass(frozen=True)
class Pretrained:
    """Momentum put into a pretrained model: perplexity and in-context accuracy by eta.

    Attributes
    ----------
    model : str
        As `iclbook.gpt.study.setup.Setup` takes it.
    rule : str
        sum, as published, or mean: that times 1 - eta.
    etas : tuple of float
        Between 0 and 1.
    text : str
        package (the sentences of the packaged rows of subj from which demonstrations are drawn),
        or another text that `iclbook.momentum.texts.read` takes, of which what is held out.
    length, pieces : int
        Tokens of a piece of prose, and how many pieces.
    tasks : tuple of str
    data : str
        Folder of data sets, or package.
    seeds : tuple of int
        Draws of demonstrations, for every task.
    k : int
        Demonstrations.
    items : int
        How many are evaluated.
    threads : int
        CPU threads.
    """

    model: str = "smollm2"
    rule: str = "sum"
    etas: tuple[float, ...] = (0.001, 0.01, 0.03, 0.1, 0.3)
    text: str = "package"
    length: int = 256
    pieces: int = 8
    tasks: tuple[str, ...] = ("mr", "subj")
    data: str = "package"
    seeds: tuple[int, ...] = (0, 1, 2)
    k: int = 8
    items: int = 40
    threads: int = 1

    def __post_init__(self):
        check_choice("rule", self.rule, RULES)
        check_seeds(self.seeds)
        for name in ("length", "pieces", "k", "items"):
            check_count(name, getattr(self, name))
        if not self.etas or not self.tasks:
            raise ValueError(
                f"etas is {self.etas}, tasks {self.tasks}; expected one or more of both."
            )
        for eta in self.etas:
            check_number("etas", eta, low=0.0, high=1.0, open_low=True)

    def run(self) -> Results:
        """Read and answer, without momentum and at every eta.

        Raises
        ------
        ValueError
            If the text is too short.
        """
        setups = [[self._setup(task, seed) for seed in self.seeds] for task in self.tasks]
        model = setups[0][0].language_model()
        prompts = [[one.prompts(model, *one.rows()) for one in row] for row in setups]
        pieces = self._pieces(model)
        losses, right = [], []
        for eta in (0.0, *self.etas):
            if eta:
                add_momentum(model.net, eta, normalised=self.rule == "mean")
            try:
                losses.append(perplexity(model.net, [pieces], self.length))
                right.append([[(answers(model, p) == p.gold).mean() for p in r] for r in prompts])
            finally:
                remove_mixing(model.net)
        return Results(
            {
                "etas": {"value": [0.0, *self.etas], "tolerance": 0},
                "perplexity": {"value": rounded(losses, 4, significant=True), "tolerance": 0.05},
                "accuracy": {"value": rounded(right, 4), "tolerance": 0.05},
                "k_used": {"value": [[p.k_used for p in r] for r in prompts], "tolerance": 0},
                "model_origin": {"value": model.origin, "tolerance": 0},
            }
        )

    def _setup(self, task: str, seed: int) -> Setup:
        return Setup(
            model=self.model,
            task=task,
            data=self.data,
            k=self.k,
            seed=seed,
            items=self.items,
            settings=("icl",),
            threads=self.threads,
        )

    def _pieces(self, model: LanguageModel) -> np.ndarray:
        """The prose as token ids, (pieces, length)."""
        needed = self.pieces * self.length
        if self.text == "package":
            prose = "\n".join(row["text"] for row in load_rows("subj", "package").train)
        else:
            prose = read(self.text)[1].decode()
        prose = prose[: 10 * needed]  # words have fewer than ten letters
        ids = model.tokenizer(prose, add_special_tokens=False)["input_ids"][:needed]
        if len(ids) < needed:
            raise ValueError(
                f"text {Path(self.text).name!r} has {len(ids)} tokens; expected {needed} for "
                f"{self.pieces} pieces of {self.length}. Ask for fewer or shorter pieces."
            )
        return np.reshape(ids, (self.pieces, self.length))


def lines(record: Record) -> Iterable[str]:
    """A table as text: a line for each eta."""
    columns = (record[name] for name in ("etas", "perplexity", "accuracy"))
    for eta, value, accuracy in zip(*columns, strict=True):
        shares = "  ".join(
            f"{task} {sum(draws) / len(draws):.3f}"
            for task, draws in zip(record.config["tasks"], accuracy, strict=True)
        )
        yield f"eta {eta:<6g} perplexity {value:<8.4g} in context: {shares}"
