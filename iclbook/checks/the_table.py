"""Exercises of the chapter "The table"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark


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


def operations_of_cell(answer) -> Verdict:
    """Operations of one cell, from (parameters, context, queries, training), in tokens."""

    def operations(parameters, forward):
        return 2.0 * parameters * forward

    return mark(
        answer,
        right=lambda parameters, context, queries, training: operations(
            parameters, context + 3 * queries + 4 * training
        ),
        cases=[(100, 30, 150, 31), (40, 7, 90, 12)],
        edges={"for a model of 1.3 billion parameters": (1_300_000_000, 900, 60_000, 1_000)},
        praise="Almost all of it is reading the queries, three times.",
        hint="Count how often each token is read: zero-shot, in context, after finetuning, and "
        "while finetuning.",
        mistakes=[
            Mistake(
                lambda parameters, context, queries, training: operations(
                    parameters, context + 3 * queries + training
                ),
                "Training reads a token forwards and goes back: that costs more than one reading.",
            ),
            Mistake(
                lambda parameters, context, queries, training: operations(
                    parameters, context + 2 * queries + 4 * training
                ),
                "There are three settings, and each of them reads the queries.",
            ),
            Mistake(
                lambda parameters, context, queries, training: operations(
                    parameters, 3 * context + 3 * queries + 4 * training
                ),
                "The demonstrations are read in one setting only.",
            ),
            Mistake(
                lambda parameters, context, queries, training: (
                    parameters * (context + 3 * queries + 4 * training)
                ),
                "A parameter takes part in a multiplication and in an addition.",
            ),
            Mistake(
                lambda parameters, context, queries, training: operations(
                    parameters, 3 * queries + 4 * training
                ),
                "The demonstrations in the context have to be read too, once.",
            ),
        ],
    )
