"""When learning in context appears, and what it can do: the recorded experiment
``doubts-emergence``.

A small model is trained on stories and labelled sheets, mixed with a chosen share of sheets: with
none, with some, with nothing else, or on the labels of sheets alone, which is to train for
in-context learning as models of regression are trained. On the way it answers sheets with label
words of every kind; at the end the metrics of Part III compare it in context with its own
finetuning, and the entries of its matrices are counted.

The trap: a share of the sheets is also an amount of them. At the same step a model with half the
share has seen half as many labels.

Chapter: "Is the setting the wild one?"
"""

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from iclbook.gpt.doubts.sparsity import LEVELS, below, projections
from iclbook.gpt.model.load import load_model
from iclbook.gpt.study.cell import Cell
from iclbook.gpt.study.rate import MINI_GRID, Rate
from iclbook.mini import model, tokenizer
from iclbook.mini.corpus import Corpus, Mixture, vocabulary
from iclbook.mini.newwords import SAID, SETTINGS, SHORT, answers, is_label
from iclbook.mini.training import Schedule, train, workplace
from iclbook.records import Results
from iclbook.rounding import rounded
from iclbook.validate import check_choice, check_count, check_number


@dataclass(frozen=True)
class Emergence:
    """Train a small model on a share of labelled sheets, and look at its learning in context.

    Attributes
    ----------
    sheets : float
        Share of the documents that are labelled sheets; the rest are stories.
    loss : str
        On all tokens, or on the labels alone (of sheets alone).
    seed : int
        Of the weights and of the corpus.
    steps, every : int
        Steps of training, and between two looks.
    rows, length : int
        Documents of a step, and their length in tokens.
    width, layers, heads : int
        Of the model.
    lr, warmup, decay : float, int, float
        As of `iclbook.mini.pretrain.Pretraining`.
    k, items : int
        Demonstrations and items of the comparison with finetuning.
    threads : int
        CPU threads.
    """

    sheets: float = 1.0
    loss: str = "all"
    seed: int = 0
    steps: int = 1800
    every: int = 150
    rows: int = 16
    length: int = 160
    width: int = 64
    layers: int = 3
    heads: int = 4
    lr: float = 4e-3
    warmup: int = 50
    decay: float = 0.01
    k: int = 10
    items: int = 100
    threads: int = 1

    def __post_init__(self) -> None:
        if check_number("sheets", self.sheets, low=0.0) > 1:
            raise ValueError(f"sheets is {self.sheets:g}; expected a share, from 0 to 1.")
        check_choice("loss", self.loss, ("all", "labels"))
        if self.loss == "labels" and self.sheets < 1:
            raise ValueError(
                f"loss is labels and sheets is {self.sheets:g}; expected 1: stories have no labels."
            )
        check_count("k", self.k)
        check_count("items", self.items)
        model.check_sizes(self)
        self.schedule()
        self.mixture()

    def schedule(self) -> Schedule:
        """How the model is trained."""
        names = ("steps", "every", "lr", "warmup", "decay", "threads")
        given = {name: getattr(self, name) for name in names}
        return Schedule(**given, fall=0.3, precision="float32")

    def mixture(self) -> Mixture:
        """What it is trained on; of its documents the long ones are left out."""
        return Mixture(
            story=1 - self.sheets,
            usual=0.15 * self.sheets,
            swapped=0.15 * self.sheets,
            lists=0.35,
            bare=0.25,
            short_rows=self.rows,
            short=self.length,
            long_rows=1,
            long=self.length,
        )

    def run(self) -> Results:
        """Train, or go on from the state in ``ICLBOOK_CHECKPOINTS`` if that folder is set."""
        words = vocabulary()
        net = model.untrained(
            self,
            vocab_size=3 + len(words),
            intermediate_size=3 * self.width,
            max_position_embeddings=self.length,
            pad_token_id=2,
        )
        corpus = Corpus(self.mixture(), self.seed)
        with workplace(self.threads) as folder:
            seen = train(
                net,
                self.schedule(),
                asdict(self),
                lambda step: corpus.batch(step)[:1],
                lambda step: answers(net, corpus),
                folder / "emergence.pt",
                is_label if self.loss == "labels" else None,
            )
        with tempfile.TemporaryDirectory(prefix="iclbook-") as place:
            model.save(net, tokenizer.word_tokenizer(words), Path(place))
            compared = {task: self._compare(place, task) for task in SHORT}
            matrices = projections(load_model(place))
        counted = {
            part: {
                "rms": [float(np.sqrt((W**2).mean())) for W in layers],
                "below": np.mean([below(W) for W in layers], axis=0),
                "below_rms": np.mean([below(W, relative=True) for W in layers], axis=0),
            }
            for part, layers in matrices.items()
        }
        exact = {"tasks": list(SHORT), "levels": list(LEVELS)}
        last = {f"{name}_at_the_end": rounded(seen[name][-1], 3) for name in SETTINGS}
        curves = {name: rounded(seen[name], 3) for name in (*SETTINGS, *SAID)}
        return Results(
            deterministic={name: {"value": v, "tolerance": 0} for name, v in exact.items()}
            | {name: {"value": v, "tolerance": 0.3} for name, v in last.items()},
            measured={
                "step": {"value": seen["step"], "unit": "steps"},
                "loss": {"value": rounded(seen["loss"], 4), "unit": "nats a predicted token"},
                "seconds": {"value": rounded(seen["seconds"], 1), "unit": "s"},
                "compared": {"value": rounded(compared, 4), "unit": "as of a cell"},
                "entries": {"value": rounded(counted, 4), "unit": "share of the entries"},
                **{n: {"value": v, "unit": "share of right answers"} for n, v in curves.items()},
            },
        )

    def _compare(self, folder: str, task: str) -> dict:
        """Accuracies and metrics of one task, at the learning rate that other rows choose."""
        given = dict(model=folder, task=task, data="package", k=self.k)
        lr = Rate(**given, rates=MINI_GRID, selection=100).run().deterministic["best"]["value"]
        found = Cell(**given, items=self.items, lr=lr).run().deterministic
        place = found["positions"]["value"]["last"]
        return {
            "lr": lr,
            "k_used": found["k_used"]["value"],
            "accuracy": found["accuracy"]["value"],
            "rec2ftp": found["rec2ftp"]["value"],
            "simaou": place["simaou"],
            "simam": place["simam"],
        }
