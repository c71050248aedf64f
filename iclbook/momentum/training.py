"""The recorded experiment ``momentum``: one small GPT, trained with one variant and one seed.

Variants of a seed begin with the same weights and read the same batches in the same order, so that
they are compared in pairs. The loop, optimisers included, is that of the bundled model's training.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from iclbook.gpt.model.load import load_model
from iclbook.gpt.text.tasks import MINI
from iclbook.mini.measure import right
from iclbook.mini.model import check_sizes, untrained
from iclbook.mini.training import Schedule, mean_loss, train, workplace
from iclbook.momentum.texts import PARTS, Batch, Words, open_text
from iclbook.momentum.variants import VARIANTS, add_variant
from iclbook.records.record import Results
from iclbook.rounding import rounded
from iclbook.validate import check_choice, check_count, check_number

SHEETS, EXAMPLES, FIRST = 16, 12, 8
"""Sheets of each task in which examples are answered, how many a sheet has, and the first of them
that is: the four last ones, each behind all before it."""

STARTS = ("drawn", "bundled")


@dataclass(frozen=True)
class Training:
    """Train a small GPT with a variant of momentum attention; perplexity and in-context accuracy.

    Attributes
    ----------
    variant : str
        plain, momentum, mean, nesterov, learned, convolution, shuffled.
    eta : float
        Between 0 and 1; for plain it means nothing.
    seed : int
        Of the weights and of the batches.
    start : str
        drawn: with weights drawn by the seed; bundled: with those of the bundled model, which
        reads the text mini and has sizes of its own.
    text : str
        mini, python, or a folder with *.txt or *.txt.gz, of which validation* are held out.
    steps, every : int
        Steps of training; steps between two lines of output, which divide them.
    rows, length : int
        Of a batch, in tokens; perplexity is also measured with a half and a quarter of the length.
    width, layers, heads : int
        Of the model.
    lr, warmup : float, int
        Learning rate, and the steps in which it is reached; it falls in the last 30% of them.
    threads : int
        CPU threads.
    """

    variant: str = "momentum"
    eta: float = 0.5
    seed: int = 0
    start: str = "drawn"
    text: str = "mini"
    steps: int = 300
    every: int = 100
    rows: int = 4
    length: int = 256
    width: int = 64
    layers: int = 2
    heads: int = 4
    lr: float = 4e-3
    warmup: int = 50
    threads: int = 1

    def __post_init__(self):
        check_choice("variant", self.variant, VARIANTS)
        check_number("eta", self.eta, low=0.0, high=1.0, open_low=True)
        check_count("seed", self.seed, low=0)
        check_choice("start", self.start, STARTS)
        if self.start == "bundled" and self.text != "mini":
            raise ValueError(f"text is {self.text!r}; the bundled model reads 'mini' alone.")
        check_count("rows", self.rows)
        check_count("length", self.length, low=8)
        check_sizes(self)
        self.schedule()  # checks the others

    @property
    def lengths(self) -> tuple[int, int, int]:
        """At how many tokens perplexity is measured."""
        return self.length // 4, self.length // 2, self.length

    @property
    def offset(self) -> int:
        """What is added to the seed of the batches: the bundled model has seen those of seed 0."""
        return 1000 if self.start == "bundled" else 0

    def schedule(self) -> Schedule:
        """How the model is trained."""
        return Schedule(
            steps=self.steps,
            every=self.every,
            lr=self.lr,
            warmup=self.warmup,
            fall=0.3,
            decay=0.01,
            precision="float32",
            threads=self.threads,
        )

    def run(self) -> Results:
        """Train, or go on from the state in ``ICLBOOK_CHECKPOINTS`` if that folder is set.

        Raises
        ------
        ValueError
            If the text is too short, or the state is of other settings.
        FloatingPointError
            If the loss is no longer finite.
        """
        text = open_text(self.text, self.seed + self.offset, self.rows, self.length)
        if self.start == "bundled":
            net = load_model("mini", device="cpu").net
        else:
            net = untrained(
                self,
                vocab_size=text.vocabulary,
                intermediate_size=4 * self.width,
                max_position_embeddings=2 * self.length,
                pad_token_id=0,
            )
        add_variant(net, self.variant, self.eta, self.seed)
        settings = asdict(self) | {"sha256": text.sha256}
        kind = f"{self.start}-{Path(self.text).name}-{self.variant}-{self.eta:g}"
        with workplace(self.threads) as folder:
            seen = train(
                net,
                self.schedule(),
                settings,
                text.batch,
                lambda step: {},
                folder / "momentum" / f"{kind}-seed-{self.seed}.pt",
            )
        net.eval()
        trained = [rows for number in range(PARTS) for rows in text.batch(number)]
        held_out = {n: perplexity(net, text.held_out(), n) for n in self.lengths}
        exact = {
            "lengths": {"value": list(self.lengths), "tolerance": 0},
            "parameters": {"value": sum(p.numel() for p in net.parameters()), "tolerance": 0},
            "text_sha256": {"value": text.sha256, "tolerance": 0},
            "training_perplexity": {
                "value": rounded(perplexity(net, trained, self.length), 4),
                "tolerance": 0.5,
            },
            "held_out_perplexity": {"value": rounded([*held_out.values()], 4), "tolerance": 0.5},
        }
        if isinstance(text, Words):
            exact["tasks"] = {"value": list(MINI), "tolerance": 0}
            exact |= {
                name: {"value": rounded(in_context(net, text, name == "arbitrary"), 4)}
                | {"tolerance": 0.3}
                for name in ("usual", "arbitrary")
            }
        if self.variant == "learned":
            etas = [p.detach().sigmoid() for name, p in net.named_parameters() if "logit" in name]
            exact["etas"] = {"value": rounded(etas, 4), "tolerance": 0.2}
        return Results(
            deterministic=exact,
            measured={
                "step": {"value": seen["step"], "unit": "steps"},
                "loss": {"value": rounded(seen["loss"], 4), "unit": "nats a token"},
                "seconds": {"value": rounded(sum(seen["seconds"]), 1), "unit": "s"},
            },
        )


def perplexity(net, batch: Batch, length: int) -> float:
    """Perplexity of texts that are cut into pieces of a length; the first token of each is given.

    Parameters
    ----------
    net : transformers.PreTrainedModel
    batch : list of arrays, (rows, tokens)
    length : int
        Tokens of a piece, no more than there are in a row.
    """
    pieces = [rows[:, : rows.shape[1] // length * length].reshape(-1, length) for rows in batch]
    return float(np.exp(mean_loss(net, pieces, "float32")))


def in_context(net, text: Words, arbitrary: bool) -> list[float]:
    """Share of right answers on each task of the small language, behind eight examples or more.

    Parameters
    ----------
    net : transformers.PreTrainedModel
    text : Words
        Writes the sheets, which are the same for every variant of a seed.
    arbitrary : bool
        Whether label words are drawn for each sheet; else they are the task's own.
    """
    random = np.random.default_rng([text.seed, 3])
    return [
        right(net, *text.corpus.sheets(task, SHEETS, EXAMPLES, arbitrary, random), FIRST)
        for task in MINI
    ]
