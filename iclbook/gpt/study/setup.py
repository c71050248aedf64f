"""What an experiment is about: model, task, demonstrations, and how they are read and trained on.

Models and rows are kept from one experiment to the next, so that a sweep loads them once.
"""

import dataclasses
import functools
from dataclasses import dataclass

import torch

from iclbook.gpt.metrics import PRESETS
from iclbook.gpt.model.load import Card, LanguageModel, card, choose_device, load_model
from iclbook.gpt.text import data, prompts, tasks
from iclbook.gpt.text.demonstrations import draw
from iclbook.gpt.tuning.finetune import Finetuning
from iclbook.threads import check_threads
from iclbook.validate import check_choice, check_count


@dataclass(frozen=True)
class Setup:
    """What a cell and the search for its learning rate have in common.

    Attributes
    ----------
    model : str
        ``"mini"`` (the bundled one), a folder, or an id of the hub, perhaps ``id@revision``.
    task : str
        A name of `iclbook.gpt.text.tasks.TASKS`, or a TOML file.
    k : int
        Demonstrations; fewer are used where they do not fit the model's window.
    seed : int
        Of the draw of demonstrations.
    items : int
        How many items are evaluated; 0 for all (up to the task's cap).
    preset : str
        ``"book"`` or ``"dai-code"``: what exactly is measured, see `iclbook.gpt.metrics`.
    long_labels : bool
        Allow label words of several tokens, scored by the mean over their tokens.
    wording, scheme : str
        Of the templates (``code``, ``paper``); of the draw (``book``, ``authors``). The authors'
        draw takes the training rows as they are, repeats of evaluation rows included.
    rule, parameters, loss, optimiser, epochs, batch
        Of the finetuning, see `iclbook.gpt.tuning.finetune.Finetuning`; ``batch`` 0 is the full
        batch.
    settings : tuple of str
        Of ``zsl`` (zero-shot), ``ft`` (finetuned) and ``icl`` (in context).
    ft_all_k : bool
        Finetune on all k demonstrations, also those that do not fit the window in context.
    device, dtype : str
        ``"auto"``, or as torch calls them.
    threads : int
        CPU threads.

    Raises
    ------
    TypeError, ValueError
        If a setting is none of these.
    """

    model: str = "mini"
    task: str = "mini-sst2"
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
    threads: int = 2

    def __post_init__(self) -> None:
        for name in ("k", "epochs"):
            check_count(name, getattr(self, name))
        check_threads(self.threads)
        for name in ("seed", "items", "batch"):
            check_count(name, getattr(self, name), low=0)
        for setting in self.settings or ("none",):
            check_choice("settings", setting, ("zsl", "ft", "icl"))
        check_choice("preset", self.preset, tuple(PRESETS))
        check_choice("scheme", self.scheme, ("book", "authors"))
        self.finetuning(1.0)  # its own checks, before any work

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
    def hardware(self) -> str:
        """What the experiment runs on, for its record."""
        device = choose_device(self.device)
        return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type

    def language_model(self) -> LanguageModel:
        """The model, kept until another one is asked for."""
        return _model(self.model, self.device, self.dtype)

    def card(self) -> Card:
        """What there is to know of the model without its weights, kept like the model."""
        return _card(self.model)

    def rows(self) -> tuple[data.Data, list, list]:
        """The data, the demonstrations, and the items that are evaluated."""
        deduplicate = PRESETS[self.preset].deduplicate and self.scheme != "authors"
        rows = _rows(self.task, self.wording, deduplicate)
        demos = draw(rows, self.k, self.seed, scheme=self.scheme)
        return rows, demos, list(rows.evaluation[: self.items or None])

    def prompts(
        self, model, rows: data.Data, demos: list, items: list, window: int | None = None
    ) -> prompts.Prompts:
        """Token ids of demonstrations and items for a model (or its card)."""
        return prompts.build(
            rows.task,
            demos,
            items,
            model.tokenizer,
            window=window or model.window,
            separator_text=model.separator,
            strip=PRESETS[self.preset].strip,
            single=not self.long_labels,
        )


def find_task(name: str, wording: str = "code") -> tasks.Task:
    """A task by name, or from a TOML file."""
    return tasks.load_toml(name) if name.endswith(".toml") else tasks.get(name, wording)


@functools.lru_cache(maxsize=1)
def _model(name: str, device: str, dtype: str) -> LanguageModel:
    return load_model(name, device=device, dtype=dtype)


@functools.lru_cache(maxsize=1)
def _card(name: str) -> Card:
    return card(name)


@functools.lru_cache(maxsize=8)
def _rows(task: str, wording: str, deduplicate: bool) -> data.Data:
    return data.load_rows(find_task(task, wording), deduplicate=deduplicate)
