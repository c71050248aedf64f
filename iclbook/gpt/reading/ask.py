"""The two questions that a notebook asks of a model again and again, each in one line.

What do these demonstrations and items look like to this model, and how many items does it get
right?
"""

from collections.abc import Sequence

from iclbook.gpt.metrics import accuracy
from iclbook.gpt.model.load import Card, LanguageModel
from iclbook.gpt.reading.score import predict
from iclbook.gpt.text.prompts import Prompts, build
from iclbook.gpt.text.tasks import Row, Task


def prompts_for(
    model: LanguageModel | Card,
    task: Task,
    demos: Sequence[Row],
    items: Sequence[Row],
    *,
    single: bool = True,
) -> Prompts:
    """Demonstrations and items as a model reads them.

    Parameters
    ----------
    model : LanguageModel or Card
        Gives its tokenizer, window and separator.
    task : Task
        Template and label words.
    demos, items : sequence of Row
        Demonstrations, perhaps none, and what is to be answered.
    single : bool
        Refuse label words of several tokens.

    Raises
    ------
    ValueError
        As `iclbook.gpt.text.prompts.build`.
    """
    return build(
        task,
        demos,
        items,
        model.tokenizer,
        window=model.window,
        separator_text=model.separator,
        single=single,
    )


def share_right(model: LanguageModel, prompts: Prompts, context: bool = False) -> float:
    """Share of items to which a model gives the gold label.

    Parameters
    ----------
    model : LanguageModel
    prompts : Prompts
    context : bool
        In context (behind the demonstrations), or zero-shot.

    Raises
    ------
    ValueError
        As `iclbook.gpt.reading.score.predict`.
    """
    return accuracy(predict(model, prompts, context).argmax(axis=1), prompts.gold)
