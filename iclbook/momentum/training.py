"""The recorded experiment ``momentum``: one GPT, trained with one variant and one seed.

Variants of a seed begin with the same weights and read the same batches in the same order, so that
they are compared in pairs. The loop, optimisers included, is that of the bundled model's training.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from iclbook.gpt.model.device import choose_device
from iclbook.gpt.model.load import LanguageModel, load_model
from iclbook.gpt.study.setup import Setup
from iclbook.gpt.text.tasks import MINI
from iclbook.mini.model import check_sizes, untrained
from iclbook.mini.training import Schedule, train, workplace
from iclbook.momentum.attach import attention_blocks
from iclbook.momentum.languages import LANGUAGES, PARTS, Sheets, Words
from iclbook.momentum.measure import answers, perplexity
from iclbook.momentum.texts import PACKAGED, open_text
from iclbook.momentum.variants import VARIANTS, add_variant
from iclbook.records.record import Results
from iclbook.rounding import rounded
from iclbook.validate import check_choice, check_count, check_number

DEMONSTRATIONS, ITEMS = 8, 80
"""Of each packaged task, with which a pretrained model is asked."""


@dataclass(frozen=True)
class Training:
    """Train a GPT with a variant of momentum attention; perplexity and in-context accuracy.

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
        reads the text mini; or those of a pretrained model, named as elsewhere, which reads any
        other text by its tokenizer, and is trained by AdamW alone. Both have sizes of their own.
    text : str
        mini; little (sheets that a small model learns to read in context soon); python, package,
        or a folder with *.txt or *.txt.gz, of which validation* are held out.
    steps, every : int
        Steps of training; steps between two lines of output, which divide them.
    rows, length : int
        Of a batch, in tokens; perplexity is also measured with a half and a quarter of the length.
    width, layers, heads : int
        Of the model.
    lr, warmup : float, int
        Learning rate, and the steps in which it is reached; it falls in the last 30% of them.
    speed : float
        How many times this rate the logits of a learned eta have.
    device : str
        As torch calls it: cpu, cuda, cuda:1; auto takes a GPU if there is one.
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
    speed: float = 1.0
    device: str = "auto"
    threads: int = 1

    def __post_init__(self):
        check_choice("variant", self.variant, VARIANTS)
        check_number("eta", self.eta, low=0.0, high=1.0, open_low=True)
        check_count("seed", self.seed, low=0)
        check_number("speed", self.speed, low=0.0, open_low=True)
        if self.start == "bundled" and self.text != "mini":
            raise ValueError(f"text is {self.text!r}; the bundled model reads 'mini' alone.")
        if self.pretrained and self.text in LANGUAGES:
            raise ValueError(
                f"text is {self.text!r}; {self.start} has other words: expected 'package', "
                "'python' or a folder."
            )
        check_count("rows", self.rows)
        check_count("length", self.length, low=8)
        check_sizes(self)
        self.schedule()  # checks the others

    @property
    def lengths(self) -> tuple[int, int, int]:
        """At how many tokens perplexity is measured."""
        return self.length // 4, self.length // 2, self.length

    @property
    def pretrained(self) -> bool:
        """Whether it begins with the weights of a pretrained model."""
        return self.start not in ("drawn", "bundled")

    @property
    def hardware(self) -> str:
        """What the training runs on, for its record."""
        device = choose_device(self.device)
        return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type

    @property
    def offset(self) -> int:
        """What is added to the seed of the batches: the bundled model has seen those of seed 0."""
        return 1000 if self.start == "bundled" else 0

    def schedule(self) -> Schedule:
        """How the model is trained."""
        optimiser = "adam" if self.pretrained else "muon"
        return Schedule.of(self, decay=0.01, optimiser=optimiser)

    def run(self) -> Results:
        """Train, or go on from the state in ``ICLBOOK_CHECKPOINTS`` if that folder is set.

        Raises
        ------
        ValueError
            If the text is too short, or the state is of other settings.
        FloatingPointError
            If the loss is no longer finite.
        """
        model, device = None, str(choose_device(self.device))
        if self.start != "drawn":
            name = "mini" if self.start == "bundled" else self.start
            model = load_model(name, device=device, dtype="float32")
        tokenizer = model.tokenizer if self.pretrained else None
        text = open_text(self.text, self.seed + self.offset, self.rows, self.length, tokenizer)
        net = model.net if model else self._drawn(text).to(device)
        add_variant(net, self.variant, self.eta, self.seed)

        def look(step):
            if not isinstance(text, Sheets):
                return {}
            return {name: np.mean(found) for name, found in text.in_context(net).items()}

        settings = asdict(self) | {"sha256": text.sha256}
        with workplace(self.threads) as folder:
            seen = train(
                net,
                self.schedule(),
                settings,
                text.batch,
                look,
                folder / "momentum" / f"{name_of(self)}.pt",
                speeds={"logit": self.speed},
            )
        net.eval()
        trained = [rows for number in range(PARTS) for rows in text.batch(number)]
        held_out = [perplexity(net, text.held_out(), n) for n in self.lengths]
        right = text.in_context(net)
        exact = {
            "lengths": {"value": list(self.lengths), "tolerance": 0},
            "parameters": {"value": sum(p.numel() for p in net.parameters()), "tolerance": 0},
            "text_sha256": {"value": text.sha256, "tolerance": 0},
            "training_perplexity": {
                "value": rounded(perplexity(net, trained, self.length), 4),
                "tolerance": 0.5,
            },
            "held_out_perplexity": {"value": rounded(held_out, 4), "tolerance": 0.5},
        }
        if isinstance(text, Words):
            exact["tasks"] = {"value": list(MINI), "tolerance": 0}
        if self.pretrained:
            exact["tasks"] = {"value": list(PACKAGED), "tolerance": 0}
            exact["model_origin"] = {"value": model.origin, "tolerance": 0}
            right = {"packaged": [packaged(model, task, self.seed) for task in PACKAGED]}
        exact |= {n: {"value": rounded(x, 4), "tolerance": 0.3} for n, x in right.items()}
        if self.variant == "learned":
            etas = [block.momentum.eta(block.momentum.logit) for block in attention_blocks(net)]
            exact["etas"] = {"value": rounded([x.tolist() for x in etas], 4), "tolerance": 0.2}
        curves = {f"{name}_by_step": seen[name] for name in right if name in seen}
        return Results(
            deterministic=exact,
            measured={
                "step": {"value": seen["step"], "unit": "steps"},
                "loss": {"value": rounded(seen["loss"], 4), "unit": "nats a token"},
                "seconds": {"value": rounded(sum(seen["seconds"]), 1), "unit": "s"},
            }
            | {
                n: {"value": rounded(x, 4), "unit": "share of right answers"}
                for n, x in curves.items()
            },
        )

    def _drawn(self, text):
        """A model for a text, with weights drawn by the seed."""
        return untrained(
            self,
            vocab_size=text.vocabulary,
            intermediate_size=4 * self.width,
            max_position_embeddings=2 * self.length,
            initializer_range=text.spread,
            pad_token_id=0,
        )


def name_of(training: Training) -> str:
    """The name of a training's record."""
    rate = "" if training.variant == "plain" else f"-{training.eta:g}".replace(".", "p")
    text = Path(training.text).name.lower()
    if training.start != "drawn":
        start = Path(training.start).name.lower()
        text = f"{start}-{text}" if training.pretrained else start
    return f"{text}-{training.variant}{rate}-seed-{training.seed}"


def packaged(model: LanguageModel, task: str, seed: int) -> float:
    """Share of right answers of a model on a packaged task, behind demonstrations of a draw."""
    setup = Setup(
        task=task,
        data="package",
        k=DEMONSTRATIONS,
        seed=seed,
        items=ITEMS,
        settings=("icl",),
    )
    prompts = setup.prompts(model, *setup.rows())
    return float((answers(model, prompts) == prompts.gold).mean())
