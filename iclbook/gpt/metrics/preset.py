"""Which variant of every choice: named options, and two sets of them.

`BOOK` is the default. `DAI_CODE` is what the authors' released code does, line by line, so that a
difference from their tables can be traced to one option. `measure` turns the observations of one
cell, that is of one model, task, seed and learning rate, into plain numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from iclbook.gpt.metrics.attention import sim_am
from iclbook.gpt.metrics.distributions import token_overlap, union_cosine
from iclbook.gpt.metrics.intervals import bootstrap
from iclbook.gpt.metrics.prediction import beats_own_frequencies, rec2ftp
from iclbook.gpt.metrics.representation import sim_aou
from iclbook.gpt.metrics.scores import Scores
from iclbook.gpt.metrics.training_tokens import kendall
from iclbook.validate import check_choice


@dataclass(frozen=True)
class Preset:
    """Named options. Where an option is a tuple, tables show the first and records hold all.

    What both presets share is no option here: templates, separators and the cut to the window are
    those of the authors' code (`iclbook.gpt.text.prompts`), and so are the finetuning's defaults
    (`iclbook.gpt.tuning.finetune.Finetuning`: one SGD step an example, the mean over all its target
    tokens, weights and biases of keys and values).

    Attributes
    ----------
    name : str
    strip : bool
        Strip white space around texts.
    deduplicate : bool
        Drop evaluation items whose text is also in the training split.
    positions : tuple of str
        "label" (the token of candidate label 0) or "last" (last token of the prompt).
    updates : tuple of str
        SimAOU of "normalised" or "plain" outputs.
    label_key : bool
        SimAM at the label position takes in the score with the label token itself.
    random : tuple of str
        Random baselines: "uniform" (U[0, 1), the authors') or "isotropic" (the proper one).
    kendall_items : int or None
        Kendall on so many items; None for all.
    select : str
        The learning rate is chosen on other "training" rows, or on the "evaluated" ones.
    all_k : bool
        Finetune on all demonstrations, also those that do not fit the window in context.
    """

    name: str = "custom"
    strip: bool = True
    deduplicate: bool = True
    positions: tuple[str, ...] = ("last", "label")
    updates: tuple[str, ...] = ("normalised", "plain")
    label_key: bool = True
    random: tuple[str, ...] = ("isotropic", "uniform")
    kendall_items: int | None = None
    select: str = "training"
    all_k: bool = False

    def __post_init__(self):
        check_choice("select", self.select, ("training", "evaluated"))
        for option, choices in (
            ("positions", ("last", "label")),
            ("updates", ("normalised", "plain")),
            ("random", ("isotropic", "uniform")),
        ):
            for value in getattr(self, option):
                check_choice(option, value, choices)


BOOK = Preset(name="book")
"""The book's own choices: both positions, both updates, proper baselines, every item."""

DAI_CODE = Preset(
    name="dai-code",
    strip=False,
    deduplicate=False,
    positions=("label",),
    updates=("normalised",),
    random=("uniform",),
    kendall_items=100,
    select="evaluated",
    all_k=True,
)
"""What the code of Dai et al. 2023 computes."""

PRESETS = {preset.name: preset for preset in (BOOK, DAI_CODE)}


def measure(
    preset: Preset,
    zsl: Any = None,
    icl: Any = None,
    ft: Any = None,
    training_queries: Sequence[np.ndarray] | None = None,
    *,
    rng: np.random.Generator,
    bos: int = 1,
    separator: int = 1,
    device: str = "cpu",
) -> dict:
    """All metrics of one cell, as plain numbers for a record.

    Parameters
    ----------
    preset : Preset
    zsl, icl, ft : Observations
        The three settings on the same items, or some of them: then there is nothing but their
        accuracy. What was not observed is left out.
    training_queries : sequence of array, shape (L, T, d_q), optional
        Queries recorded during finetuning, one array a demonstration.
    rng : numpy.random.Generator
        For baselines, tests and bootstrap.
    bos, separator : int
        Numbers of tokens at the start of the context and after each demonstration.
    device : str
        Where similarities are computed.

    Returns
    -------
    dict
        `accuracy` for each setting and, of all three, `rec2ftp`, `overlap` (if the likeliest tokens
        were observed) and, for each position, `simaou`, `simam` and `kendall`.

    Raises
    ------
    ValueError
        If there are no settings, if they have different items, or observations are not finite.
    """
    three = {"zsl": zsl, "icl": icl, "ft": ft}
    settings = {name: setting for name, setting in three.items() if setting is not None}
    if not settings:
        raise ValueError("there are no observations; expected those of zsl, icl or ft.")
    first, *_ = settings
    gold = settings[first].gold
    for name, setting in settings.items():
        if not np.array_equal(setting.gold, gold):
            raise ValueError(f"{name} has other gold labels than {first}; expected the same items.")
    tests, intervals, baselines = rng.spawn(3)
    right = {name: setting.predicted == gold for name, setting in settings.items()}
    result = {
        "preset": preset.name,
        "items": len(gold),
        "accuracy": {
            name: beats_own_frequencies(setting.predicted, gold, tests)
            | {"interval": list(bootstrap(right[name].astype(float), intervals))}
            for name, setting in settings.items()
        },
    }
    if len(settings) < len(three):
        return result
    result["rec2ftp"] = _rec2ftp(right, gold, intervals)
    result["positions"] = {
        position: _position(
            preset, position, settings, training_queries, bos, separator, baselines, device
        )
        for position in preset.positions
    }
    if all(setting.top_ids is not None for setting in settings.values()):
        result["overlap"] = _overlap(settings, intervals)
    return result


def _rec2ftp(right: dict[str, np.ndarray], gold: np.ndarray, rng: np.random.Generator) -> dict:
    recall = rec2ftp(right["zsl"], right["ft"], right["icl"], gold)
    mended = (~right["zsl"] & right["ft"]).astype(float)
    interval = None
    if recall.value is not None:
        interval = list(bootstrap(right["icl"].astype(float), rng, among=mended))
    return recall.summary() | {"interval": interval}


def _position(preset, position, settings, training_queries, bos, separator, rng, device) -> dict:
    """Similarities at one position: a baseline generator of its own for each of them."""
    ours = dict(zip(("simaou", "simam", "kendall", "summary"), rng.spawn(4)))
    zsl, icl, ft = settings.values()
    found = {}
    if all(position in setting.hidden for setting in settings.values()):
        outputs = [setting.hidden[position] for setting in settings.values()]
        found["simaou"] = {
            update: sim_aou(
                *outputs, normalise=update == "normalised", rng=ours["simaou"], device=device
            )
            for update in preset.updates
        }
    if all(position in setting.scores for setting in settings.values()):
        rows = [setting.scores[position] for setting in settings.values()]
        found["simam"] = sim_am(
            *rows,
            zsl.lengths[position],
            last_key=preset.label_key or position != "label",
            rng=ours["simam"],
            device=device,
        )
    seen = position in icl.context_scores and position in ft.queries
    if training_queries is not None and seen:
        found["kendall"] = kendall(
            icl.context_scores[position],
            training_queries,
            ft.queries[position],
            bos=bos,
            separator=separator,
            first=preset.kendall_items,
            rng=ours["kendall"],
            device=device,
        )
    return {name: _summary(scores, preset, ours["summary"]) for name, scores in found.items()}


def _summary(scores: Scores | dict, preset: Preset, rng: np.random.Generator) -> dict:
    """Numbers of a score, or of each of several, with the baselines that the preset names."""
    if isinstance(scores, dict):
        return {name: _summary(score, preset, rng) for name, score in scores.items()}
    shown = {
        name: values
        for name, values in scores.references.items()
        if name == "chance" or name in preset.random
    }
    return Scores(scores.items, shown).summary(rng)


def _overlap(settings: dict, rng: np.random.Generator) -> dict:
    """Token overlap and union cosine of each pair of settings, mean over items with interval."""
    pairs = {}
    for a, b in (("icl", "ft"), ("icl", "zsl"), ("ft", "zsl")):
        first, second = ((settings[c].top_ids, settings[c].top_probs) for c in (a, b))
        values = {
            "token_overlap": token_overlap(first[0], second[0]),
            "union_cosine": union_cosine(first, second),
        }
        pairs[f"{a}-{b}"] = {
            name: {"mean": float(items.mean()), "interval": list(bootstrap(items, rng))}
            for name, items in values.items()
        }
    return pairs
