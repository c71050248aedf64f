"""Log-probabilities of label words, zero-shot or in context.

The context is read once (`iclbook.gpt.reading.context`). Queries are sorted by length and read in
batches; logits are computed at the places that label words are read from and nowhere else. Label
words of one token all come from the query's last token. Longer ones are read on as branches behind
the query, in the same pass; their score is the mean log-probability of their tokens.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.reading.context import Context, Pack, Tail
from iclbook.gpt.reading.merge import precise
from iclbook.gpt.reading.takeover import reading
from iclbook.gpt.text.prompts import Prompts
from iclbook.validate import check_count

BATCH_TOKENS = {"cpu": 2048, "cuda": 16384, "mps": 4096}
"""How many tokens are read at once, by kind of device."""

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Scored:
    """A batch of items that has been read, and scored.

    Attributes
    ----------
    items : (B,) of int
        Which items.
    log_probs : (B, C)
        Scores of the label words.
    logits, lse : (B, V), (B,)
        At the last token of the prompt, with their log normaliser.
    """

    items: np.ndarray
    log_probs: Tensor
    logits: Tensor
    lse: Tensor


def predict(
    model: LanguageModel,
    prompts: Prompts,
    context: bool,
    *,
    items: Sequence[int] | np.ndarray | None = None,
    batch_tokens: int | None = None,
    progress: Progress | None = None,
) -> Float[np.ndarray, "n C"]:
    """Log-probability of each label word behind each item.

    Parameters
    ----------
    model : LanguageModel
    prompts : Prompts
    context : bool
        In context (behind the demonstrations), or zero-shot.
    items : sequence of int, optional
        Which items; all by default.
    batch_tokens : int, optional
        How many tokens are read at once; by default what suits the device.
    progress : function of int, optional
        Called after each batch with the number of items that it had.

    Returns
    -------
    (n, C) array
        Mean over the tokens of a label word; the prediction is the argmax of a row. In float32;
        in float64 if the model is.

    Raises
    ------
    ValueError
        If a prompt does not fit the model's window, or an item does not exist.
    """
    chosen = chosen_items(prompts, items)
    found = np.empty((len(chosen), len(prompts.labels)), dtype=precision(model))
    place = {item: row for row, item in enumerate(chosen)}
    for scored in sweep(model, prompts, context, chosen, batch_tokens=batch_tokens):
        found[[place[item] for item in scored.items]] = scored.log_probs.cpu().numpy()
        if progress:
            progress(len(scored.items))
    return found


def precision(model: LanguageModel) -> np.dtype:
    """NumPy's float32; float64 for a model in double precision."""
    return np.dtype(np.float64 if model.dtype == torch.float64 else np.float32)


def chosen_items(prompts: Prompts, items) -> np.ndarray:
    """The items to be read; all if `items` is None.

    Raises
    ------
    ValueError
        If there are none, or one does not exist or comes twice.
    """
    n = len(prompts.queries)
    if items is None:
        return np.arange(n)
    chosen = np.asarray(items)
    if chosen.ndim != 1 or not np.issubdtype(chosen.dtype, np.integer) or not len(chosen):
        raise ValueError(f"items is {items!r}; expected one or more whole numbers below {n}.")
    if chosen.min() < 0 or chosen.max() >= n or len(set(chosen.tolist())) < len(chosen):
        raise ValueError(
            f"items go from {chosen.min()} to {chosen.max()} ({len(chosen)}); expected different "
            f"numbers from 0 to {n - 1}."
        )
    return chosen


def sweep(
    model: LanguageModel,
    prompts: Prompts,
    context: bool,
    items: np.ndarray,
    *,
    label: bool = False,
    watch=None,
    batch_tokens: int | None = None,
) -> Iterator[Scored]:
    """Read items in batches, the longest first.

    Parameters
    ----------
    model, prompts, context
        As `predict` takes them.
    items : (n,) of int
        Which items, each once.
    label : bool
        Read label word 0 behind every query to its end, so that its last token can be observed.
    watch : object, optional
        Its ``begin(pack, context)`` is told of each batch before it is read, its
        ``scores(layer, q, k, scale)`` of queries and keys in every layer.
    batch_tokens : int, optional
        How many tokens are read at once.

    Yields
    ------
    Scored

    Raises
    ------
    ValueError
        If a prompt does not fit the model's window.
    """
    budget = check_count("batch_tokens", batch_tokens or BATCH_TOKENS[model.device.type])
    before = prompts.context if context else prompts.zero_shot
    tail = Tail(
        tuple(
            word if label and i == 0 else word[:-1]
            for i, word in enumerate(prompts.labels)
            if len(word) > 1 or (label and i == 0)
        )
    )
    lengths = np.array([len(prompts.queries[item]) for item in items])
    _check_window(model, len(before) + lengths + max(tail.depths, default=-1) + 1, items)
    todo = items[np.argsort(-lengths, kind="stable")]
    with reading(model.net):
        shared = Context(model.net, before)
        done = 0
        while done < len(todo):
            longest = len(prompts.queries[todo[done]]) + len(tail.tokens)
            batch = todo[done : done + max(1, budget // longest)]
            try:
                scored = _read(shared, prompts, batch, tail, label, watch)
            except torch.OutOfMemoryError:
                if len(batch) == 1:
                    raise
                budget = longest * (len(batch) // 2)
                torch.cuda.empty_cache()
                warnings.warn(
                    f"out of memory with {len(batch)} items at once: going on with "
                    f"{len(batch) // 2} ({budget} tokens)",
                    stacklevel=2,
                )
                continue
            yield scored
            done += len(batch)


def _check_window(model: LanguageModel, needed: np.ndarray, items: np.ndarray) -> None:
    worst = int(needed.argmax())
    if needed[worst] > model.window:
        raise ValueError(
            f"item {items[worst]} has {needed[worst]} tokens with what stands before it; "
            f"{model.name} reads {model.window}. Use fewer demonstrations (prompts.build cuts "
            f"them to the window it is given) or leave the item out."
        )


def _read(shared: Context, prompts, batch, tail: Tail, label: bool, watch) -> Scored:
    """Read one batch: logits at the last token of each query and in the branches of its tail."""
    device = shared.net.device
    pack = Pack([prompts.queries[item] for item in batch], tail, shared.length, device)
    if watch is not None:
        watch.begin(pack, shared)
    places, targets, words = _targets(prompts.labels, label)
    used, places = np.unique(places, return_inverse=True)
    rows = pack.ends[:, None] + torch.from_numpy(used).to(device)
    logits = precise(shared.read(pack, rows.flatten(), watch)).unflatten(0, rows.shape)  # (B, K, V)
    lse = logits.logsumexp(-1)
    at = torch.from_numpy(places).to(device)
    tokens = logits[:, at, torch.tensor(targets, device=device)] - lse[:, at]  # (B, label tokens)
    share = logits.new_zeros(len(targets), len(prompts.labels))
    for i, word in enumerate(words):
        share[i, word] = 1 / len(prompts.labels[word])
    return Scored(batch, tokens @ share, logits[:, 0], lse[:, 0])


def _targets(labels, label: bool) -> tuple[list[int], list[int], list[int]]:
    """For each token of each label word: how far behind the query's last token its logits are.

    Returns the places, the tokens and the words, as three lists.
    """
    found = []
    place = 1  # the first token behind the query
    for number, word in enumerate(labels):
        found.append((0, word[0], number))
        for depth, token in enumerate(word[1:]):
            found.append((place + depth, token, number))
        place += len(word) - 1 + (label and number == 0)
    places, targets, words = map(list, zip(*found))
    return places, targets, words
