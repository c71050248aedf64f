"""Text classification as prompts: a template, a word for each label, and where the rows come from.

A task is data. The six tasks of Dai et al. (2023) carry the templates and label words of the
authors' released code; `get(name, wording="paper")` gives the wording printed in the paper, which
differs in small ways. RTE and TREC come from the same code, and the six ``mini-*`` tasks use the
same templates on the small language of the bundled model. A task of your own is
`Task(...)` or a TOML file (`load_toml`).
"""

import dataclasses
import difflib

from iclbook.gpt.text.task import Hub, Row, Task, load_toml

__all__ = ["MINI", "SIX", "TASKS", "Hub", "Row", "Task", "get", "load_toml"]

# AG News differs between the paper and the code in more than a line break.
_NEWS = "Classify the news articles into the categories of World, Sports, Business, and Technology."


_SENTIMENT = ("Negative", "Positive")
_FIVE = ("terrible", "bad", "neutral", "good", "great")
_TOPICS = ("World", "Sports", "Business", "Technology")
_ENTAILMENT = ("True", "False", "Neither")
_PAIR = ("premise", "hypothesis")
_CB = "{premise} Question: {hypothesis}. True, False, or Neither? Answer:"

_GLUE = "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"

_REAL = (
    Task(
        "cb",
        _CB,
        _ENTAILMENT,
        _PAIR,
        Hub("aps/super_glue", "cb", "3de24cf8022e94f4ee4b9d55a6f539891524d646"),
    ),
    Task(
        "sst2",
        "Sentence: {text} Label:",
        _SENTIMENT,
        hub=Hub("nyu-mll/glue", "sst2", _GLUE, columns=("sentence",)),
    ),
    Task(
        "sst5",
        "Sentence: {text} Label:",
        _FIVE,
        hub=Hub("SetFit/sst5", None, "e51bdcd8cd3a30da231967c1a249ba59361279a3"),
    ),
    Task(
        "subj",
        "Input: {text} Type:",
        ("objective", "subjective"),
        hub=Hub("SetFit/subj", None, "f3c1162e678417f664d76b21864fdb87b0615fcf", evaluation="test"),
        evaluation="test",
    ),
    Task(
        "mr",
        "Review: {text} Sentiment:",
        _SENTIMENT,
        hub=Hub(
            "cornell-movie-review-data/rotten_tomatoes",
            None,
            "aa13bc287fa6fcab6daf52f0dfb9994269ffea28",
        ),
    ),
    Task(
        "agnews",
        _NEWS + " Article: {text} Answer:",
        _TOPICS,
        hub=Hub(
            "fancyzhx/ag_news",
            None,
            "eb185aade064a813bc0b7f42de02595523103ca4",
            evaluation="test",
        ),
        evaluation="test",
    ),
    Task(
        "rte",
        "Passage: {premise} Question: {hypothesis} Yes or No? Answer:",
        ("Yes", "No"),
        _PAIR,
        Hub("nyu-mll/glue", "rte", _GLUE, columns=("sentence1", "sentence2")),
    ),
    Task(
        "trec",
        "Question: {text} Type:",
        # The code lists these words in the order of an older data set (DESC, ENTY, ABBR, HUM,
        # NUM, LOC); here they follow ABBR, ENTY, DESC, HUM, LOC, NUM.
        ("Expression", "Entity", "Description", "Person", "Location", "Number"),
        # The repository itself holds a loading script, which `datasets` no longer runs; this
        # branch is the hub's own conversion, and no commit of it is known to us.
        hub=Hub(
            "CogComp/trec",
            None,
            "refs/convert/parquet",
            evaluation="test",
            label="coarse_label",
        ),
        evaluation="test",
    ),
)

SIX = ("cb", "sst2", "sst5", "subj", "mr", "agnews")
"""The six tasks of the paper."""

MINI = tuple("mini-" + name for name in SIX)
"""The same six on the bundled model's language."""

TASKS: dict[str, Task] = {task.name: task for task in _REAL}
TASKS.update(
    {
        "mini-" + name: dataclasses.replace(
            TASKS[name], name="mini-" + name, hub=None, evaluation="validation"
        )
        for name in SIX
    }
)

# The paper's Table 8: the answer cue on a line of its own; CB without the full stop after the
# hypothesis; AG News with another cue.
_PAPER = {
    "cb": "{premise} Question: {hypothesis} True, False, or Neither?\nAnswer:",
    "sst2": "Sentence: {text}\nLabel:",
    "sst5": "Sentence: {text}\nLabel:",
    "subj": "Input: {text}\nType:",
    "mr": "Review: {text}\nSentiment:",
    "agnews": _NEWS + " News: {text}\nType:",
}


def get(name: str, wording: str = "code") -> Task:
    """Return a task by name.

    Parameters
    ----------
    name : str
        One of `TASKS`.
    wording : str
        ``"code"``: the templates of the authors' released code, with which their numbers were
        made. ``"paper"``: those of the paper's appendix.

    Raises
    ------
    ValueError
        If there is no such task (the message names near ones) or no such wording.
    """
    if name not in TASKS:
        near = difflib.get_close_matches(str(name).lower(), TASKS, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise ValueError(
            f"task {name!r} is unknown; expected one of {', '.join(TASKS)}, or a TOML file.{hint}"
        )
    if wording == "code":
        return TASKS[name]
    if wording != "paper":
        raise ValueError(f"wording is {wording!r}; expected 'code' or 'paper'.")
    if name not in _PAPER:
        raise ValueError(
            f"task {name!r} has no wording 'paper': the paper prints templates of "
            f"{', '.join(_PAPER)} only. Use wording 'code'."
        )
    return dataclasses.replace(TASKS[name], template=_PAPER[name])
