"""Readers' answers to the exercises of "Why does training stop half way?"."""

import numpy as np
from reader_answers import almost, right, wrong


@right("stuck_loss")
def stuck_by_stairs(heads, d, N):
    nothing = d / 24
    full = nothing * (d - 0.2) / (N + d - 0.2)
    return nothing + (full - nothing) * min(1, heads / d)


@right("stuck_loss")
def stuck_by_directions(heads, d, N):
    share = (d - 0.2) / (N + d - 0.2)
    return sum(share if k < heads else 1 for k in range(d)) / 24


@almost("stuck_loss", "more heads than inputs")
def stuck_beyond_the_last(heads, d, N):
    return (d - heads * N / (N + d - 0.2)) / 24


@almost("stuck_loss", "without any head")
def stuck_with_at_least_one(heads, d, N):
    return stuck_by_directions(heads or 1, d, N)


@wrong("stuck_loss", "one head")
def stuck_as_one(heads, d, N):
    return stuck_by_directions(1, d, N)


@wrong("stuck_loss", "even the full step")
def stuck_without_disturbance(heads, d, N):
    return (d - heads) / 24


@wrong("stuck_loss", "disturbed by the inputs")
def stuck_as_two_separate_tasks(heads, d, N):
    return (d - heads) / 24 + heads / 24 * (heads - 0.2) / (N + heads - 0.2)


@wrong("stuck_loss", "still cost")
def stuck_in_a_narrow_task(heads, d, N):
    return heads / 24 * (heads - 0.2) / (N + heads - 0.2)


@wrong("stuck_loss", "all directions learned")
def stuck_not_at_all(heads, d, N):
    return d / 24 * (1 - N / (N + d - 0.2))


@wrong("stuck_loss", "half of it")
def stuck_in_squares(heads, d, N):
    return d / 12 - heads / 12 * N / (N + d - 0.2)


@wrong("stuck_loss", "halve the range")
def stuck_on_the_wide_range(heads, d, N):
    return (d - heads * N / (N + d - 0.2)) / 6


@right("even_part")
def even_by_mean(model, w):
    return np.mean([model(w), model(-w)], axis=0)


@right("even_part")
def even_by_taking_away(model, w):
    return model(w) - (model(w) - model(-w)) / 2


@almost("even_part", "the very array")
def even_in_place(model, w):
    first = model(w)
    w *= -1
    return (first + model(w)) / 2


@wrong("even_part", "changes its sign")
def even_is_odd(model, w):
    return 0.5 * model(w) - 0.5 * model(-w)


@wrong("even_part", "stands twice")
def even_doubled(model, w):
    return sum([model(w), model(-w)])


@wrong("even_part", "do not know the teacher at all")
def even_at_zero(model, w):
    return model(np.zeros_like(w))


@wrong("even_part", "other teacher")
def even_mirrored(model, w):
    return model(-w)


@wrong("even_part", "as well")
def even_without_offset(model, w):
    return even_by_mean(model, w) - model(w * 0)
