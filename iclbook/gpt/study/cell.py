"""Cells: one model, one task, one set of demonstrations, one learning rate; three settings.

A `Cell` scores the same items zero-shot, after finetuning on the demonstrations, and with the
demonstrations in context, and compares what the last two do to the model. It is an experiment of
`iclbook.records`: frozen settings, and a method ``run``. What does not depend on the learning rate
(the model, the prompts, zero-shot and in context) is kept from one cell to the next, and what does
not depend on the demonstrations (zero-shot) from one draw to the next, so a sweep pays for it once.
"""

import dataclasses
import functools
import json
import sys
import tempfile
import time
import weakref
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iclbook.gpt.metrics import measure, wanted
from iclbook.gpt.metrics.metric import SETTINGS
from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.reading.calibrate import prior
from iclbook.gpt.reading.observe import Observations, observe
from iclbook.gpt.reading.score import predict
from iclbook.gpt.study.arrays import keep
from iclbook.gpt.study.names import record_name
from iclbook.gpt.study.presets import PRESETS
from iclbook.gpt.study.setup import UNBOUNDED, Setup
from iclbook.gpt.text.demonstrations import draw, leave_out, mislabelled
from iclbook.gpt.text.prompts import Prompts
from iclbook.gpt.text.tasks import find_task
from iclbook.gpt.tuning.finetune import finetune
from iclbook.gpt.tuning.noise import to_noise
from iclbook.records import Results, config_hash
from iclbook.rounding import finite, rounded

WRONG_LABELS, OTHER_DRAW, NOISE = "wrong-labels", "other-draw", "noise"
NO_TASKS = (WRONG_LABELS, OTHER_DRAW, NOISE)
"""The controls that are no task."""

MEMORY_MAPPED = 2**28
"""Observations of more bytes than this are kept in files."""


@dataclass(frozen=True)
class Cell(Setup):
    """Zero-shot, finetuned and in context, and how alike the last two are.

    Attributes
    ----------
    lr : float
        Learning rate of the finetuning; 0 if ``ft`` is not among the settings.
    control : str
        Finetune on something else for comparison: wrong-labels (the demonstrations, with other
        labels), other-draw (as many other examples of the task), the name of another task (as many
        of its demonstrations); or noise (what finetuning changes in a parameter is replaced by
        noise of its norm).
    arrays : str
        Folder in which what was observed is kept as arrays, see `iclbook.gpt.study.arrays`.
    """

    lr: float = 0.01
    control: str = ""
    arrays: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if "ft" in self.settings:
            self.finetuning(self.lr)
            self._check_control()
        else:
            self._settle(lr=0.0, control="")

    def _check_control(self) -> None:
        if self.control in ("", *NO_TASKS):
            return
        expected = f"expected {', '.join(NO_TASKS)} or the name of another task"
        if self.control == self.task:
            raise ValueError(f"control is {self.control!r}, the task itself; {expected}.")
        try:
            find_task(self.control, self.wording)
        except ValueError as error:
            raise ValueError(f"control is {self.control!r}; {expected}: {error}") from None

    @property
    def other(self) -> Setup | None:
        """The same with the other task whose demonstrations are trained on, if that is asked."""
        if self.control in ("", *NO_TASKS):
            return None
        drawn = dict(demonstrations="", k=max(self.k, 1))  # as many as are used, whatever k says
        return dataclasses.replace(self.shared, task=self.control, items=1, **drawn)

    def inputs(self) -> dict[str, str | None]:
        """As those of a setup, and of the other task."""
        found = super().inputs()
        if self.other is not None:
            given = self.other.inputs()
            found["control"] = config_hash({name: given[name] for name in ("task", "rows")})
        return found

    def run(self) -> Results:
        """Score the items in the settings, and compare them if there are all three."""
        clock = [time.perf_counter()]
        inputs, model = self.inputs(), self.language_model()
        prompted = _prompted(self.shared, bool(self.arrays), json.dumps(self.shared.inputs()))
        prepared, seen, tuned = prompted.prompts, dict(prompted.seen), None
        clock.append(time.perf_counter())
        if "ft" in self.settings:
            examples, want = self.examples(model, prompted.examples), prompted.wanted["ft"]
            how = self.finetuning(self.lr, examples.k_used)
            with finetune(model, examples, how, record_queries="queries" in want) as tuned:
                clock.append(time.perf_counter())
                if not tuned.diverged:
                    if self.control == NOISE:
                        to_noise(tuned, np.random.default_rng([self.seed, 4]))
                    seen["ft"] = _observe(model, prompted, self, "ft", want)
        found = {
            "items": len(prepared.gold),
            "labels": len(prepared.labels),
            "k": prepared.k,
            "k_used": prepared.k_used,
            "inputs": inputs,
            "data": prompted.origin,
            "model_origin": model.origin,
            "gold": prepared.gold,
            "diverged": tuned is not None and tuned.diverged,
        }
        in_context = self.control in ("", WRONG_LABELS, NOISE)  # what is trained on is shown, too
        trained = tuned.queries if tuned is not None and in_context else None
        if tuned is not None:
            found["ft_losses"] = tuned.losses
        found |= {f"{name}_predicted": observed.predicted for name, observed in seen.items()}
        if seen:
            found |= measure(
                PRESETS[self.preset],
                **{setting: seen.get(setting) for setting in ("zsl", "icl", "ft")},
                training_queries=trained and trained[: prepared.k_used],
                rng=np.random.default_rng(self.seed),
                bos=len(prepared.bos),
                separator=len(prepared.separator),
                device=str(model.device),
            )
        if self.arrays:
            keep(seen, Path(self.arrays).expanduser() / record_name(self))
        clock.append(time.perf_counter())
        parts = ("prompted", "finetuning", "rest") if tuned is not None else ("prompted", "rest")
        measured = {
            f"seconds_{part}": {"value": rounded(end - begin, 3), "unit": "s"}
            for part, begin, end in zip(parts, clock, clock[1:])
        }
        measured["peak_memory"] = {"value": peak_memory(), "unit": "bytes"}
        return Results(
            {
                name: {"value": value, "tolerance": _tolerance(name)}
                for name, value in finite(rounded(found, significant=True)).items()
            },
            measured,
        )

    def examples(self, model, usual: Prompts) -> Prompts:
        """What is finetuned on: the demonstrations, or as many of the control."""
        if self.control in ("", NOISE):
            return usual
        k = usual.k_used
        if self.other is not None:
            rows, _, items = self.other.rows()
            demos = draw(rows, k, self.seed, scheme=self.scheme)
        else:
            rows, demos, items = self.rows()
            if self.control == WRONG_LABELS:
                demos = mislabelled(demos[:k], len(rows.task.labels), self.seed)
            else:
                demos = draw(leave_out(rows, demos), k, self.seed)
        return self.prompts(model, rows, demos, items, UNBOUNDED)


