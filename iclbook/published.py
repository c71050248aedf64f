"""Numbers that others published, each with where it stands and what to know before comparing.

Data, not prose: tables and sentences of the book are made from here and from records, never
typed. The numbers are in `published.toml` beside this module.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class Paper:
    """A publication.

    Attributes
    ----------
    cite : str
        Key in the book's bibliography.
    title, url : str
    caveats : tuple of str
        What holds for all of its numbers.
    """

    cite: str
    title: str
    url: str
    caveats: tuple[str, ...]


@dataclass(frozen=True)
class PaperTable:
    """A published table.

    Attributes
    ----------
    id : str
        Such as "dai2023-3".
    source : Paper
    where : str
        Its place in the publication.
    title, unit : str
    read : str
        How the numbers came here: read in the "paper", from result "files" in the authors'
        repository, or "second-hand" from a description by others.
    columns : tuple of str
        Names of the values; task names of the engine where they are tasks.
    rows : tuple of dict
        What the row is about (model, setting, metric ...), `values` and perhaps `spread`.
    caveats : tuple of str
        What to know about this table, beyond the caveats of its source.
    """

    id: str
    source: Paper
    where: str
    title: str
    unit: str
    read: str
    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    caveats: tuple[str, ...]

    def row(self, **about) -> dict[str, int | float]:
        """Values by column of the one row that fits.

        Parameters
        ----------
        **about
            Enough of what the row is about, such as model="1.3B", setting="icl".

        Raises
        ------
        ValueError
            If no row fits, or more than one.
        """
        return dict(zip(self.columns, self._one(about)["values"]))

    def spread(self, **about) -> dict[str, float]:
        """Standard deviations by column of the one row that fits; empty if none are given."""
        return dict(zip(self.columns, self._one(about).get("spread", ())))

    def value(self, column: str, **about) -> int | float:
        """One number; see `row`.

        Raises
        ------
        ValueError
            If there is no such column, or `about` does not fit exactly one row.
        """
        if column not in self.columns:
            raise ValueError(
                f"column is {column!r}; {self.id} has the columns {', '.join(self.columns)}."
            )
        return self.row(**about)[column]

    def _one(self, about: dict[str, Any]) -> dict[str, Any]:
        found = [row for row in self.rows if about.items() <= row.items()]
        if len(found) != 1:
            rows = "; ".join(
                ", ".join(f"{k}={v!r}" for k, v in row.items() if k not in ("values", "spread"))
                for row in self.rows
            )
            raise ValueError(f"{about} fits {len(found)} rows of {self.id}; they are: {rows}.")
        return found[0]


def table(name: str) -> PaperTable:
    """A published table by its id.

    Raises
    ------
    ValueError
        If there is no such table; the message lists them.
    """
    if name not in _tables():
        raise ValueError(f"name is {name!r}; the published tables are {', '.join(_tables())}.")
    return _tables()[name]


def tables() -> tuple[str, ...]:
    """Ids of all published tables."""
    return tuple(_tables())


@cache
def _tables() -> dict[str, PaperTable]:
    text = resources.files("iclbook").joinpath("published.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    sources = {
        name: Paper(**{**source, "caveats": tuple(source["caveats"])})
        for name, source in data["sources"].items()
    }
    return {
        entry["id"]: PaperTable(
            **{
                **entry,
                "source": sources[entry["source"]],
                **{name: tuple(entry[name]) for name in ("columns", "rows", "caveats")},
            }
        )
        for entry in data["tables"]
    }
