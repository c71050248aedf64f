"""Cells: one model, one task, one set of demonstrations, one learning rate; three settings.

A `Cell` scores the same items zero-shot, after finetuning on the demonstrations, and with the
demonstrations in context, and compares what the last two do to the model. A `Rate` looks for the
learning rate on other items. Both are experiments of `iclbook.records`: frozen settings, and a
method ``run``. What does not depend on the learning rate (the model, the prompts, zero-shot and in
context) is kept from one cell to the next, so a sweep pays for it once.
"""

import functools
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iclbook.gpt.metrics import PRESETS, accuracy, measure
from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.reading.observe import Observations, observe
from iclbook.gpt.reading.score import predict
from iclbook.gpt.study.setup import Setup
from iclbook.gpt.text.demonstrations import selection
from iclbook.gpt.text.prompts import Prompts
from iclbook.gpt.tuning.finetune import finetune
from iclbook.records import Results
from iclbook.rounding import finite, rounded
from iclbook.validate import check_count, check_number

PAPER_GRID = tuple(float(f"{digit}e{power}") for power in range(-4, 0) for digit in range(1, 10))
"""The learning rates among which the paper chose (Dai et al. 2023, appendix B)."""

SHORT_GRID = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0)
"""Eight learning rates, for a first look; small models need the largest."""

MEMORY_MAPPED = 2**28
"""Observations of more bytes than this are kept in files."""

EXTRA = {"icl": {"context_scores"}, "ft": {"queries"}}
"""What the attention to training tokens needs of a setting."""


@dataclass(frozen=True)
class Rate(Setup):
    """The accuracy after finetuning at each of several learning rates, on items of its own.

    Attributes
    ----------
    rates : tuple of float
        Learning rates.
    selection : int
        How many training examples, other than the demonstrations, decide. The preset ``dai-code``
        decides on the items that are evaluated, as the paper does.
    """

    rates: tuple[float, ...] = SHORT_GRID
    selection: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count("selection", self.selection)
        if not self.rates:
            raise ValueError("rates is empty; expected at least one learning rate.")
        for rate in self.rates:
            check_number("rates", rate, low=0.0, open_low=True)

    def run(self) -> Results:
        """Finetune at each rate, and score."""
        model = self.language_model()
        rows, demos, items = self.rows()
        if PRESETS[self.preset].select == "evaluated":
            chosen = items
        else:
            chosen = selection(rows, self.selection, self.seed, demos)
        prepared = self.prompts(model, rows, demos, chosen)
        zero_shot = _zero_shot_accuracy(model, prepared)
        accuracies, diverged = [], []
        for rate in self.rates:
            with finetune(model, prepared, self.finetuning(rate, prepared.k_used)) as tuned:
                diverged.append(tuned.diverged)
                right = 0.0
                if not tuned.diverged:
                    right = _zero_shot_accuracy(model, prepared)
            accuracies.append(right)
        best = max(range(len(self.rates)), key=lambda i: (accuracies[i], -i))
        return Results(
            {
                "rates": {"value": list(self.rates), "tolerance": 0},
                "accuracy": {"value": accuracies, "tolerance": 0.05},
                "diverged": {"value": diverged, "tolerance": 0},
                "zero_shot": {"value": zero_shot, "tolerance": 0.02},
                "items": {"value": len(chosen), "tolerance": 0},
                "best": {"value": self.rates[best], "tolerance": max(self.rates)},
            }
        )


