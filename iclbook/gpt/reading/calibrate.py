"""What a model answers to no text at all: the prior over label words that calibration takes off.

Contextual calibration (Zhao et al. 2021, "Calibrate Before Use", section 5): the model is asked the
same question, behind the same demonstrations, of texts without content. What it then answers is
owed to the template, the label words and the demonstrations, and is divided out of its answers.
"""

import numpy as np
from jaxtyping import Float
from scipy.special import log_softmax, logsumexp

from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.reading.score import predict
from iclbook.gpt.text.prompts import Prompts
from iclbook.gpt.text.tasks import Row, Task

CONTENT_FREE = ("N/A", "", "[MASK]")
"""The texts without content of Zhao et al. (2021)."""


def content_free(task: Task) -> list[Row]:
    """Rows of a task without content; their label means nothing."""
    rows = [dict.fromkeys(task.columns, text) | {"label": 0} for text in CONTENT_FREE]
    return [row for row in rows if task.prompt(row).strip()]


def prior(model: LanguageModel, prompts: Prompts, context: bool) -> Float[np.ndarray, " C"]:
    """Log-probability of each label word among them all, over prompts without content.

    Parameters
    ----------
    model : LanguageModel
    prompts : Prompts
        Of `content_free` rows, with the demonstrations of the items that are to be calibrated.
    context : bool
        In context (behind the demonstrations), or zero-shot.

    Returns
    -------
    (C,) array
        Of the mean probability over the prompts. The calibrated prediction of an item is the argmax
        of its scores less these.

    Raises
    ------
    ValueError
        As `iclbook.gpt.reading.score.predict`.
    """
    scores = log_softmax(predict(model, prompts, context), axis=1)
    return logsumexp(scores, axis=0) - np.log(len(scores))
