"""Readers' answers to the exercises of "The table"."""

import numpy as np
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong


@right("at_depth")
def depth_by_loop(values, depths):
    middles = [(layer + 0.5) / len(values) for layer in range(len(values))]
    return [np.interp(depth, middles, values) for depth in depths]


@right("at_depth")
def depth_in_layers(values, depths):
    return np.interp(depths * len(values) - 0.5, range(len(values)), values)


@wrong("at_depth", "lower edge")
def depth_of_lower_edges(values, depths):
    return np.interp(depths * len(values), range(len(values)), values)


@wrong("at_depth", "upper edge")
def depth_of_upper_edges(values, depths):
    return np.interp(depths * len(values) - 1, range(len(values)), values)


@wrong("at_depth", "that part's middle")
def depth_from_end_to_end(values, depths):
    return np.interp(depths * (len(values) - 1), range(len(values)), values)


@wrong("at_depth", "count layers")
def depth_without_shares(values, depths):
    return np.interp(depths, np.arange(len(values)) + 0.5, values)


@wrong("at_depth", "jumps")
def depth_of_the_nearest(values, depths):
    return [values[int(depth * len(values))] for depth in depths]


@almost("at_depth", "one layer")
def depth_by_slopes(values, depths):
    place = np.clip(depths * len(values) - 0.5, 0, len(values) - 1)
    lower = np.minimum(place.astype(int), len(values) - 2)
    return values[lower] + (place - lower) * np.diff(values)[lower]


PREDICTIONS["shifted_pairs"] = Prediction(
    right="none",
    wrong=("all", "some"),
    measured=(2, 0),
    otherwise=(2, 1),
)
