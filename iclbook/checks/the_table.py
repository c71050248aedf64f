"""Exercises of the chapter "The table"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark, weigh


def at_depth(answer) -> Verdict:
    """A quantity of each layer, read at relative depths, from (values, depths)."""

    def read(values, depths, places):
        return np.interp(depths, places, values)

    rng = np.random.default_rng(41)
    cases = [(rng.normal(size=layers), np.array([0.02, 0.3, 0.5, 0.77, 0.96])) for layers in (3, 8)]
    return mark(
        answer,
        right=lambda values, depths: read(
            values, depths, (np.arange(len(values)) + 0.5) / len(values)
        ),
        cases=cases,
        edges={"for a model of one layer": (np.array([0.7]), np.array([0.1, 0.5, 0.9]))},
        praise="Now three layers and twenty-four can stand in one figure.",
        hint="Where is the middle of each layer, if the whole model reaches from 0 to 1? "
        "Between two middles, draw a straight line.",
        mistakes=[
            Mistake(
                lambda values, depths: read(values, depths, np.arange(len(values)) / len(values)),
                "This takes the lower edge of each layer for its place. Take its middle.",
            ),
            Mistake(
                lambda values, depths: read(
                    values, depths, (np.arange(len(values)) + 1) / len(values)
                ),
                "This takes the upper edge of each layer for its place. Take its middle.",
            ),
            Mistake(
                lambda values, depths: read(values, depths, np.linspace(0, 1, len(values))),
                "Here the first layer sits at depth 0 and the last one at 1. Each layer fills a "
                "part of the model: where is that part's middle?",
            ),
            Mistake(
                lambda values, depths: read(values, depths, np.arange(len(values)) + 0.5),
                "These places count layers. The depths are shares of the whole model.",
            ),
            Mistake(
                lambda values, depths: values[(depths * len(values)).astype(int)],
                "This jumps from layer to layer. Between two middles, draw a straight line.",
            ),
        ],
    )


def shifted_pairs(guess, ordinary, shifted) -> Verdict:
    """How many pairs of curves that pass the ordinary test pass by circular shifts as well."""
    happened = "all" if shifted == ordinary else "none" if shifted == 0 else "some"
    return weigh(
        guess,
        happened=happened,
        expected="none",
        why="Neighbouring layers are alike, so curves that are shifted against each other go "
        "together nearly as often. To pass, a pair must beat every one of its shifts.",
        others={
            "all": "So it would be if the layers were independent of each other.",
            "some": "Nearly: some pair has only one shift that is as good.",
        },
    )
