"""Answers to the exercises of "Does training find it?", as readers write them."""

import numpy as np
from reader_answers import almost, right, wrong


@right("step_size_of")
def step_by_hand(A, M):
    d = len(M) - 1
    return sum(-A[d, d] * M[i, i] for i in range(d)) / d


@right("step_size_of")
def step_by_balancing(A, M):
    c = np.trace(M[:-1, :-1]) / (len(M) - 1)
    return -(A * c)[-1, -1]


@almost("step_size_of", "steps uphill")
def step_as_a_size(A, M):
    return abs(A[-1, -1] * M[:-1, :-1].diagonal().mean())


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


@right("mixed_rate")
def mixed_by_four_terms(c):
    return (1 + 1 + c + 1 / c) / 4


@right("mixed_rate")
def mixed_by_matrices(c):
    A, M = np.array([[0.0, 0.0], [0.3, -2.0]]), np.array([[0.7, 0.1], [0.0, 0.0]])
    mixed = (A + A / c) / 2, (M + c * M) / 2
    return mixed[0][1, 1] * mixed[1][0, 0] / (A[1, 1] * M[0, 0])


@almost("mixed_rate", "for a negative c")
def mixed_by_roots(c):
    root = np.sqrt(c)
    return ((root + 1 / root) / 2) ** 2


@wrong("mixed_rate", "their weights that are mixed")
def mixed_as_functions(c):
    return 1.0


@wrong("mixed_rate", "The other one is, too")
def mixed_keys(c):
    return 0.5 + c / 2


@wrong("mixed_rate", "values alone")
def mixed_values(c):
    return (c + 1) / (2 * c)


@wrong("mixed_rate", "all four")
def mixed_by_crossed_terms(c):
    return (c**2 + 1) / c / 2


@wrong("mixed_rate", "What does yours say")
def mixed_once(c):
    return (c + 1) ** 2 / c / 2


@right("sensitivity_by_differences")
def gradient_in_a_loop(predict, x_q, h):
    gradient = []
    for i in range(len(x_q)):
        up, down = x_q.astype(float), x_q.astype(float)
        up[i] += h
        down[i] -= h
        gradient.append((predict(up) - predict(down)) / (2 * h))
    return gradient


@right("sensitivity_by_differences")
def gradient_by_rows(predict, x_q, h):
    up = np.apply_along_axis(predict, 1, x_q + h * np.eye(x_q.size))
    down = np.apply_along_axis(predict, 1, x_q - h * np.eye(x_q.size))
    return (up - down) / 2 / h


@almost("sensitivity_by_differences", "of whole numbers")
def gradient_in_place(predict, x_q, h):
    gradient = []
    for i in range(len(x_q)):
        up, down = x_q.copy(), x_q.copy()
        up[i], down[i] = up[i] + h, down[i] - h
        gradient.append((predict(up) - predict(down)) / (2 * h))
    return gradient


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
