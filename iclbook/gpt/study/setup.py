"""What an experiment is about: model, task, demonstrations; how they are read and trained on."""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from iclbook.gpt.metrics.metric import SETTINGS
from iclbook.gpt.model.device import DTYPES, choose_device, choose_dtype
from iclbook.gpt.model.load import Card, LanguageModel
from iclbook.gpt.reading.calibrate import content_free
from iclbook.gpt.study import kept
from iclbook.gpt.study.presets import PRESETS
from iclbook.gpt.text import tasks
from iclbook.gpt.text.data import Data
from iclbook.gpt.text.demonstrations import draw, read_demonstrations
from iclbook.gpt.text.prompts import Prompts, build
from iclbook.gpt.tuning.finetune import Finetuning
from iclbook.records import config_hash
from iclbook.threads import check_threads
from iclbook.validate import check_choice, check_count

FINETUNING = ("rule", "parameters", "loss", "optimiser", "epochs", "batch", "ft_all_k")
"""What only matters if ``ft`` is among the settings."""

PLACES = ("model", "task", "data", "demonstrations", "device", "dtype", "threads", "arrays")
"""Names of what is read, and where and how fast it is worked on: no part of what a result is.

Of what is read the content counts, and of the precision the one that was chosen, see
`Setup.inputs`.
"""

UNBOUNDED = 2**62
"""A window that everything fits."""


