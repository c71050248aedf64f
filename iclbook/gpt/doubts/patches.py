"""Whether the exact update of a context serves other questions: experiment ``doubts-patches``.

Each question's patch (`iclbook.gpt.reading.patch`) gives back its own answer in context. Here it is
taken to other questions: one patch, the mean of many, the mean of another task's, and the mean of
those that demonstrations with wrong labels make. Beside them stands finetuning on the same
demonstrations: of keys and values as in Part III, and of the matrices that a patch changes, so that
the two updates can be compared entry by entry. The chapter "The exact update" reads the results.

The trap: a mean that contains a question's own patch knows its answer. So questions come in two
halves, and each half gets patches that were made from the other.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import log_softmax
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from iclbook.gpt.model.blocks import blocks_of
from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.reading.patch import Patches, read_patched, read_patches
from iclbook.gpt.study.setup import Setup
from iclbook.gpt.text.demonstrations import mislabelled
from iclbook.gpt.text.prompts import Prompts
from iclbook.gpt.text.words import label_tokens
from iclbook.gpt.tuning.finetune import Finetuning, finetune
from iclbook.records import Results
from iclbook.rounding import rounded
from iclbook.validate import check_count, check_number, check_seeds

MEASURES = ("accuracy", "accuracy without prior", "divergence", "correlation")
"""Of the answers in a setting: right ones; right ones after each label word has lost its mean score
over the questions; divergence of the next word's distribution from that in context; and
correlation of the label words' scores with those in context, without what all questions share."""


