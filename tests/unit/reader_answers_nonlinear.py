"""Answers to the exercises of "And non-linear functions?" as readers write them."""

import numpy as np
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong


@right("kernel_step")
def step_by_weights(m, y, m_q, eta):
    W = np.zeros(len(m_q))
    W = W - eta * sum((W @ m_i - y_i) * m_i for m_i, y_i in zip(m, y)) / len(y)
    return W @ m_q


@right("kernel_step")
def step_by_loop(m, y, m_q, eta):
    return eta * np.mean([y_i * np.dot(m_i, m_q) for m_i, y_i in zip(m, y)])


@wrong("kernel_step", "equation 13")
def step_as_printed(m, y, m_q, eta):
    return sum(y_i * (m_i @ m_q) for m_i, y_i in zip(m, y))


@wrong("kernel_step", "mean over the pairs")
def step_of_the_sum(m, y, m_q, eta):
    return eta * (m.T @ y) @ m_q


@wrong("kernel_step", "the kernel alone")
def step_without_targets(m, y, m_q, eta):
    return eta * np.mean(m @ m_q)


@wrong("kernel_step", "sign is reversed")
def step_uphill(m, y, m_q, eta):
    return -eta * np.mean(y * (m @ m_q))


@wrong("kernel_step", "weighted mean")
def step_as_smoothing(m, y, m_q, eta):
    return np.average(y, weights=m @ m_q)


@right("guess_without_context")
def guess_by_grid(x):
    phase = (np.arange(20000) + 0.5) / 20000 * np.pi
    return 0.3 * np.array([np.sin(one + phase).mean() for one in x])


@right("guess_without_context")
def guess_by_shift(x):
    return 0.3 * 2 / np.pi * np.sin(x + np.pi / 2)


@wrong("guess_without_context", "not flat")
def guess_zero(x):
    return 0 * x


@wrong("guess_without_context", "mean phase")
def guess_mean_wave(x):
    return 0.3 * np.sin(x + np.pi / 2)


@wrong("guess_without_context", "about the amplitude")
def guess_without_amplitude(x):
    return np.cos(x) / (np.pi / 2)


@wrong("guess_without_context", "authors' generator")
def guess_tied(x):
    u = (np.arange(20000) + 0.5) / 20000
    return np.array([((0.1 + 0.4 * u) * np.sin(one + np.pi * u)).mean() for one in x])


@wrong("guess_without_context", "interchanged")
def guess_sine(x):
    return 0.6 * np.sin(x) / np.pi


@right("mean_cosine_of_numbers")
def cosine_by_definition(g, h):
    return np.mean([a * b / (abs(a) * abs(b)) for a, b in zip(g, h)])


@right("mean_cosine_of_numbers")
def cosine_by_counting(g, h):
    return 2 * np.mean((g > 0) == (h > 0)) - 1


@wrong("mean_cosine_of_numbers", "how often")
def cosine_as_share(g, h):
    return np.mean(g * h > 0)


@wrong("mean_cosine_of_numbers", "one long vector")
def cosine_of_all(g, h):
    return np.sum(g * h) / np.sqrt(np.sum(g**2) * np.sum(h**2))


@wrong("mean_cosine_of_numbers", "lengths")
def cosine_without_lengths(g, h):
    return g @ h / len(g)


@almost("kernel_step", "single pair")
def step_without_empty_axes(m, y, m_q, eta):
    return eta * (m_q @ np.squeeze(m).T @ y) / len(y)


@almost("guess_without_context", "beyond x = 5")
def guess_from_a_table(x):
    table = np.linspace(-5, 5, 10_001)
    return np.interp(x, table, 0.6 / np.pi * np.cos(table))


@almost("mean_cosine_of_numbers", "tiny gradients")
def cosine_guarded_against_zero(g, h):
    return np.mean(g * h / (abs(g * h) + 1e-10))


PREDICTIONS["wave_further"] = Prediction(
    right="rises",
    wrong=("stays",),
    measured=(0.002, 25.0),
    otherwise=(0.002, 0.002),
)
