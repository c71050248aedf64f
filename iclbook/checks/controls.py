"""Exercises of the chapter "Would an untrained network score the same?"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark, weigh


def wrong_labels_shown(guess, right, wrong) -> Verdict:
    """What becomes of the calibrated accuracy of a two-label task if the context has wrong labels.

    `right` and `wrong` are those of a network of which only the embeddings are trained.
    """
    happened = "stays" if abs(right - wrong) < 0.1 else "turns" if wrong < 0.4 else "chance"
    return weigh(
        guess,
        happened=happened,
        expected="stays",
        why="The labels in context do not matter to it, so it has not learned from them. What it "
        "gets right stands in its embeddings; calibration only finds the threshold.",
        others={
            "chance": "So it would be if the right labels had taught it something.",
            "turns": "So it would be if it had learned from the labels whatever they say.",
        },
    )


def noise_instead(answer) -> Verdict:
    """A weight with noise in the place of what finetuning added, from (before, after, noise)."""

    def length(W):
        return np.linalg.norm(W)

    rng = np.random.default_rng(0)
    W, change, noise = rng.normal(size=(3, 2, 3)) * np.array([1.0, 0.3, 2.0])[:, None, None]
    wide = rng.normal(size=(3, 4, 2))
    return mark(
        answer,
        right=lambda W, V, noise: W + noise * length(V - W) / length(noise),
        cases=[(W, W + change, noise), (wide[0], wide[1], wide[2])],
        edges={"where finetuning changes nothing": (W, W, noise)},
        praise="Nothing but the direction is another now: that is what makes it a fair control.",
        hint="How far did finetuning move the weight? Bring the noise to that length, and add it "
        "to the weight from before.",
        mistakes=[
            Mistake(
                lambda W, V, noise: W + noise,
                "The noise has a size of its own. Which size should it have?",
            ),
            Mistake(
                lambda W, V, noise: W + noise * length(V - W),
                "What is the norm of what you add? The noise itself has a norm, too.",
            ),
            Mistake(
                lambda W, V, noise: V + noise * length(V - W) / length(noise),
                "What finetuning learned is still in there. Where does the noise start from?",
            ),
            Mistake(
                lambda W, V, noise: W + noise * length(V) / length(noise),
                "This noise is as large as the weight. It should be as large as its change.",
            ),
            Mistake(
                lambda W, V, noise: W + abs(V - W) * noise,
                "This keeps the size of each entry. The control should keep one number: the norm "
                "of the whole change.",
            ),
        ],
    )


def left_of_gain(answer) -> Verdict:
    """Share of the gain of demonstrations that is left behind calibration.

    From (zsl, icl, zsl_calibrated, icl_calibrated), one accuracy a draw in each.
    """
    cases = [
        tuple(np.array(x) for x in ([0.5, 0.6], [0.8, 0.7], [0.6, 0.7], [0.8, 0.8])),
        tuple(np.array(x) for x in ([0.5, 0.5, 0.4], [0.9, 0.6, 0.7], [0.7, 0.6, 0.45], [0.9] * 3)),
    ]
    negative = tuple(np.array(x) for x in ([0.5, 0.5], [0.8, 0.7], [0.8, 0.8], [0.75, 0.7]))
    return mark(
        answer,
        right=lambda z, i, zc, ic: np.mean(ic - zc) / np.mean(i - z),
        cases=cases,
        edges={"where calibration leaves less than nothing": negative},
        praise="Both sides are calibrated, so the rival gets what is its own and no more.",
        hint="First the gain without calibration, then the gain with it on both sides. Average "
        "over draws before you divide.",
        mistakes=[
            Mistake(
                lambda z, i, zc, ic: np.mean(ic - z) / np.mean(i - z),
                "Here only one side was calibrated. What does calibration do to the zero-shot "
                "answers?",
            ),
            Mistake(
                lambda z, i, zc, ic: np.mean((ic - zc) / (i - z)),
                "A mean of ratios: a draw with hardly any gain would decide. Which comes first, "
                "the mean or the ratio?",
            ),
            Mistake(
                lambda z, i, zc, ic: np.mean(zc - z) / np.mean(i - z),
                "This is the share that calibration alone reaches without demonstrations.",
            ),
            Mistake(
                lambda z, i, zc, ic: np.mean(ic - zc) - np.mean(i - z),
                "A difference of gains. The question is for a share.",
            ),
        ],
    )
