"""What a model computes at the end of each prompt, as small arrays.

Two places are looked at, both in one pass: the last token of the prompt (``last``), from which the
prediction is read, and the token of label word 0 put behind it (``label``), which the authors' code
looks at, whatever the right answer is. Causal attention keeps the first from seeing the second.

Recorded are the output of each attention block, behind its last linear map and before the residual
is added, and the scores q·k of the place's query, scaled, rotated where the model rotates, before
any mask and softmax.
"""

import math
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64

from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.reading.score import Progress, chosen_items, sweep
from iclbook.gpt.reading.watch import PLACED, Watch
from iclbook.gpt.text.prompts import Prompts
from iclbook.validate import check_choice, check_count

POSITIONS = ("label", "last")
WANT = (*PLACED, "top", "distribution")


@dataclass
class Observations:
    """Arrays, one row an item, in the order in which the items were asked for.

    Attributes
    ----------
    log_probs : (n, C)
        Mean log-probability of each label word.
    predicted, gold : (n,)
        Label ids.
    hidden : dict of position to (n, L, d)
        Output of the attention block.
    scores : dict of position to (n, L, H, n_q)
        Scores with the query's own tokens: BOS and demonstrations left out, the token of label 0
        put in for position ``label``. Rows of shorter queries, and tokens outside of a layer's
        window, hold zeros at the left.
    lengths : dict of position to (n,)
        How many own tokens each item has, counted from the right.
    context_scores : dict of position to (n, L, c)
        Scores with the context's tokens, summed over heads; NaN outside of a layer's window.
    masked : dict of position to (n, L)
        How many tokens of the context are outside of the layer's window.
    queries : dict of position to (n, L, d_q)
        Queries before rotation, scaled (`iclbook.gpt.model.queries`).
    top_ids, top_probs : (n, K)
        The most probable next tokens at the end of the prompt, best first.
    distribution : (n, V)
        Probabilities of all next tokens at the end of the prompt.
    """

    log_probs: Float32[np.ndarray, "n C"]
    predicted: Int64[np.ndarray, " n"]
    gold: Int64[np.ndarray, " n"]
    hidden: dict[str, np.ndarray] = field(default_factory=dict)
    scores: dict[str, np.ndarray] = field(default_factory=dict)
    lengths: dict[str, np.ndarray] = field(default_factory=dict)
    context_scores: dict[str, np.ndarray] = field(default_factory=dict)
    masked: dict[str, np.ndarray] = field(default_factory=dict)
    queries: dict[str, np.ndarray] = field(default_factory=dict)
    top_ids: np.ndarray | None = None
    top_probs: np.ndarray | None = None
    distribution: np.ndarray | None = None


