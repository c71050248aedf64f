"""What a task is: a template, a word for each label, and where the rows come from."""

import string
from collections.abc import Mapping
from dataclasses import dataclass

Row = dict  # one example: the task's columns (text) and "label" (a label id)


@dataclass(frozen=True)
class Hub:
    """Where a task's rows are on the Hugging Face hub.

    Parameters
    ----------
    id : str
        Data set id with its namespace.
    config : str, optional
        Configuration of the data set, such as ``"cb"`` of SuperGLUE.
    revision : str
        Commit of the data set's repository, so that rows cannot change; a branch where no commit
        is known to us.
    train, evaluation : str
        Split names.
    columns : tuple of str
        The hub's names of the task's columns, in the task's order; empty if they are the same.
    label : str
        The hub's name of the label column.
    rows : int, optional
        How many training rows the data set has, if local copies keep their order.
    other_order : str, optional
        Why a local copy does not have the hub's order.
    """

    id: str
    config: str | None = None
    revision: str = "main"
    train: str = "train"
    evaluation: str = "validation"
    columns: tuple[str, ...] = ()
    label: str = "label"
    rows: int | None = None
    other_order: str | None = None

    @property
    def pinned(self) -> bool:
        """Whether the revision is a commit."""
        return len(self.revision) == 40 and set(self.revision) <= set(string.hexdigits)


@dataclass(frozen=True)
class Task:
    """A classification task for a language model.

    Parameters
    ----------
    name : str
        Short name; in a data folder, the name of the task's own folder.
    template : str
        Prompt without the answer; columns in braces, as in ``"Sentence: {text} Label:"``.
    labels : tuple of str
        Label words without a leading space, in the order of the label ids.
    columns : tuple of str
        Names of the text columns of a row.
    hub : Hub, optional
        The task's data set on the hub.
    evaluation : str
        The split that is evaluated: ``"validation"`` or ``"test"``.
    cap : int, optional
        At most so many evaluation items are used, after a shuffle with seed 1.
    files : tuple of two str, optional
        Training and evaluation file (JSON lines, CSV or TSV) of a task of your own.
    bundled : bool
        Whether the rows are made by the bundled language.

    Raises
    ------
    TypeError
        If a field has the wrong type.
    ValueError
        If the template names a field that is no column or misses one, if a label word is empty,
        repeated or padded with white space, or if fewer than two labels are given.
    """

    name: str
    template: str
    labels: tuple[str, ...]
    columns: tuple[str, ...] = ("text",)
    hub: Hub | None = None
    evaluation: str = "validation"
    cap: int | None = 2000
    files: tuple[str, str] | None = None
    bundled: bool = False

    def __post_init__(self):
        for field in ("name", "template", "evaluation"):
            _check_text(f"{field} of the task", getattr(self, field))
        for field in ("labels", "columns"):
            words = getattr(self, field)
            if not isinstance(words, list | tuple) or not all(isinstance(w, str) for w in words):
                raise TypeError(
                    f"{field} of task {self.name!r} is {words!r}; expected several strings, "
                    f'such as ("Negative", "Positive").'
                )
            object.__setattr__(self, field, tuple(words))
            bad = [w for w in words if not w or w != w.strip()]
            if bad or len(set(words)) < len(words):
                raise ValueError(
                    f"{field} of task {self.name!r} is {words!r}; expected different, non-empty "
                    f"words without outer spaces (a label gets its leading space by itself)."
                )
        if len(self.labels) < 2:
            raise ValueError(
                f"labels of task {self.name!r} is {self.labels!r}; expected at least two words."
            )
        if self.cap is not None and (type(self.cap) is not int or self.cap < 1):
            raise ValueError(
                f"cap of task {self.name!r} is {self.cap!r}; expected a whole number of at least "
                f"1, or None to evaluate every item."
            )
        if set(self.name) & set("/\\") or self.name in (".", ".."):
            raise ValueError(
                f"name of the task is {self.name!r}; expected no slash: it also names a folder."
            )
        if "label" in self.columns:
            raise ValueError(
                f"columns of task {self.name!r} name 'label'; expected text columns only. Rows "
                f"keep their label id under that name."
            )
        fields = _fields(self.template)
        if set(fields) != set(self.columns):
            raise ValueError(
                f"template of task {self.name!r} has the fields {sorted(set(fields))}, its columns "
                f"are {sorted(self.columns)}; expected the same names. Write a literal brace twice."
            )
        if self.template != self.template.rstrip():
            raise ValueError(
                f"template of task {self.name!r} ends in white space ({self.template[-9:]!r}); "
                f"end it with the last visible character: the label brings its own space."
            )

    def prompt(self, row: Mapping, strip: bool = True) -> str:
        """Return the filled template, without an answer.

        Parameters
        ----------
        row : mapping
            An example.
        strip : bool
            Remove outer white space of the texts. The authors' code keeps it.
        """
        texts = {c: row[c].strip() if strip else row[c] for c in self.columns}
        return self.template.format(**texts)

    def answer(self, label: int) -> str:
        """Return what follows the prompt: a space and the word of a label id."""
        return " " + self.labels[label]


def _check_text(name: str, value) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r}; expected a string.")
    if not value.strip():
        raise ValueError(f"{name} is empty; expected a string.")


def _fields(template: str) -> list[str]:
    """Names in braces of a template; formats such as ``{text!r}`` are refused."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"template {template!r} has unmatched braces ({error}).") from None
    for _, field, spec, conversion in parts:
        if field is not None and (spec or conversion or not field.isidentifier()):
            raise ValueError(
                f"template {template!r} has the field {field!r}; expected a column name in "
                f"braces and nothing else, such as {{text}}."
            )
    return [field for _, field, _, _ in parts if field is not None]
