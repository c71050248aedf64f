"""When learning in context appears, and what it can do: the experiment ``doubts-emergence``.

A small GPT is trained on a little language, on stories and labelled sheets mixed in chosen shares:
next-token prediction, on all tokens or on the label words of sheets alone. On the way it answers
sheets; at the end it is compared in context with its own finetuning, by the metrics of Part III,
and the entries of its matrices are counted.

The trap: a share of the sheets is also an amount of them. At the same step a model with half the
share has seen half as many labels.

Chapter: "Is the setting the wild one?"
"""

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from iclbook.gpt.doubts.scores import SCORES, scores
from iclbook.gpt.doubts.sparsity import LEVELS, below, projections
from iclbook.gpt.model.load import LanguageModel, load_model
from iclbook.gpt.reading.observe import observe
from iclbook.gpt.text.prompts import Prompts
from iclbook.gpt.tuning.finetune import Finetuning, finetune
from iclbook.mini import model, tokenizer
from iclbook.mini.little import Little, answers
from iclbook.mini.training import Schedule, train, workplace
from iclbook.records import Results, config_hash
from iclbook.rounding import finite, rounded
from iclbook.validate import check_choice, check_count, check_number

TRAINED = ("step", "loss", "seconds")
"""What the training itself notes at each look."""


@dataclass(frozen=True)
class Emergence:
    """Train a small GPT on a share of labelled sheets, and look at its learning in context.

    Attributes
    ----------
    sheets : float
        Share of the documents that are labelled sheets; the rest are stories.
    loss : str
        On all tokens, or on the label words alone (then there are no stories).
    words, labels, examples : int
        Of the language, see `iclbook.mini.little.Little`.
    seed : int
        Of the weights and of the documents.
    steps, every, rows : int
        Steps of training, between two looks, and documents a step.
    width, layers, heads : int
        Of the model.
    spread : float
        Standard deviation of the initial weights. (With the 0.02 of large models, training stays
        on its plateau many times as long.)
    lr, warmup, decay : float, int, float
        Of AdamW: learning rate, steps until it is reached, and weight decay inside the layers.
    rates : tuple of float
        Learning rates of the finetuning that the model is compared with.
    contexts : int
        Sheets with which it is compared, each the demonstrations of all words.
    threads : int
        CPU threads.
    """

    sheets: float = 1.0
    loss: str = "all"
    words: int = 4
    labels: int = 16
    examples: int = 8
    seed: int = 0
    steps: int = 2400
    every: int = 100
    rows: int = 96
    width: int = 32
    layers: int = 2
    heads: int = 2
    spread: float = 0.15
    lr: float = 5e-3
    warmup: int = 50
    decay: float = 0.01
    rates: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0)
    contexts: int = 20
    threads: int = 1

    def __post_init__(self) -> None:
        if check_number("sheets", self.sheets, low=0.0) > 1:
            raise ValueError(f"sheets is {self.sheets:g}; expected a share, from 0 to 1.")
        check_choice("loss", self.loss, ("all", "labels"))
        check_number("spread", self.spread, low=0.0, open_low=True)
        if self.loss == "labels" and self.sheets < 1:
            raise ValueError(
                f"loss is labels and sheets is {self.sheets:g}; expected 1: stories have no labels."
            )
        for name in ("rows", "contexts"):
            check_count(name, getattr(self, name))
        if not self.rates:
            raise ValueError("rates is (); expected one learning rate or more.")
        for rate in self.rates:
            check_number("rates", rate, low=0.0, open_low=True)
        model.check_sizes(self)
        self.schedule()
        self.language()

    def schedule(self) -> Schedule:
        """How the model is trained."""
        return Schedule.of(self, optimiser="adam")

    def language(self) -> Little:
        """What it is trained on."""
        return Little(words=self.words, labels=self.labels, examples=self.examples)

    def run(self) -> Results:
        """Train, or go on from the state in ``ICLBOOK_CHECKPOINTS`` if that folder is set.

        There each choice of settings has a file of its own.
        """
        language = self.language()
        words = language.vocabulary()
        net = model.untrained(
            self,
            vocab_size=3 + len(words),
            intermediate_size=3 * self.width,
            max_position_embeddings=language.length,
            initializer_range=self.spread,
            pad_token_id=2,
        )

        def batch(step: int) -> list[np.ndarray]:
            random = np.random.default_rng([self.seed, step])
            return [language.batch(self.rows, self.sheets, random)]

        with workplace(self.threads) as folder:
            seen = train(
                net,
                self.schedule(),
                asdict(self),
                batch,
                lambda step: answers(net, language),
                folder / "emergence" / f"{self._state()}.pt",
                language.is_label if self.loss == "labels" else None,
            )
        with tempfile.TemporaryDirectory(prefix="iclbook-") as place:
            model.save(net, tokenizer.word_tokenizer(words), Path(place))
            read = load_model(place)
        looks = {name: rounded(v, 3) for name, v in seen.items() if name not in TRAINED}
        return Results(
            deterministic={
                "levels": {"value": list(LEVELS), "tolerance": 0},
                "tokens_a_step": {"value": self.rows * language.length, "tolerance": 0},
                "known_at_the_end": {"value": looks["known"][-1][-1], "tolerance": 0.6},
            },
            measured={
                "step": {"value": seen["step"], "unit": "steps"},
                "loss": {"value": rounded(seen["loss"], 4), "unit": "nats a predicted token"},
                "seconds": {"value": rounded(seen["seconds"], 1), "unit": "s"},
                **{n: {"value": v, "unit": "share of right answers"} for n, v in looks.items()},
                "compared": {
                    "value": finite(rounded(self._compared(read), 4)),
                    "unit": "accuracies and scores, by rate",
                },
                "entries": {"value": rounded(counted(read), 4), "unit": "share of the entries"},
            },
        )

    def _state(self) -> str:
        """Name of the state: all settings but threads, which change no result that is asked for."""
        same = {name: value for name, value in asdict(self).items() if name != "threads"}
        return f"{self.loss}-{self.sheets:g}-seed-{self.seed}-{config_hash(same)[:8]}"

    def _compared(self, read: LanguageModel) -> dict[str, np.ndarray | np.floating]:
        """In context and finetuned on the same sheets: mean over sheets, for each rate."""
        random = np.random.default_rng([self.seed, 8])
        found = {name: [] for name in ("zsl", "icl")} | {name: [] for name in ("ft", *SCORES)}
        for prompts in prompted(self.language(), self.contexts, random):
            zsl, icl = (_observe(read, prompts, context) for context in (False, True))
            for name, seen in (("zsl", zsl), ("icl", icl)):
                found[name].append((seen.predicted == seen.gold).mean())
            rows = []
            for rate in self.rates:
                with finetune(read, prompts, Finetuning(lr=rate)) as tuned:
                    if tuned.diverged:
                        rows.append([np.nan] * (1 + len(SCORES)))
                        continue
                    ft = _observe(read, prompts, False)
                by_layer = scores(zsl, icl, ft, "last")
                rows.append(
                    [(ft.predicted == ft.gold).mean(), *(np.nanmean(v) for v in by_layer.values())]
                )
            for name, values in zip(("ft", *SCORES), np.transpose(rows), strict=True):
                found[name].append(values)
        return {name: np.mean(values, axis=0) for name, values in found.items()}