@dataclass(frozen=True)
class Cell(Setup):
    """Zero-shot, finetuned and in context, and how alike the last two are.

    Attributes
    ----------
    lr : float
        Learning rate of the finetuning.
    """

    lr: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        self.finetuning(self.lr)

    def run(self) -> Results:
        """Score the items in the settings, and compare them if there are all three."""
        clock = [time.perf_counter()]
        model = self.language_model()
        prompted = _prompted(self.shared)
        prepared, seen, tuned = prompted.prompts, dict(prompted.seen), None
        clock.append(time.perf_counter())
        if "ft" in self.settings:
            examples = prompted.examples
            how = self.finetuning(self.lr, examples.k_used)
            with finetune(model, examples, how, record_queries=True) as tuned:
                clock.append(time.perf_counter())
                if not tuned.diverged:
                    seen["ft"] = _observe(model, prepared, self.preset, "ft", prompted.folder)
        found = {
            "items": len(prepared.gold),
            "labels": len(prepared.labels),
            "k_used": prepared.k_used,
            "data": prompted.origin,
            "model_origin": model.origin,
            "gold": prepared.gold,
            "diverged": tuned is not None and tuned.diverged,
        }
        if tuned is not None:
            found["ft_losses"] = tuned.losses
        for name, observations in seen.items():
            found[f"{name}_predicted"] = observations.predicted
            found[f"{name}_accuracy"] = accuracy(observations.predicted, prepared.gold)
        if len(seen) == 3:
            found |= measure(
                PRESETS[self.preset],
                *(seen[setting] for setting in ("zsl", "icl", "ft")),
                training_queries=tuned.queries[: prepared.k_used],
                rng=np.random.default_rng(self.seed),
                bos=len(prepared.bos),
                separator=len(prepared.separator),
                device=str(model.device),
            )
        clock.append(time.perf_counter())
        parts = ("prompted", "finetuning", "rest") if tuned is not None else ("prompted", "rest")
        measured = {
            f"seconds_{part}": {"value": rounded(end - begin, 3), "unit": "s"}
            for part, begin, end in zip(parts, clock, clock[1:])
        }
        measured["peak_memory"] = {"value": _peak_memory(), "unit": "bytes"}
        return Results(
            {
                name: {"value": finite(rounded(value)), "tolerance": _tolerance(name)}
                for name, value in found.items()
            },
            measured,
        )


@dataclass
class _Prompted:
    """What no learning rate changes: prompts, and what was seen zero-shot and in context."""

    prompts: Prompts
    examples: Prompts  # finetuned on
    origin: dict
    seen: dict[str, Observations]
    folder: tempfile.TemporaryDirectory | None


@functools.lru_cache(maxsize=1)
def _prompted(setup: Setup) -> _Prompted:
    model, preset = setup.language_model(), PRESETS[setup.preset]
    rows, demos, items = setup.rows()
    prepared = setup.prompts(model, rows, demos, items)
    examples = prepared
    if setup.ft_all_k:
        examples = setup.prompts(model, rows, demos, items, window=sys.maxsize)
    folder = None
    if observed_bytes(model.net.config, prepared, preset) > MEMORY_MAPPED:
        folder = tempfile.TemporaryDirectory(prefix="iclbook-")
    seen = {
        setting: _observe(model, prepared, setup.preset, setting, folder)
        for setting in ("zsl", "icl")
        if setting in setup.settings
    }
    return _Prompted(prepared, examples, rows.origin, seen, folder)


def _observe(model, prepared, preset: str, setting: str, folder) -> Observations:
    where = None
    if folder is not None:
        where = Path(folder.name) / setting
        where.mkdir(exist_ok=True)
    want = {"hidden", "scores", "top"} | EXTRA.get(setting, set())
    return observe(
        model,
        prepared,
        context=setting == "icl",
        positions=PRESETS[preset].positions,
        want=frozenset(want),
        folder=where,
    )


def observed_bytes(config, prepared: Prompts, preset) -> int:
    """Bytes that the observations of the three settings take, at most, as 16-bit numbers."""
    n = len(prepared.gold)
    layers, heads, width = config.num_hidden_layers, config.num_attention_heads, config.hidden_size
    longest = max(map(len, prepared.queries)) + 1
    row = layers * (width + heads * longest)
    context = layers * len(prepared.context)
    return 2 * n * (3 * len(preset.positions) * row + context)


def _zero_shot_accuracy(model: LanguageModel, prepared: Prompts) -> float:
    return accuracy(predict(model, prepared, context=False).argmax(axis=1), prepared.gold)


def _tolerance(name: str) -> float:
    """Predictions may differ where they are near a tie; what is made of them, a little."""
    return 100.0 if name.endswith("_predicted") else 0.03


def _peak_memory() -> int:
    """Bytes of memory that this process held at the most."""
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