@dataclass
class _Prompted:
    """What no learning rate changes: prompts, and what was seen zero-shot and in context."""

    prompts: Prompts
    blank: Prompts  # without content
    examples: Prompts  # finetuned on
    origin: dict
    seen: dict[str, Observations]
    wanted: dict[str, frozenset[str]]  # what is observed of each setting besides its answers
    mapped: bool  # keep what is observed in files


@functools.lru_cache(maxsize=1)
def _prompted(setup: Setup, keeps: bool, inputs: str) -> _Prompted:
    """`inputs` is there so that other inputs under the same names are read again."""
    model = setup.language_model()
    rows, demos, items = setup.rows()
    prepared = setup.prompts(model, rows, demos, items)
    examples = prepared
    if setup.ft_all_k:
        examples = setup.training(model, rows, demos, items)
    wants = wanted(SETTINGS if keeps else setup.settings)
    size = observed_bytes(model.net.config, prepared, PRESETS[setup.preset], model.dtype.itemsize)
    mapped = any(wants.values()) and size > MEMORY_MAPPED
    blank = setup.without_content(model, rows, prepared)
    prompted = _Prompted(prepared, blank, examples, rows.origin, {}, wants, mapped)
    if "zsl" in setup.settings:
        alone = dataclasses.replace(setup, settings=("zsl",))
        read = json.dumps(alone.inputs())
        prompted.seen["zsl"] = _zero_shot(alone, wants["zsl"], mapped, read)
    if "icl" in setup.settings:
        prompted.seen["icl"] = _observe(model, prompted, setup, "icl", wants["icl"])
    return prompted


@functools.lru_cache(maxsize=1)
def _zero_shot(setup: Setup, want: frozenset[str], mapped: bool, inputs: str) -> Observations:
    """What no demonstrations change; `inputs` as in `_prompted`."""
    model = setup.language_model()
    rows, _, items = setup.rows()
    prepared = setup.prompts(model, rows, [], items)
    blank = setup.without_content(model, rows, prepared)
    prompted = _Prompted(prepared, blank, prepared, rows.origin, {}, {}, mapped)
    return _observe(model, prompted, setup, "zsl", want)


def _observe(
    model: LanguageModel, prompted: _Prompted, setup: Setup, setting: str, want: frozenset[str]
) -> Observations:
    """What a setting answers, also to no text, and what else is wanted of it."""
    context, prepared = setting == "icl", prompted.prompts
    before = prior(model, prompted.blank, context)
    if not want:
        scores = predict(model, prepared, context)
        return Observations(scores, scores.argmax(axis=1), prepared.gold, prior=before)
    folder = tempfile.TemporaryDirectory(prefix="iclbook-") if prompted.mapped else None
    observed = observe(
        model,
        prepared,
        context=context,
        positions=PRESETS[setup.preset].positions,
        want=want,
        folder=folder and folder.name,
    )
    found = dataclasses.replace(observed, prior=before)
    if folder is not None:
        weakref.finalize(found, folder.cleanup)
    return found


def observed_bytes(config, prepared: Prompts, preset, size: int) -> int:
    """Bytes that the observations of the three settings take, at most.

    `size` is that of a number of the model; observations have 4 bytes, or 8 if the model has.
    """
    n = len(prepared.gold)
    layers, heads, width = config.num_hidden_layers, config.num_attention_heads, config.hidden_size
    longest = max(map(len, prepared.queries)) + len(prepared.labels[0])
    row = layers * (width + heads * longest)
    context = layers * len(prepared.context)
    return max(4, size) * n * len(preset.positions) * (3 * row + context + layers * width)


def _tolerance(name: str) -> float:
    """Predictions may differ where they are near a tie; what is made of them, a little."""
    if name == "inputs":
        return 0.0
    return 100.0 if name.endswith("_predicted") else 0.03


def peak_memory() -> int:
    """Bytes of memory that this process held at the most."""
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
