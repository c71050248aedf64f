"""Answers to the exercises of "Does training find it?", as readers write them."""

import numpy as np
from reader_answers import right, wrong


@right("step_size_of")
def step_by_hand(A, M):
    d = len(M) - 1
    return sum(-A[d, d] * M[i, i] for i in range(d)) / d


@right("step_size_of")
def step_by_balancing(A, M):
    c = np.trace(M[:-1, :-1]) / (len(M) - 1)
    return -(A * c)[-1, -1]


@wrong("step_size_of", "The sign")
def step_with_the_wrong_sign(A, M):
    return (A[-1, -1] * M[:-1, :-1].diagonal()).mean()


@wrong("step_size_of", "one entry too many")
def step_over_the_whole_diagonal(A, M):
    return -A[-1, -1] * np.trace(M) / len(M)


@wrong("step_size_of", "number of inputs")
def step_as_a_trace(A, M):
    return -A[-1, -1] * np.trace(M[:-1, :-1])


@wrong("step_size_of", "double A and halve M")
def step_from_values_only(A, M):
    return -A[-1][-1]


@wrong("step_size_of", "no meaning")
def step_from_a_matrix_product(A, M):
    return -np.dot(A, M)[-1, -1]


@right("rank_limited_loss")
def loss_by_stairs(r, d, N):
    nothing = d / 24
    full = nothing * (d - 0.2) / (N + d - 0.2)
    return nothing + (full - nothing) * r / d


@right("rank_limited_loss")
def loss_by_shares(r, d, N):
    return (d - r) / 24 + r / 24 * (d - 0.2) / (N + d - 0.2)


@wrong("rank_limited_loss", "even the full step")
def loss_without_disturbance(r, d, N):
    return (d - r) / 24


@wrong("rank_limited_loss", "disturbed by the inputs")
def loss_of_two_separate_tasks(r, d, N):
    return (d - r) / 24 + r / 24 * (r - 0.2) / (N + r - 0.2)


@wrong("rank_limited_loss", "still cost")
def loss_of_a_narrow_task(r, d, N):
    return r / 24 * (r - 0.2) / (N + r - 0.2)


@wrong("rank_limited_loss", "all directions learned")
def loss_of_the_full_step(r, d, N):
    return d / 24 * (1 - N / (N + d - 0.2))


@wrong("rank_limited_loss", "half of it")
def loss_as_mean_squared_error(r, d, N):
    return d / 12 - r / 12 * N / (N + d - 0.2)


@wrong("rank_limited_loss", "halve the range")
def loss_on_the_wide_range(r, d, N):
    return (d - r * N / (N + d - 0.2)) / 6


@right("sensitivity_by_differences")
def gradient_in_a_loop(predict, x_q, h):
    gradient = []
    for i in range(len(x_q)):
        up, down = x_q.copy(), x_q.copy()
        up[i] += h
        down[i] -= h
        gradient.append((predict(up) - predict(down)) / (2 * h))
    return gradient


@right("sensitivity_by_differences")
def gradient_by_rows(predict, x_q, h):
    up = np.apply_along_axis(predict, 1, x_q + h * np.eye(x_q.size))
    down = np.apply_along_axis(predict, 1, x_q - h * np.eye(x_q.size))
    return (up - down) / 2 / h


@wrong("sensitivity_by_differences", "moves up only")
def gradient_forward(predict, x_q, h):
    start = predict(x_q)
    return np.array([(predict(x_q + h * e) - start) / h for e in np.eye(len(x_q))])


@wrong("sensitivity_by_differences", "more than h")
def gradient_over_h(predict, x_q, h):
    eye = np.eye(len(x_q))
    return [(predict(x_q + h * e) - predict(x_q - h * e)) / h for e in eye]


@wrong("sensitivity_by_differences", "for each unit")
def gradient_without_division(predict, x_q, h):
    return [predict(x_q + h * e) - predict(x_q - h * e) for e in np.eye(len(x_q))]


@wrong("sensitivity_by_differences", "around zero")
def gradient_at_zero(predict, x_q, h):
    eye = np.eye(len(x_q))
    return [(predict(h * e) - predict(-h * e)) / (2 * h) for e in eye]


@wrong("sensitivity_by_differences", "without an offset")
def gradient_from_unit_vectors(predict, x_q, h):
    return np.array([predict(e) for e in np.eye(len(x_q))])
