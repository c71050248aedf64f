"""Tables with one column a task, as plain text, CSV, LaTeX and HTML."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby

import numpy as np

from iclbook.gpt.metrics import seed_interval

PAPER = "(paper)"
"""What ends the model's name in a row that the paper printed."""


@dataclass(frozen=True)
class Value:
    """A mean over seeds, and half the width of its interval (None for one seed).

    It is formatted as a number is: ``f"{value:.1f}"`` gives ``0.5 ± 0.1``.
    """

    mean: float
    half: float | None = None

    @classmethod
    def over_seeds(cls, values: Sequence[float] | np.ndarray) -> "Value":
        """The mean of one number a seed, with its Student interval.

        Raises
        ------
        ValueError
            As `iclbook.gpt.metrics.seed_interval`.
        """
        mean, _, high = seed_interval(np.array(values))
        return cls(mean, None if high is None else high - mean)

    def __format__(self, form: str) -> str:
        text = format(self.mean, f"z{form}")  # no minus before a zero
        return text if self.half is None else f"{text} ± {self.half:{form}}"


@dataclass(frozen=True)
class Table:
    """Rows of values, one column a task; None is a dash.

    Attributes
    ----------
    title : str
    columns : tuple of str
        Tasks.
    rows : tuple of (str, tuple of Value or None)
        A label, and as many values as columns.
    digits : int
        Behind the decimal point.
    notes : tuple of str
    means : dict of str to float
        Means over tasks, of rows for which they are published; of others they are computed.
    about : dict of str to str or dict
        For CSV: ``model``, ``settings``, and ``sets``, the number of demonstration sets by task.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Value | None, ...]], ...]
    digits: int = 3
    notes: tuple[str, ...] = ()
    means: dict[str, float] = field(default_factory=dict)
    about: dict = field(default_factory=dict)

    def text(self) -> list[list[str]]:
        """The table as text, with a heading, and the mean over tasks where no task is a dash."""
        lines = [[self.title, *self.columns, "mean"]]
        for label, values in self.rows:
            mean = None
            if None not in values:
                computed = float(np.mean([value.mean for value in values]))
                mean = Value(self.means.get(label, computed))
            lines.append([label, *(self._format(value) for value in (*values, mean))])
        return lines

    def _format(self, value: Value | None) -> str:
        if value is None:
            return "–"
        return f"{value:.{self.digits}f}"


def render(found: Sequence[Table], form: str = "text") -> str:
    """Tables as plain text, as CSV with one line a row, as LaTeX (booktabs), or as HTML.

    In HTML the part of a row's label before a colon stands above all rows that share it.
    """
    forms = {"text": _as_text, "csv": _as_csv, "latex": _as_latex, "html": _as_html}
    return forms[form](found)


def show(*found: Table) -> None:
    """Display tables in a notebook, as HTML with the same numbers as plain text."""
    from iclbook import controls  # brings matplotlib, which the command line does not need

    controls.show(render(found, "html"), render(found, "text"))


def _as_text(found: Sequence[Table]) -> str:
    parts = []
    for table in found:
        lines = table.text()
        widths = [max(map(len, column)) for column in zip(*lines)]
        widths[0] = max(len(line[0]) for line in lines[1:])
        parts.append(lines[0][0])
        lines[0][0] = ""
        for label, *values in lines:
            shown = [value.rjust(width) for value, width in zip(values, widths[1:])]
            parts.append("  ".join([label.ljust(widths[0]), *shown]))
        parts += [f"  {note}" for note in table.notes] + [""]
    return "\n".join(parts).rstrip()


def _as_csv(found: Sequence[Table]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["table", "model", "settings", "row", "task", "demonstration_sets", "mean", "half_width"]
    )
    for table in found:
        about = table.about
        for label, values in table.rows:
            origin = [about.get("model", ""), about.get("settings", "")]
            if label.partition(": ")[0].endswith(PAPER):
                origin = [label.partition(": ")[0], ""]
            for task, value in zip(table.columns, values):
                if value is not None:
                    sets = about.get("sets", {}).get(task, "") if origin[1] else ""
                    half = "" if value.half is None else f"{value.half:.6g}"
                    row = [table.title, *origin, label, task, sets, f"{value.mean:.6g}", half]
                    writer.writerow(row)
    return out.getvalue().rstrip()


def _as_latex(found: Sequence[Table]) -> str:
    parts = []
    for table in found:
        heading, *lines = table.text()
        caption = " ".join([_latex(heading[0]) + ".", *(_latex(n) + "." for n in table.notes)])
        parts += [
            r"\begin{table}",
            rf"\caption{{{caption}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(heading) - 1)}}}",
            r"\toprule",
            " & ".join(["", *map(_latex, heading[1:])]) + r" \\",
            r"\midrule",
            *(" & ".join(map(_latex, line)) + r" \\" for line in lines),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    return "\n".join(parts).rstrip()


def _latex(text: str) -> str:
    for sign in "&%#_":
        text = text.replace(sign, "\\" + sign)
    return text.replace("±", r"$\pm$").replace("–", "--")


def _as_html(found: Sequence[Table]) -> str:
    return "\n".join(map(_html_table, found))


def _html_table(table: Table) -> str:
    heading, *lines = table.text()
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heading[1:])
    body = ""
    for group, rows in groupby(lines, key=lambda line: line[0].rpartition(": ")[0]):
        if group:
            body += f'<tr class="group"><th colspan="{len(heading)}" scope="rowgroup">'
            body += f"{escape(group)}</th></tr>\n"
        for label, *values in rows:
            cells = "".join(f"<td>{_html_value(value)}</td>" for value in values)
            name = escape(label.rpartition(": ")[2])
            body += f'<tr><th scope="row">{name}</th>{cells}</tr>\n'
    notes = "".join(f"<li>{escape(note)}</li>" for note in table.notes)
    return (
        f'<div class="comparison" tabindex="0" role="region" aria-label="{escape(table.title)}">'
        f"<table><caption>{escape(table.title)}</caption>\n"
        f"<thead><tr><td></td>{head}</tr></thead>\n"
        f"<tbody>{body}</tbody></table>\n<ul>{notes}</ul></div>"
    )


def _html_value(text: str) -> str:
    mean, _, half = text.partition(" ± ")
    return f"{mean} <small>± {half}</small>" if half else text
