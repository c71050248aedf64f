"""A small language, six tasks in it, and a small model that learned it: all come with the book.

Its modules:

language, tokenizer, corpus
    Sentences that show attributes; one token a word; the mixture that the model was trained on.
pretrain, measure
    The training, and what it was measured by.
data
    Fixed rows of the six tasks.
"""

from pathlib import Path

from iclbook.gpt.tasks import Task
from iclbook.mini.corpus import tasks
from iclbook.mini.data import data

__all__ = ["Task", "checkpoint", "data", "steps", "tasks"]

CHECKPOINT = Path(__file__).parent / "checkpoint"
"""The bundled model in Hugging Face format."""


def steps() -> list[int]:
    """Steps of pretraining whose models are bundled, the last one first of all."""
    return sorted(int(path.name.removeprefix("step-")) for path in CHECKPOINT.glob("step-*"))


def checkpoint(step: int | None = None) -> Path:
    """Return the folder of the bundled model, at the end of its pretraining or at an earlier step.

    Raises
    ------
    ValueError
        If no model of this step is bundled.
    """
    if step is None:
        return CHECKPOINT
    if step not in steps():
        known = ", ".join(map(str, steps())) or "none"
        raise ValueError(f"no bundled model of step {step!r}; earlier steps at hand: {known}.")
    return CHECKPOINT / f"step-{step}"