def prompted(language: Little, contexts: int, random: np.random.Generator) -> list[Prompts]:
    """Sheets as prompts: their examples as demonstrations, all words as items."""
    ids = language.ids()
    shown = np.concatenate([ids["bad"], ids["good"]])
    gold = np.repeat([0, 1], [len(ids["bad"]), len(ids["good"])])
    rows, labels, values = language.sheets(contexts, "known", random)
    return [
        Prompts(
            bos=(0,),
            demos=tuple(map(tuple, row[1:-4].reshape(-1, 4).tolist())),
            separator=(int(ids["line"]),),
            queries=tuple((word, int(ids["cue"])) for word in shown.tolist()),
            labels=tuple((word,) for word in pair.tolist()),
            gold=gold,
            demo_gold=tuple(which[:-1].tolist()),
            k=language.examples - 1,
        )
        for row, pair, which in zip(rows, labels, values, strict=True)
    ]


def counted(read: LanguageModel) -> dict[str, dict]:
    """How many entries of queries, keys and values are nearly zero, mean over layers."""
    return {
        part: {
            "below": np.mean([below(W) for W in layers], axis=0),
            "below_rms": np.mean([below(W, relative=True) for W in layers], axis=0),
        }
        for part, layers in projections(read).items()
    }


def _observe(read: LanguageModel, prompts: Prompts, context: bool):
    """Answers, and what the scores need at the last token."""
    return observe(read, prompts, context, positions=("last",), want=("hidden", "scores"))