@dataclass(frozen=True)
class PatchesElsewhere:
    """Patches on questions that they were not made for, by task and draw.

    Attributes
    ----------
    model : str
        As `iclbook.gpt.study.setup.Setup` takes it; its blocks have to be serial.
    tasks : tuple of str
        Two or more; each one's other task is the next.
    data : str
        Folder of data sets; empty: as for a setup.
    seeds : tuple of int
        Draws of demonstrations and of questions, for every task.
    k : int
        Demonstrations in a draw.
    questions : int
        Of each task and draw; an even number.
    lr, lr_mlp : float
        Learning rates for keys and values, and for the first matrices of the MLPs.
    threads : int
        CPU threads.
    """

    model: str = "mini"
    tasks: tuple[str, ...] = ("mini-sst2", "mini-subj")
    data: str = ""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    k: int = 16
    questions: int = 24
    lr: float = 0.3
    lr_mlp: float = 0.3
    threads: int = 1

    def __post_init__(self) -> None:
        check_seeds(self.seeds)
        check_count("k", self.k)
        check_count("questions", self.questions, low=4)
        for name in ("lr", "lr_mlp"):
            check_number(name, getattr(self, name), low=0.0, open_low=True)
        if self.questions % 2:
            raise ValueError(f"questions is {self.questions}; expected an even number: two halves.")
        if len(set(self.tasks)) < 2 or len(set(self.tasks)) < len(self.tasks):
            raise ValueError(f"tasks is {self.tasks}; expected two or more different tasks.")

    def run(self) -> Results:
        """Make patches and try them, finetune, and compare."""
        places = list(np.ndindex(len(self.tasks), len(self.seeds)))
        drawn = {place: self._drawn(*place) for place in places}
        model, found = self._setup(0, 0).language_model(), {}
        for t, s in places:
            other = drawn[(t + 1) % len(self.tasks), s]
            found[t, s] = self._tried(model, drawn[t, s], other)
        answers, layers = (
            {name: self._grid(found, part, name) for name in found[0, 0][part]} for part in (0, 1)
        )
        results = {
            measure: {name: values[..., i] for name, values in answers.items()}
            for i, measure in enumerate(MEASURES)
        } | {"by_layer": layers}
        exact = {
            "k_used": [
                [drawn[t, s].prompts.k_used for s in range(len(self.seeds))]
                for t in range(len(self.tasks))
            ],
            "model_origin": model.origin,
        }
        return Results(
            {name: {"value": rounded(v, 4), "tolerance": 0.05} for name, v in results.items()}
            | {name: {"value": v, "tolerance": 0} for name, v in exact.items()}
        )

    def _grid(self, found: dict, part: int, name: str) -> np.ndarray:
        """Values of one name, by task and draw."""
        shape = len(self.tasks), len(self.seeds)
        values = np.array([found[place][part][name] for place in np.ndindex(shape)])
        return values.reshape(*shape, *values.shape[1:])

    def _setup(self, t: int, s: int) -> Setup:
        return Setup(
            model=self.model,
            task=self.tasks[t],
            data=self.data,
            k=self.k,
            seed=self.seeds[s],
            threads=self.threads,
        )

    def _drawn(self, t: int, s: int) -> "_Draw":
        """Demonstrations and questions, and the patches with right and with wrong labels."""
        setup = self._setup(t, s)
        model, (rows, demos, items) = setup.language_model(), setup.rows()
        chosen = np.random.default_rng([setup.seed, 4]).permutation(len(items))[: self.questions]
        asked = [items[i] for i in chosen]
        wrong = mislabelled(demos, len(rows.task.labels), setup.seed)
        right, wrong = (setup.prompts(model, rows, given, asked) for given in (demos, wrong))
        every = range(self.questions)
        return _Draw(right, read_patches(model, right, every), read_patches(model, wrong, every))

    def _tried(
        self, model: LanguageModel, draw: "_Draw", other: "_Draw"
    ) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
        """Measures by setting, and comparisons of updates by layer, of one draw."""
        n, prompts, patches = self.questions, draw.prompts, draw.patches
        half = np.arange(n) < n // 2
        mean = (half[:, None] != half) / (n // 2)
        lengths = [len(query) for query in prompts.queries]
        everywhere = np.repeat(mean, lengths, axis=0)
        trials = {
            "zero-shot": (patches, 0 * mean, {}),
            "another question's": (patches, np.roll(np.eye(n), n // 2, axis=1), {}),
            "mean": (patches, mean, {}),
            "mean, matrices alone": (patches, mean, dict(bias=False)),
            "mean, bias alone": (patches, mean, dict(matrices=False)),
            "mean, at every token": (patches, everywhere, dict(tokens="all")),
            "mean, wrong labels": (draw.wrong, mean, {}),
            "mean, another task": (other.patches, np.full((n, n), 1 / n), {}),
        }
        logits = {"in context": patches.logits, "in context, wrong labels": draw.wrong.logits}
        for name, (given, weights, how) in trials.items():
            logits[name] = read_patched(model, prompts, range(n), given, weights, **how).logits
        before = first_matrices(model.net)
        for name, parameters, lr in (("K/V", "kv", self.lr), ("MLP", "mlp", self.lr_mlp)):
            with finetune(model, prompts, Finetuning(lr=lr, parameters=parameters)) as tuned:
                if tuned.diverged:
                    raise ValueError(f"finetuning of {name} diverged at rate {lr:g}; lower it.")
                none = read_patched(model, prompts, range(n), patches, 0 * mean)
                logits[f"finetuned, {name}"] = none.logits
                after = first_matrices(model.net) if parameters == "mlp" else before
        answers = {name: measures(x, prompts, patches.logits) for name, x in logits.items()}
        return answers, compared(before, after, patches, draw.wrong, other.patches)


@dataclass(frozen=True, eq=False)
class _Draw:
    """One task's demonstrations and questions, with the patches of right and of wrong labels."""

    prompts: Prompts
    patches: Patches
    wrong: Patches


def measures(logits: Tensor, prompts: Prompts, in_context: Tensor) -> list[float]:
    """How good answers are, and how near to those in context: `MEASURES`.

    Parameters
    ----------
    logits, in_context : (n, V)
        Of the next token behind each question.
    prompts : Prompts
        With label words of one token, and the right answers.

    Raises
    ------
    ValueError
        If a label word has several tokens.
    """
    words = label_tokens(prompts)
    ours, target = (log_softmax(x.double().cpu().numpy(), axis=1) for x in (logits, in_context))
    scores = [x[:, words] for x in (ours, target)]
    level = [x - x.mean(0) for x in scores]
    alone = [x - x.mean(1, keepdims=True) for x in level]
    return [
        np.mean(scores[0].argmax(1) == prompts.gold),
        np.mean(level[0].argmax(1) == prompts.gold),
        (np.exp(target) * (target - ours)).sum(1).mean(),
        np.corrcoef(alone[0].ravel(), alone[1].ravel())[0, 1],
    ]


@torch.no_grad()
def first_matrices(net: nn.Module) -> list[Float[Tensor, "rows D"]]:
    """Copies of the first matrices of each layer's MLP, one below the other."""
    return [
        torch.cat([m.weight.T if isinstance(m, Conv1D) else m.weight for m in block.first]).clone()
        for block in blocks_of(net)
    ]


def effective_rank(W: Float[Tensor, "rows D"]) -> float:
    """How many directions share the squared norm: the exponential of the shares' entropy."""
    squares = torch.linalg.eigvalsh((W.T @ W).double()).clamp(min=0)
    shares = squares / squares.sum()
    return float(torch.special.entr(shares).sum().exp())


def compared(
    before: list[Tensor], after: list[Tensor], own: Patches, wrong: Patches, other: Patches
) -> dict[str, list[float]]:
    """Finetuned first matrices beside mean patches, layer by layer.

    Parameters
    ----------
    before, after : lists of (rows, D)
        The matrices, and the same ones finetuned.
    own, wrong, other : Patches
        Of the demonstrations that they were finetuned on, of those with wrong labels, and of
        another task.
    """
    rows = []
    for layer, (W, W_tuned) in enumerate(zip(before, after, strict=True)):
        tuned = W_tuned - W
        patch, mislabelled, elsewhere = (
            W @ patches.carried(layer) for patches in (own, wrong, other)
        )
        rows.append(
            {
                "finetuned, patch": cosine(tuned, patch),
                "finetuned, patch of wrong labels": cosine(tuned, mislabelled),
                "finetuned, patch of another task": cosine(tuned, elsewhere),
                "patch, patch of wrong labels": cosine(patch, mislabelled),
                "patch, patch of another task": cosine(patch, elsewhere),
                "patches of two questions": alike(W, own, layer),
                "rank of the patch": effective_rank(patch),
                "rank of finetuning": effective_rank(tuned),
                "size of the patch": float(patch.norm() / W.norm()),
                "size of finetuning": float(tuned.norm() / W.norm()),
            }
        )
    return {name: [row[name] for row in rows] for name in rows[0]}


def cosine(A: Float[Tensor, "rows D"], B: Float[Tensor, "rows D"]) -> float:
    """Cosine of two matrices as long vectors of entries."""
    return float(torch.cosine_similarity(A.flatten(), B.flatten(), dim=0))


def alike(W: Float[Tensor, "rows D"], patches: Patches, layer: int) -> float:
    """Mean cosine of the patches of two different questions.

    The product of two matrices of rank one is the product of two inner products.
    """
    written = patches.change[:, layer] @ W.T
    products = (written @ written.T) * (patches.before[:, layer] @ patches.before[:, layer].T)
    lengths = products.diagonal().sqrt()
    cosines = products / (lengths[:, None] * lengths)
    n = len(cosines)
    return float((cosines.sum() - n) / (n * (n - 1)))
