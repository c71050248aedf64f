"""Answers to the exercise of "What do we know?", as readers write them."""

from reader_answers import almost, right, wrong


@right("judge_claim")
def sentence_by_sentence(effect, control, difference):
    low, high = zip(effect, control, difference)
    if low[0] > 0 and low[2] > 0:
        return 1
    if high[0] < 0 or high[2] < 0 or (low[0] > 0 and low[1] > 0):
        return -1
    return 0


@right("judge_claim")
def as_numbers(effect, control, difference):
    clear = [interval[0] > 0 for interval in (effect, control, difference)]
    below = effect[1] < 0 or difference[1] < 0
    holds = clear[0] and clear[2]
    return int(holds) - int(below or (clear[0] and clear[1] and not holds))


@wrong("judge_claim", "effect alone")
def clear_effect_is_enough(effect, control, difference):
    if effect[1] < 0:
        return -1
    return int(effect[0] > 0)


@wrong("judge_claim", "difference alone")
def clear_difference_is_enough(effect, control, difference):
    if difference[0] > 0:
        return 1
    return -1 if difference[1] < 0 else 0


@wrong("judge_claim", "no evidence of nothing")
def guilty_unless_proved(effect, control, difference):
    return 1 if min(effect[0], difference[0]) > 0 else -1


@wrong("judge_claim", "as clearly as it does")
def without_the_third_case(effect, control, difference):
    if min(effect[1], difference[1]) < 0:
        return -1
    return 1 if min(effect[0], difference[0]) > 0 else 0


@wrong("judge_claim", "where its ends lie")
def by_the_middle(effect, control, difference):
    return 1 if sum(effect) > 0 and sum(difference) > 0 else -1


@almost("judge_claim", "both be nothing")
def with_the_control_alone(effect, control, difference):
    if effect[1] < 0 or difference[1] < 0:
        return -1
    if effect[0] > 0 and difference[0] > 0:
        return 1
    return -1 if control[0] > 0 else 0
