"""Readers' answers to the exercises of "Do they get the same items right?" and "The table"."""

import numpy as np
from reader_answers import almost, right, wrong


@right("recall_to_finetuning")
def recall_by_loop(zsl, ft, icl):
    mended = both = 0
    for before, after, context in zip(zsl, ft, icl):
        if after and not before:
            mended += 1
            both += context
    return both / mended


@right("recall_to_finetuning")
def recall_by_counts(zsl, ft, icl):
    return np.sum(ft & icl & ~zsl) / np.sum(ft > zsl)


@wrong("recall_to_finetuning", "did not mend")
def recall_of_all_finetuned(zsl, ft, icl):
    return (ft & icl).sum() / ft.sum()


@wrong("recall_to_finetuning", "mends some of them")
def recall_of_all_wrong(zsl, ft, icl):
    return (icl & ~zsl).sum() / (~zsl).sum()


@wrong("recall_to_finetuning", "swapped")
def recall_the_other_way(zsl, ft, icl):
    return (ft & icl & ~zsl).sum() / (icl & ~zsl).sum()


@wrong("recall_to_finetuning", "were right before")
def recall_of_kept(zsl, ft, icl):
    return (zsl & ft & icl).sum() / (zsl & ft).sum()


@wrong("recall_to_finetuning", "whatever happens in context")
def recall_over_a_difference(zsl, ft, icl):
    return (ft & icl & ~zsl).sum() / (ft & ~icl).sum()


@wrong("recall_to_finetuning", "Of which items")
def recall_as_a_share_of_all(zsl, ft, icl):
    return (ft & icl & ~zsl).sum() / len(ft)


@wrong("recall_to_finetuning", "divided by")
def recall_as_a_count(zsl, ft, icl):
    return np.sum(icl[ft & ~zsl])


@wrong("recall_to_finetuning", "in percent")
def recall_in_percent(zsl, ft, icl):
    return 100 * np.sum(ft & icl & ~zsl) / np.sum(ft & ~zsl)


@right("chance_by_label")
def chance_by_loops(zsl, ft, icl, gold):
    total = count = 0
    for c in set(gold.tolist()):
        wrong_ones = [i for i in range(len(gold)) if gold[i] == c and not zsl[i]]
        n = sum(bool(ft[i]) for i in wrong_ones)
        total += n * sum(bool(icl[i]) for i in wrong_ones) / max(1, len(wrong_ones))
        count += n
    return total / count


@right("chance_by_label")
def chance_with_bincount(zsl, ft, icl, gold):
    items = np.bincount(gold[~zsl], minlength=9)
    good = np.bincount(gold[~zsl & icl], minlength=9)
    drawn = np.bincount(gold[~zsl & ft], minlength=9)
    return (drawn * good / np.maximum(items, 1)).sum() / drawn.sum()


@wrong("chance_by_label", "one share for all labels")
def chance_over_all(zsl, ft, icl, gold):
    return (icl & ~zsl).sum() / (~zsl).sum()


@wrong("chance_by_label", "accuracy in context")
def chance_as_accuracy(zsl, ft, icl, gold):
    return icl.sum() / len(icl)


@wrong("chance_by_label", "counts the same")
def chance_of_equal_labels(zsl, ft, icl, gold):
    return np.mean([icl[~zsl & (gold == c)].mean() for c in range(gold.max() + 1)])


@wrong("chance_by_label", "right before")
def chance_over_all_of_a_label(zsl, ft, icl, gold):
    n = [(ft & ~zsl & (gold == c)).sum() for c in range(gold.max() + 1)]
    shares = [icl[gold == c].mean() for c in range(gold.max() + 1)]
    return np.average(shares, weights=n)


@wrong("chance_by_label", "Rec2FTP itself")
def chance_as_recall(zsl, ft, icl, gold):
    return (ft & icl & ~zsl).sum() / (ft & ~zsl).sum()


@wrong("chance_by_label", "Which did it mend")
def chance_weighed_by_finetuned(zsl, ft, icl, gold):
    n = [(ft & (gold == c)).sum() for c in range(gold.max() + 1)]
    shares = [icl[~zsl & (gold == c)].mean() for c in range(gold.max() + 1)]
    return np.dot(shares, n) / sum(n)


@wrong("chance_by_label", "blind draw")
def chance_among_the_rest(zsl, ft, icl, gold):
    n = [(ft & ~zsl & (gold == c)).sum() for c in range(gold.max() + 1)]
    shares = [icl[~zsl & ~ft & (gold == c)].mean() for c in range(gold.max() + 1)]
    return np.dot(shares, n) / sum(n)