def observe(
    model: LanguageModel,
    prompts: Prompts,
    context: bool,
    *,
    positions: Sequence[str] = POSITIONS,
    items: Sequence[int] | np.ndarray | None = None,
    want: Collection[str] = ("hidden", "scores"),
    top: int = 10,
    batch_tokens: int | None = None,
    dtype=np.float32,
    folder: Path | str | None = None,
    progress: Progress | None = None,
) -> Observations:
    """Read items, zero-shot or in context, and keep what was asked for.

    Parameters
    ----------
    model : LanguageModel
    prompts : Prompts
    context : bool
        In context (behind the demonstrations), or zero-shot.
    positions : sequence of str
        ``label``, ``last`` or both.
    items : sequence of int, optional
        Which items; all by default.
    want : collection of str
        Some of ``hidden scores context_scores queries top distribution``.
    top : int
        How many next tokens ``top`` keeps.
    batch_tokens : int, optional
        How many tokens are read at once; by default what suits the device.
    dtype : NumPy dtype
        float32 or float16: of all arrays but the log-probabilities.
    folder : path, optional
        Keep the arrays in files there, ``<array>-<position>.npy``, instead of in memory.
    progress : function of int, optional
        Called after each batch with the number of items that it had.

    Returns
    -------
    Observations

    Raises
    ------
    ValueError
        If a prompt does not fit the model's window, an item does not exist, or an option is none
        of those above.
    OSError
        If the files would not fit the disk.
    """
    for position in positions:
        check_choice("positions", position, POSITIONS)
    for name in want:
        check_choice("want", name, WANT)
    check_choice("dtype", np.dtype(dtype).name, ("float32", "float16"))
    check_count("top", top)
    chosen = chosen_items(prompts, items)
    n, net, words = len(chosen), model.net, prompts.labels
    before = len(prompts.context if context else prompts.zero_shot)
    found = Observations(
        log_probs=np.empty((n, len(words)), dtype=np.float32),
        predicted=np.empty(n, dtype=np.int64),
        gold=prompts.gold[chosen],
    )
    own = np.array([len(prompts.queries[item]) for item in chosen])
    windows = model.family.windows(net)
    shapes = {}
    watch = Watch(net, model.family, positions, len(words[0]), frozenset(want))
    for position in positions:
        lengths = own + len(words[0]) * (position == "label")
        found.lengths[position] = lengths
        if "context_scores" in want:
            found.masked[position] = _masked(before, lengths, windows)
        sizes = watch.sizes(before, int(lengths.max()))
        shapes |= {(name, position): (n, *sizes[name]) for name in sizes}
    if "top" in want:
        top = min(top, net.config.vocab_size)
        found.top_ids = np.empty((n, top), dtype=np.int64)
        shapes["top_probs", ""] = (n, top)
    if "distribution" in want:
        shapes["distribution", ""] = (n, net.config.vocab_size)
    arrays = _allocate(shapes, np.dtype(dtype), folder)
    for (name, position), array in arrays.items():
        if position:
            getattr(found, name)[position] = array
        else:
            setattr(found, name, array)

    place = {item: row for row, item in enumerate(chosen)}
    label = "label" in positions
    steps = sweep(
        model, prompts, context, chosen, label=label, watch=watch, batch_tokens=batch_tokens
    )
    with watch.hooks():
        for step in steps:
            rows = [place[item] for item in step.items]
            found.log_probs[rows] = step.log_probs.cpu().numpy()
            for (name, position), values in watch.collect().items():
                array = arrays[name, position]
                if name == "scores":  # aligned at the right
                    array[rows, ..., -values.shape[-1] :] = values
                else:
                    array[rows] = values
            if "distribution" in want:
                found.distribution[rows] = (step.logits - step.lse[:, None]).exp().cpu().numpy()
            if "top" in want:
                best = (step.logits - step.lse[:, None]).topk(top)
                found.top_ids[rows] = best.indices.cpu().numpy()
                found.top_probs[rows] = best.values.exp().cpu().numpy()
            if progress:
                progress(len(rows))
    found.predicted[:] = found.log_probs.argmax(1)
    return found


def _masked(before: int, lengths: np.ndarray, windows) -> np.ndarray:
    """How many context tokens the last of `lengths` own tokens does not see, (n, L)."""
    reach = np.array([np.inf if window is None else window for window in windows])
    return np.clip(before + lengths[:, None] - reach, 0, before).astype(np.int64)


def _allocate(shapes: dict, dtype: np.dtype, folder) -> dict[tuple[str, str], np.ndarray]:
    """Empty arrays, in memory or in files of a folder."""
    if folder is None:
        return {key: np.zeros(shape, dtype) for key, shape in shapes.items()}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    needed = sum(math.prod(shape) for shape in shapes.values()) * dtype.itemsize
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            f"the observations need {needed / 2**20:,.0f} MiB in {folder}, where "
            f"{free / 2**20:,.0f} MiB are free. Choose another folder, fewer items or float16."
        )
    return {
        key: np.lib.format.open_memmap(
            folder / ("-".join(filter(None, key)) + ".npy"), "w+", dtype, shape
        )
        for key, shape in shapes.items()
    }
