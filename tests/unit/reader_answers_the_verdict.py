"""Answers to the exercise of "What do we know?", as readers write them."""

from reader_answers import almost, right, wrong


@right("judge_claim")
def sentence_by_sentence(effect, difference):
    mean, low, high = effect
    _, least, most = difference
    if low > 0 and least > 0:
        return 1
    if high < 0 or most < 0 or most < 0.5 * mean:
        return -1
    return 0


@right("judge_claim")
def as_numbers(effect, difference):
    holds = min(effect[1], difference[1]) > 0
    fails = effect[2] < 0 or difference[2] < 0 or 2 * difference[2] < effect[0]
    return int(holds) - int(fails and not holds)


@wrong("judge_claim", "effect alone")
def clear_effect_is_enough(effect, difference):
    if effect[2] < 0:
        return -1
    return int(effect[1] > 0)


@wrong("judge_claim", "difference alone")
def clear_difference_is_enough(effect, difference):
    if difference[1] > 0:
        return 1
    return -1 if difference[2] < 0 else 0


@wrong("judge_claim", "everything fails that does not hold")
def guilty_unless_proved(effect, difference):
    return 1 if min(effect[1], difference[1]) > 0 else -1


@wrong("judge_claim", "not clear of zero")
def zero_inside(effect, difference):
    if min(effect[1], difference[1]) > 0:
        return 1
    if effect[1] > 0 or effect[2] < 0 or difference[2] < max(0, effect[0] / 2):
        return -1
    return 0


@wrong("judge_claim", "at most a little")
def without_the_half(effect, difference):
    if min(effect[1], difference[1]) > 0:
        return 1
    return -1 if min(effect[2], difference[2]) < 0 else 0


@wrong("judge_claim", "mean difference is small")
def half_by_the_mean(effect, difference):
    if min(effect[1], difference[1]) > 0:
        return 1
    return -1 if effect[2] < 0 or difference[0] < max(0, effect[0] / 2) else 0


@wrong("judge_claim", "where its ends lie")
def by_the_middle(effect, difference):
    return 1 if effect[0] > 0 and difference[0] > 0 else -1


@almost("judge_claim", "clearly something")
def fails_first(effect, difference):
    if effect[2] < 0 or difference[2] < max(0, effect[0] / 2):
        return -1
    return int(effect[1] > 0 and difference[1] > 0)


@almost("judge_claim", "half of the effect lies below zero")
def with_the_half_alone(effect, difference):
    if effect[1] > 0 and difference[1] > 0:
        return 1
    return -1 if effect[2] < 0 or difference[2] < effect[0] / 2 else 0
