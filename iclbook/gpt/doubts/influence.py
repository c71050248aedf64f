"""What in the network can change what: the recorded experiment ``doubts-influence``.

One place is shaken: noise is added to all weights of one layer, or to what the output head reads.
Then it is looked how far the updates of every layer move: the in-context update of its attention
output, and what finetuning adds to its keys and values, by each rule of descent. In context, and in
layer-causal descent, nothing comes down from the layers above; the zeros are exact.

Chapter: "Could gradient descent even do this?"
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
import torch
from jaxtyping import Float64

from iclbook.gpt.doubts.changes import changes_by, sizes
from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.reading.observe import observe
from iclbook.gpt.study.setup import Setup
from iclbook.gpt.text.prompts import Prompts
from iclbook.gpt.tuning.finetune import Finetuning
from iclbook.records import Results
from iclbook.rounding import rounded
from iclbook.validate import check_count, check_number

HEAD = "head"
"""The place behind the last layer: what the final norm hands to the output head."""

CONTEXT = "icl"
"""The name of the update that demonstrations in context make."""

RULES = ("gd", "lcgd-code", "lcgd-paper")


@contextmanager
def shaken(model: LanguageModel, place: int | str, size: float = 0.01) -> Iterator[None]:
    """The model with noise at one place, inside the block; bit for bit as before after it.

    Parameters
    ----------
    model : LanguageModel
    place : int or "head"
        A layer, all of whose weights get noise; or the gain of the final norm, for the head's eyes
        alone (the head's own matrix is often that of the embedding too).
    size : float
        Of the noise, relative to the norm of each parameter.

    Raises
    ------
    ValueError
        If the model has no such place.
    """
    net, random = model.net, torch.Generator().manual_seed(0)
    layers = list(attrgetter(model.family.layers)(net))
    if place not in (*range(len(layers)), HEAD):
        raise ValueError(
            f"place is {place!r}; expected a layer from 0 to {len(layers) - 1}, or {HEAD!r}."
        )

    def noise(like: torch.Tensor) -> torch.Tensor:
        drawn = torch.randn(like.shape, generator=random, dtype=torch.float64).to(like)
        return drawn * (size * like.norm() / drawn.norm())

    if place == HEAD:
        head = net.get_output_embeddings()
        gain = torch.ones(head.weight.shape[1], dtype=net.dtype, device=net.device)
        gain += noise(gain)
        hook = head.register_forward_pre_hook(lambda module, args: (args[0] * gain,))
        try:
            yield
        finally:
            hook.remove()
        return
    parameters = [p.detach() for p in layers[place].parameters()]
    base = [p.clone() for p in parameters]
    try:
        for p in parameters:
            p.add_(noise(p))
        yield
    finally:
        for p, before in zip(parameters, base, strict=True):
            p.copy_(before)


def updates_of(
    model: LanguageModel, prompts: Prompts, how: Mapping[str, Finetuning]
) -> dict[str, list[list[torch.Tensor]]]:
    """The update of every layer: in context, and by each way of finetuning.

    Parameters
    ----------
    model : LanguageModel
    prompts : Prompts
        In context the output of each attention block is read at the last token of each item.
    how : dict of str to Finetuning

    Raises
    ------
    ValueError
        If a finetuning diverges.
    """
    want = dict(positions=("last",), want={"hidden"})
    zsl, icl = (observe(model, prompts, c, **want).hidden["last"] for c in (False, True))
    found = {CONTEXT: [[layer] for layer in torch.from_numpy(icl - zsl).unbind(1)]}
    for name, finetuning in how.items():
        changes = changes_by(model, prompts, finetuning)
        if changes is None:
            raise ValueError(f"{name} diverged at rate {finetuning.lr:g}; choose a smaller rate.")
        found[name] = changes
    return found


def influence(
    model: LanguageModel,
    prompts: Prompts,
    how: Mapping[str, Finetuning],
    places: Sequence[int | str],
    size: float = 0.01,
) -> dict[str, Float64[np.ndarray, "L places"]]:
    """How far the update of each layer moves when a place is shaken, relative to its norm.

    Parameters
    ----------
    model, prompts, how
        As for `updates_of`.
    places, size
        As for `shaken`, which takes them one after the other.

    Returns
    -------
    dict of str to array (L, places)
        By update. Zero where not one bit has changed.
    """
    before = updates_of(model, prompts, how)
    found = {name: np.zeros((len(update), len(places))) for name, update in before.items()}
    for column, place in enumerate(places):
        with shaken(model, place, size):
            after = updates_of(model, prompts, how)
        for name, update in before.items():
            moved = [[b - a for a, b in zip(*pair)] for pair in zip(update, after[name])]
            found[name][:, column] = sizes(moved) / sizes(update)
    return found


@dataclass(frozen=True)
class Influence:
    """How far the updates of each layer move when another layer is shaken.

    Attributes
    ----------
    model, task, data
        As `iclbook.gpt.study.setup.Setup` takes them.
    seed : int
        Of the draw of demonstrations.
    k : int
        Demonstrations, in context and trained on.
    items : int
        At which the in-context update is read.
    lr : float
        Learning rate of every rule.
    layers : tuple of int
        Those that are shaken, and after them the head; empty for all.
    size : float
        Of the noise, relative to the norm of each parameter.
    threads : int
        CPU threads.
    """

    model: str = "mini"
    task: str = "mini-sst2"
    data: str = ""
    seed: int = 0
    k: int = 2
    items: int = 4
    lr: float = 0.001
    layers: tuple[int, ...] = ()
    size: float = 0.01
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("k", "items"):
            check_count(name, getattr(self, name))
        for name in ("lr", "size"):
            check_number(name, getattr(self, name), low=0.0, open_low=True)

    def run(self) -> Results:
        """Shake, and read again."""
        setup = Setup(
            model=self.model,
            task=self.task,
            data=self.data,
            seed=self.seed,
            k=self.k,
            items=self.items,
            threads=self.threads,
        )
        model = setup.language_model()
        prompts = setup.prompts(model, *setup.rows())
        how = {rule: Finetuning(lr=self.lr, rule=rule) for rule in RULES}
        places = (*(self.layers or range(model.net.config.num_hidden_layers)), HEAD)
        found = {
            "moved": influence(model, prompts, how, places, self.size),
            "norms": {
                n: sizes(u) / self.lr
                for n, u in updates_of(model, prompts, how).items()
                if n in how
            },
        }
        return Results(
            {
                name: {"value": rounded(value, 4, significant=True), "tolerance": 0.05}
                for name, value in found.items()
            }
            | {
                "places": {"value": [str(place) for place in places], "tolerance": 0},
                "tokens": {"value": [len(demo) for demo in prompts.finetuning], "tolerance": 0},
                "model_origin": {"value": model.origin, "tolerance": 0},
            }
        )
