"""Pretraining of the bundled model: plain next-token prediction on the corpus.

Nothing in the loss knows of labels, sheets or tasks. The loop is that of
:mod:`iclbook.mini.training`, the network that of :mod:`iclbook.mini.model`.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

from iclbook.gpt.text.tasks import MINI
from iclbook.mini import model, tokenizer
from iclbook.mini.corpus import Corpus, Mixture, vocabulary
from iclbook.mini.measure import SETTINGS, accuracy
from iclbook.mini.training import Schedule, train, workplace
from iclbook.records.record import Results
from iclbook.rounding import rounded


@dataclass(frozen=True)
class Pretraining(Mixture):
    """Train the bundled model and measure it on the way.

    The first fields are those of the corpus, see :class:`iclbook.mini.corpus.Mixture`.

    Attributes
    ----------
    seed : int
        Of the weights and of the corpus.
    steps : int
        Optimiser steps, one batch each.
    every : int
        Steps between two measurements; divides `steps`.
    width, layers, heads : int
        Of the model.
    lr, warmup, decay : float, int, float
        Learning rate, reached after `warmup` steps and falling linearly to zero in the last 30% of
        the steps; weight decay of the matrices inside the layers.
    precision : str
        Of products of matrices: ``"bfloat16"`` or ``"float32"``; the weights stay in float32.
    threads : int
        CPU threads.
    """

    seed: int = 0
    steps: int = 4500
    every: int = 250
    width: int = 128
    layers: int = 3
    heads: int = 4
    lr: float = 4e-3
    warmup: int = 100
    decay: float = 0.01
    precision: str = "bfloat16"
    threads: int = 2

    def __post_init__(self):
        super().__post_init__()
        model.check_sizes(self)
        self.schedule()  # checks the others

    def schedule(self) -> Schedule:
        """How the model is trained."""
        return Schedule.of(self)

    def run(self) -> Results:
        """Pretrain, or go on from the state in ``ICLBOOK_CHECKPOINTS`` if that folder is set.

        The errors are those of :func:`pretrain`.
        """
        with workplace(self.threads) as folder:
            seen = pretrain(self, folder)
        tasks = {"value": list(MINI), "tolerance": 0}
        last = {
            f"{name}_at_the_end": {"value": rounded(seen[name][-1], 3), "tolerance": 0.2}
            for name in SETTINGS
        }
        curves = {
            name: {"value": rounded(seen[name], 3), "unit": "share of right answers"}
            for name in SETTINGS
        }
        return Results(
            deterministic={"tasks": tasks} | last,
            measured={
                "step": {"value": seen["step"], "unit": "steps"},
                "tokens": {"value": [n * self.tokens for n in seen["step"]], "unit": "tokens"},
                "loss": {"value": rounded(seen["loss"], 4), "unit": "nats a token"},
                "seconds": {"value": rounded(seen["seconds"], 1), "unit": "s"},
                **curves,
            },
        )


def pretrain(how: Pretraining, folder: Path) -> dict[str, list]:
    """Train from the start, or from the state in the folder; keep the model of every measurement.

    Parameters
    ----------
    how : Pretraining
        The settings.
    folder : Path
        Gets ``mini/state.pt``, and in the format of transformers, with their tokenizer,
        ``mini/step-N`` for every measurement and ``model``, the last of them.

    Returns
    -------
    dict
        As of :func:`iclbook.mini.training.train`, with each setting of
        :mod:`iclbook.mini.measure`.

    Raises
    ------
    ValueError
        If the state is broken or belongs to other settings, or the folder cannot be written.
    FloatingPointError
        If the loss is no longer finite.
    """
    words = vocabulary()
    net = model.untrained(
        how,
        vocab_size=3 + len(words),
        intermediate_size=3 * how.width,
        max_position_embeddings=how.long,
        pad_token_id=2,
    )
    corpus, tokens = Corpus(how, how.seed), tokenizer.word_tokenizer(words)

    def look(step):
        model.save(net, tokens, folder / "mini" / f"step-{step}")
        return accuracy(net, corpus)

    path = folder / "mini" / "state.pt"
    seen = train(net, how.schedule(), asdict(how), corpus.batch, look, path)
    model.save(net, tokens, folder / "model")
    return seen
