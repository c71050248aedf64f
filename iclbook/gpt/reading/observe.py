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
from jaxtyping import Float, Int64

from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.reading.score import Progress, chosen_items, precision, sweep
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
        Mean log-probability of each label word. All numbers are float32; float64 if the model is.
    predicted, gold : (n,)
        Label ids.
    hidden : dict of position to (n, L, d)
        Output of the attention block.
    scores : dict of position to (n, L, H, n_q)
        Scores with the query's own tokens: BOS and demonstrations left out, the token of label 0
        put in for position ``label``. Rows of shorter queries, and tokens outside of a layer's
        window, hold zeros at the left. They are what enters the softmax: capped where the model
        caps them, and with what ALiBi adds (nothing to a token's score with itself).
    lengths : dict of position to (n,)
        How many own tokens each item has, counted from the right.
    context_scores : dict of position to (n, L, c)
        Scores with the context's tokens, summed over heads; NaN outside of a layer's window.
    masked : dict of position to (n, L)
        How many tokens of the context are outside of the layer's window.
    queries : dict of position to (n, L, d_q)
        Queries before rotation, scaled (`iclbook.gpt.model.queries`).
    prior : (C,)
        Log-probability of each label word behind texts without content, if that was asked
        (`iclbook.gpt.reading.calibrate`).
    top_ids, top_probs : (n, K)
        The most probable next tokens at the end of the prompt, best first.
    distribution : (n, V)
        Probabilities of all next tokens at the end of the prompt.
    """

    log_probs: Float[np.ndarray, "n C"]
    predicted: Int64[np.ndarray, " n"]
    gold: Int64[np.ndarray, " n"]
    hidden: dict[str, np.ndarray] = field(default_factory=dict)
    scores: dict[str, np.ndarray] = field(default_factory=dict)
    lengths: dict[str, np.ndarray] = field(default_factory=dict)
    context_scores: dict[str, np.ndarray] = field(default_factory=dict)
    masked: dict[str, np.ndarray] = field(default_factory=dict)
    queries: dict[str, np.ndarray] = field(default_factory=dict)
    prior: Float[np.ndarray, " C"] | None = None
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
    folder : path, optional
        Keep the arrays in files there, ``<array>-<position>.npy``, instead of in memory. They come
        back as memory maps.
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
    check_count("top", top)
    chosen = chosen_items(prompts, items)
    n, net, words = len(chosen), model.net, prompts.labels
    dtype = precision(model)
    before = len(prompts.context if context else prompts.zero_shot)
    found = Observations(
        log_probs=np.empty((n, len(words)), dtype=dtype),
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
    arrays = {
        key: _Rows(shape, dtype, path)
        for (key, shape), path in zip(shapes.items(), _paths(shapes, dtype, folder), strict=True)
    }
    place = {item: row for row, item in enumerate(chosen)}
    label = "label" in positions
    batches = sweep(
        model, prompts, context, chosen, label=label, watch=watch, batch_tokens=batch_tokens
    )
    with watch.hooks():
        for scored in batches:
            rows = [place[item] for item in scored.items]
            found.log_probs[rows] = scored.log_probs.cpu().numpy()
            for key, values in watch.collect().items():
                arrays[key].write(rows, values)
            if "distribution" in want:
                probs = (scored.logits - scored.lse[:, None]).exp()
                arrays["distribution", ""].write(rows, probs.cpu().numpy())
            if "top" in want:
                best = (scored.logits - scored.lse[:, None]).topk(top)
                found.top_ids[rows] = best.indices.cpu().numpy()
                arrays["top_probs", ""].write(rows, best.values.exp().cpu().numpy())
            if progress:
                progress(len(rows))
    for (name, position), array in arrays.items():
        if position:
            getattr(found, name)[position] = array.read()
        else:
            setattr(found, name, array.read())
    found.predicted[:] = found.log_probs.argmax(1)
    return found


def _masked(before: int, lengths: np.ndarray, windows) -> np.ndarray:
    """How many context tokens the last of `lengths` own tokens does not see, (n, L)."""
    reach = np.array([np.inf if window is None else window for window in windows])
    return np.clip(before + lengths[:, None] - reach, 0, before).astype(np.int64)


def _paths(shapes: dict, dtype: np.dtype, folder) -> list[Path | None]:
    """The file of each array, or None for each without a folder."""
    if folder is None:
        return [None] * len(shapes)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    needed = sum(math.prod(shape) for shape in shapes.values()) * dtype.itemsize
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            f"the observations need {needed / 2**20:,.0f} MiB in {folder}, where "
            f"{free / 2**20:,.0f} MiB are free. Choose another folder or fewer items."
        )
    return [folder / ("-".join(filter(None, key)) + ".npy") for key in shapes]


class _Rows:
    """An array that is written some rows at a time, in memory or in a file.

    A file is written as a file, not through a memory map: what has been written does not count
    as memory of this process.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype, path: Path | None):
        self.shape, self.dtype, self.path = shape, dtype, path
        if path is None:
            self.array = np.zeros(shape, dtype)
        else:
            self.start = np.lib.format.open_memmap(path, "w+", dtype, shape).offset

    def write(self, rows: Sequence[int], values: np.ndarray) -> None:
        """Write rows; values that are shorter than a row go to its right end."""
        if self.path is None:
            self.array[rows, ..., -values.shape[-1] :] = values
            return
        full = np.zeros((len(rows), *self.shape[1:]), self.dtype)
        full[..., -values.shape[-1] :] = values
        with self.path.open("r+b") as file:
            for row, value in zip(rows, full, strict=True):
                file.seek(self.start + row * value.nbytes)
                file.write(value)

    def read(self) -> np.ndarray:
        """The array; a memory map of it, if it is in a file."""
        return self.array if self.path is None else np.load(self.path, mmap_mode="r")