@wrong("chance_by_label", "number of items")
def chance_without_division(zsl, ft, icl, gold):
    n = [(ft & ~zsl & (gold == c)).sum() for c in range(gold.max() + 1)]
    shares = [icl[~zsl & (gold == c)].mean() for c in range(gold.max() + 1)]
    return np.dot(shares, n)


@wrong("chance_by_label", "in percent")
def chance_in_percent(zsl, ft, icl, gold):
    return 100 * chance_with_bincount(zsl, ft, icl, gold)


@right("chance_bounds")
def bounds_by_counting(zsl_accuracy, icl_accuracy):
    z, a = 1 - zsl_accuracy, icl_accuracy
    return max(0, a + z - 1) / z, min(1, a / z)


@right("chance_bounds")
def bounds_by_clipping(zsl_accuracy, icl_accuracy):
    z = 1 - zsl_accuracy
    return np.clip([1 - (1 - icl_accuracy) / z, icl_accuracy / z], 0, 1)


@wrong("chance_bounds", "negative")
def bounds_below_zero(zsl_accuracy, icl_accuracy):
    z = 1 - zsl_accuracy
    return 1 - (1 - icl_accuracy) / z, min(1, icl_accuracy / z)


@wrong("chance_bounds", "exceed one")
def bounds_above_one(zsl_accuracy, icl_accuracy):
    z = 1 - zsl_accuracy
    return max(0, 1 - (1 - icl_accuracy) / z), icl_accuracy / z


@wrong("chance_bounds", "shares of all items")
def bounds_over_all(zsl_accuracy, icl_accuracy):
    return max(0, icl_accuracy - zsl_accuracy), min(icl_accuracy, 1 - zsl_accuracy)


@wrong("chance_bounds", "gets right")
def bounds_among_the_right(zsl_accuracy, icl_accuracy):
    z, a = zsl_accuracy, icl_accuracy
    return max(0, a + z - 1) / z, min(a, z) / z


@wrong("chance_bounds", "other order")
def bounds_upside_down(zsl_accuracy, icl_accuracy):
    return bounds_by_counting(zsl_accuracy, icl_accuracy)[::-1]


@wrong("chance_bounds", "in percent")
def bounds_in_percent(zsl_accuracy, icl_accuracy):
    return [100 * bound for bound in bounds_by_counting(zsl_accuracy, icl_accuracy)]


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


@right("operations_of_cell")
def operations_in_parts(parameters, context, queries, training):
    reading = context + queries + queries + queries
    return 2 * parameters * reading + 8 * parameters * training


@right("operations_of_cell")
def operations_in_one_line(parameters, context, queries, training):
    return 2 * parameters * (context + 3 * queries + 4 * training)


@wrong("operations_of_cell", "goes back")
def operations_without_backward(parameters, context, queries, training):
    return 2 * parameters * (context + 3 * queries + training)


@wrong("operations_of_cell", "three settings")
def operations_of_two_settings(parameters, context, queries, training):
    return 2 * parameters * (context + 2 * queries + 4 * training)


@wrong("operations_of_cell", "one setting only")
def operations_with_demonstrations_everywhere(parameters, context, queries, training):
    return 2 * parameters * (3 * (context + queries) + 4 * training)


@wrong("operations_of_cell", "an addition")
def operations_without_additions(parameters, context, queries, training):
    return parameters * (context + 3 * queries + 4 * training)


@wrong("operations_of_cell", "have to be read")
def operations_without_context(parameters, context, queries, training):
    return 2 * parameters * (3 * queries + 4 * training)


@almost("recall_to_finetuning", "nothing that was mended")
def recall_by_bincount(zsl, ft, icl):
    mended = ft & ~zsl
    return np.bincount(icl[mended])[1] / mended.sum()


@almost("chance_by_label", "no mistake on one label")
def chance_over_every_label(zsl, ft, icl, gold):
    labels = np.unique(gold)
    n = np.array([(ft & ~zsl & (gold == c)).sum() for c in labels])
    return n @ [icl[~zsl & (gold == c)].mean() for c in labels] / n.sum()


@almost("chance_bounds", "never right")
def bounds_by_ratio(zsl_accuracy, icl_accuracy):
    z = 1 - zsl_accuracy
    low = max(0, icl_accuracy / zsl_accuracy - 1) * zsl_accuracy / z
    return low, min(1, icl_accuracy / z)


@almost("at_depth", "one layer")
def depth_by_slopes(values, depths):
    place = np.clip(depths * len(values) - 0.5, 0, len(values) - 1)
    lower = np.minimum(place.astype(int), len(values) - 2)
    return values[lower] + (place - lower) * np.diff(values)[lower]


@almost("operations_of_cell", "1.3 billion parameters")
def operations_in_short_integers(parameters, context, queries, training):
    tokens = np.array([context, 3 * queries, 4 * training], dtype=np.int32)
    return (tokens * np.int32(2 * parameters)).sum()