@dataclass(frozen=True)
class Setup:
    """What a cell and the search for its learning rate have in common.

    What no asked setting needs is put to its default: without ``ft`` the finetuning, and if it is
    zero-shot alone, or demonstrations are given, the draw as well (``k`` and ``seed`` are 0 then).

    Attributes
    ----------
    model : str
        mini (the bundled one), a packaged model, a folder, or an id of the hub, perhaps
        id@revision; with @untrained behind it, its weights are drawn at random (another draw:
        @untrained:1), with @embeddings or @norms all but these.
    task : str
        A name of `iclbook.gpt.text.tasks.TASKS`, or a TOML file.
    data : str
        Folder of data sets, or package or hub; empty: ICLBOOK_DATA, else the hub, else the package.
    demonstrations : str
        A file with the demonstrations: exactly its rows, in this order, instead of a draw.
    k : int
        Demonstrations; fewer are used where they do not fit the model's window.
    seed : int
        Of the draw of demonstrations.
    items : int
        How many items are evaluated; 0 for all (up to the task's cap).
    preset : str
        What exactly is measured: book, dai-code.
    long_labels : bool
        Allow label words of several tokens, scored by the mean over their tokens.
    wording : str
        Of the templates: code, paper.
    scheme : str
        Of the draw: book, authors. The authors' draw takes the training rows as they are, repeats
        of evaluation rows included.
    rule : str
        Of the finetuning: gd, lcgd-paper, lcgd-code.
    parameters : str
        What is finetuned: kv, mlp, all, v:LAYER.
    loss : str
        On all tokens, or on the label.
    optimiser : str
        Of the finetuning: sgd, adam.
    epochs : int
        Of the finetuning.
    batch : int
        Demonstrations a step; 0 for all at once.
    settings : tuple of str
        Any of zsl (zero-shot), ft (finetuned) and icl (in context).
    ft_all_k : bool
        Finetune on all demonstrations, also those that do not fit the window in context; dai-code
        always does.
    device : str
        As torch calls it: cpu, cuda, cuda:1; auto takes a GPU if there is one.
    dtype : str
        Precision: float32, float64, bfloat16, float16; auto is float32 on a CPU, else that of the
        weights.
    threads : int
        CPU threads.

    Raises
    ------
    TypeError, ValueError
        If a setting is none of these.
    """

    model: str = "mini"
    task: str = "mini-sst2"
    data: str = ""
    demonstrations: str = ""
    k: int = 32
    seed: int = 0
    items: int = 0
    preset: str = "book"
    long_labels: bool = False
    wording: str = "code"
    scheme: str = "book"
    rule: str = "gd"
    parameters: str = "kv"
    loss: str = "all"
    optimiser: str = "sgd"
    epochs: int = 1
    batch: int = 1
    settings: tuple[str, ...] = ("zsl", "ft", "icl")
    ft_all_k: bool = False
    device: str = "auto"
    dtype: str = "auto"
    threads: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.settings, str) or not self.settings:
            raise ValueError(f"settings is {self.settings!r}; expected some of zsl, ft and icl.")
        for setting in self.settings:
            check_choice("settings", setting, SETTINGS)
        check_choice("preset", self.preset, tuple(PRESETS))
        check_choice("wording", self.wording, ("code", "paper"))
        check_choice("scheme", self.scheme, ("book", "authors"))
        check_choice("dtype", self.dtype, ("auto", *DTYPES))
        check_threads(self.threads)
        check_count("epochs", self.epochs)
        for name in ("k", "seed", "items", "batch"):
            check_count(name, getattr(self, name), low=0)
        self.finetuning(1.0)  # its own checks, before any work
        self._settle(settings=tuple(name for name in SETTINGS if name in self.settings))
        if PRESETS[self.preset].all_k:
            self._settle(ft_all_k=True)
        if "ft" not in self.settings:
            self._settle(**{name: _DEFAULTS[name] for name in FINETUNING})
        if self.settings == ("zsl",):
            self._settle(demonstrations="")
        if self.settings == ("zsl",) or self.demonstrations:
            self._settle(k=0, seed=0, scheme="book")
        else:
            check_count("k", self.k)

    def _settle(self, **settings) -> None:
        for name, value in settings.items():
            object.__setattr__(self, name, value)

    def finetuning(self, lr: float, examples: int | None = None) -> Finetuning:
        """The settings of the finetuning at a learning rate, on so many examples."""
        names = ("rule", "parameters", "loss", "optimiser", "epochs")
        given = {name: getattr(self, name) for name in names}
        full = not self.batch or (examples is not None and self.batch > examples)
        return Finetuning(lr=lr, batch="full" if full else self.batch, **given)

    @property
    def shared(self) -> "Setup":
        """These settings alone, without those of a subclass."""
        return Setup(**{f.name: getattr(self, f.name) for f in dataclasses.fields(Setup)})

    @property
    def compares(self) -> bool:
        """Whether all three settings are asked for, so that they can be compared."""
        return self.settings == SETTINGS

    @property
    def hardware(self) -> str:
        """What the experiment runs on, for its record."""
        device = choose_device(self.device)
        return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type

    def language_model(self) -> LanguageModel:
        """The model, kept until another one is asked for."""
        return kept.model(self.model, self.device, self.dtype)

    def card(self) -> Card:
        """What there is to know of the model without its weights, kept like the model."""
        return kept.card(self.model)

    def rows(self) -> tuple[Data, list, list]:
        """The data, the demonstrations, and the items that are evaluated."""
        rows, _ = self._read()
        if self.demonstrations:
            demos, _ = self._given(rows.task)
        else:
            demos = draw(rows, self.k, self.seed, scheme=self.scheme)
        return rows, demos, list(rows.evaluation[: self.items or None])

    def inputs(self) -> dict[str, str | None]:
        """Hashes of what is read: of the model's files, the task, its rows, and given rows.

        And the precision in which the model is read. For a model of the hub the hash is that of its
        commit.
        """
        known, (rows, digest) = self.card(), self._read()
        files = kept.files(self.model) or (known.location.place, known.config._commit_hash)
        where = known.location
        drawn = {"untrained": True} | where.drawn if where.untrained else {}
        precision = choose_dtype(self.dtype, choose_device(self.device), known.config)
        task = rows.task
        return {
            "model": config_hash({"files": files} | drawn),
            "dtype": str(precision).removeprefix("torch."),
            "task": config_hash({n: getattr(task, n) for n in ("template", "labels", "columns")}),
            "rows": digest,
            "demonstrations": self._given(task)[1] if self.demonstrations else None,
        }

    def _read(self) -> tuple[Data, str]:
        task = tasks.find_task(self.task, self.wording)
        folder = str(Path(self.data).expanduser()) if self.data else ""
        deduplicate = PRESETS[self.preset].deduplicate and self.scheme != "authors"
        return kept.rows(task, folder, deduplicate)

    def _given(self, task: tasks.Task) -> tuple[list, str]:
        return read_demonstrations(Path(self.demonstrations).expanduser(), task)

    def prompts(
        self, model, rows: Data, demos: list, items: list, window: int | None = None
    ) -> Prompts:
        """Token ids of demonstrations and items for a model (or its card).

        How many demonstrations fit is decided by the longest of all rows that the task evaluates,
        whichever items are asked for.
        """
        encode = self._encoder(model, rows.task)
        whole = encode(demos, rows.evaluation, window=window or model.window)
        if list(items) == list(rows.evaluation):
            return whole
        kept = encode(demos[: whole.k_used], items, window=UNBOUNDED)
        return dataclasses.replace(kept, k=whole.k)

    def without_content(self, model, rows: Data, prepared: Prompts) -> Prompts:
        """The same demonstrations, and texts without content behind them, for calibration."""
        blank = self._encoder(model, rows.task)([], content_free(rows.task), window=UNBOUNDED)
        return dataclasses.replace(prepared, queries=blank.queries, gold=blank.gold)

    def _encoder(self, model, task: tasks.Task) -> Callable[..., Prompts]:
        return functools.partial(
            build,
            task,
            tokenizer=model.tokenizer,
            separator_text=model.separator,
            strip=PRESETS[self.preset].strip,
            single=not self.long_labels,
        )

    def training(self, model, rows: Data, demos: list, items: list) -> Prompts:
        """Token ids with the demonstrations that are finetuned on: those that fit, or all."""
        return self.prompts(model, rows, demos, items, UNBOUNDED if self.ft_all_k else None)


_DEFAULTS = {field.name: field.default for field in dataclasses.fields(Setup)}
