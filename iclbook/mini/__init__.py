"""A small language, six tasks in it, and a small model that learned it: all come with the book.

Its modules:

language, tokenizer, corpus
    Sentences that show attributes; one token a word; the mixture that the model was trained on.
pretrain, measure
    Its pretraining, and what it was measured by.
training, model
    Its loop and its network.
data
    Fixed rows of the six tasks.
"""

from pathlib import Path

from iclbook.gpt.text.tasks import Task
from iclbook.mini.corpus import tasks
from iclbook.mini.data import data

__all__ = ["STEP", "Task", "checkpoint", "data", "steps", "tasks"]

CHECKPOINT = Path(__file__).parent / "checkpoint"
"""The bundled model in Hugging Face format."""

STEP = 4250
"""The step of the recorded pretraining whose model is bundled.

Among the last measurements, made every 250 of 4,500 steps, zero-shot accuracy wobbles: which label
word a model prefers before it has seen an example changes from one to the next. In context they are
alike. The bundled one is the last that is clearly above a guess zero-shot.
"""


def steps() -> list[int]:
    """Earlier steps of pretraining whose models are bundled too, in order; there may be none."""
    return sorted(int(path.name.removeprefix("step-")) for path in CHECKPOINT.glob("step-*"))


def checkpoint(step: int | None = None) -> Path:
    """Return the folder of the bundled model, that of step ``STEP``, or of an earlier step.

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
