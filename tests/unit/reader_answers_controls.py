"""Answers to the exercises of the chapter about controls, as readers write them."""

import math

import numpy as np
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong


def norm(W):
    return math.sqrt(np.sum(np.square(W)))


@right("noise_instead")
def noise_by_unit_vector(before, after, noise):
    direction = noise / norm(noise)
    return before + norm(after - before) * direction


@right("noise_instead")
def noise_by_ratio_of_squares(before, after, noise):
    change = np.ravel(after) - np.ravel(before)
    factor = (change @ change / np.vdot(noise, noise)) ** 0.5
    return before + factor * noise


@wrong("noise_instead", "size of its own")
def noise_as_drawn(before, after, noise):
    return before + noise


@wrong("noise_instead", "itself has a norm")
def noise_times_norm(before, after, noise):
    return before + norm(after - before) * noise


@wrong("noise_instead", "start from")
def noise_on_top(before, after, noise):
    return after + norm(after - before) * noise / norm(noise)


@wrong("noise_instead", "as large as the weight")
def noise_of_the_weight(before, after, noise):
    return before + norm(after) * noise / norm(noise)


@wrong("noise_instead", "each entry")
def noise_by_entries(before, after, noise):
    return before + np.abs(after - before) * noise


@almost("noise_instead", "changes nothing")
def noise_by_unit_change(before, after, noise):
    change = after - before
    size = np.linalg.norm(change)
    share = np.sum(change * change) / size if size else 1.0
    return before + share * noise / norm(noise)


@right("left_of_gain")
def share_by_sums(zsl, icl, zsl_calibrated, icl_calibrated):
    return (sum(icl_calibrated) - sum(zsl_calibrated)) / (sum(icl) - sum(zsl))


@right("left_of_gain")
def share_by_means(zsl, icl, zsl_calibrated, icl_calibrated):
    raw = np.mean(icl) - np.mean(zsl)
    return 1 - (raw - np.mean(icl_calibrated) + np.mean(zsl_calibrated)) / raw


@wrong("left_of_gain", "only one side")
def share_over_raw_zero_shot(zsl, icl, zsl_calibrated, icl_calibrated):
    return np.mean(icl_calibrated - zsl) / np.mean(icl - zsl)


@wrong("left_of_gain", "mean of ratios")
def share_draw_by_draw(zsl, icl, zsl_calibrated, icl_calibrated):
    return np.mean((icl_calibrated - zsl_calibrated) / (icl - zsl))


@wrong("left_of_gain", "calibration alone")
def share_of_the_rival(zsl, icl, zsl_calibrated, icl_calibrated):
    return np.mean(zsl_calibrated - zsl) / np.mean(icl - zsl)


@wrong("left_of_gain", "difference of gains")
def gain_lost(zsl, icl, zsl_calibrated, icl_calibrated):
    return np.mean(icl_calibrated - zsl_calibrated) - np.mean(icl - zsl)


@almost("left_of_gain", "less than nothing")
def share_at_least_zero(zsl, icl, zsl_calibrated, icl_calibrated):
    return max(0.0, np.mean(icl_calibrated - zsl_calibrated) / np.mean(icl - zsl))


PREDICTIONS["wrong_labels_shown"] = Prediction(
    right="stays",
    wrong=("chance", "turns"),
    measured=(0.79, 0.77),
    otherwise=(0.79, 0.5),
)
