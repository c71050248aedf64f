"""Exercises of the chapter "Do they move the output the same way?"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark, weigh


def _unit(v):
    return v / np.linalg.norm(v)


def _cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def another_item(guess, left, own) -> Verdict:
    """What becomes of SimAOU, above chance, if each item gets the update of another item."""
    share = left / own
    happened = "stays" if share > 0.8 else "halves" if share > 0.5 else "chance"
    return weigh(
        guess,
        happened=happened,
        expected="chance",
        why="Little is left above chance: what the two settings share is mostly about the very "
        "sentence, and not one lesson that all sentences get.",
        others={
            "stays": "So it would be if finetuning did the same to every sentence.",
            "halves": "A part is the same for every sentence, but here it is a small one.",
        },
    )


def chance_of_noise(answer) -> Verdict:
    """Expected normalised similarity of orthogonal noises of two sizes, from (rho_a, rho_b)."""

    def c(rho):
        return 1 - 1 / np.sqrt(1 + rho**2)

    return mark(
        answer,
        right=lambda rho_a, rho_b: np.sqrt(c(rho_a) * c(rho_b)) / 2,
        cases=[(0.4, 2.0), (1.5, 1.0), (3.0, 0.2)],
        edges={"where one setting does not move": (0.0, 1.5)},
        praise="So a score says little before one knows how far both settings moved.",
        hint="First turn each size into the cosine of the output with the zero-shot one, then into "
        "c, then put both c into the formula of the chance level.",
        mistakes=[
            Mistake(
                lambda rho_a, rho_b: np.sqrt(c(rho_a) * c(rho_b)),
                "Twice too large: how long is a difference of unit vectors, in terms of c?",
            ),
            Mistake(
                lambda rho_a, rho_b: c(rho_a) * c(rho_b) / 2,
                "The two sizes enter with a geometric mean.",
            ),
            Mistake(
                lambda rho_a, rho_b: (c(rho_a) + c(rho_b)) / 4,
                "This is right for equal sizes. Which mean of two different c is it?",
            ),
            Mistake(
                lambda rho_a, rho_b: (1 - 1 / np.sqrt(1 + rho_a * rho_b)) / 2,
                "Each setting has its own angle: turn the sizes into c before you join them.",
            ),
            Mistake(
                lambda rho_a, rho_b: 1 / np.sqrt((1 + rho_a**2) * (1 + rho_b**2)) ** 0.5 / 2,
                "This joins the cosines. Which numbers does the formula join?",
            ),
        ],
    )


def size_for_score(answer) -> Verdict:
    """Size of noise, the same in both settings, that explains a score, from (score,)."""
    return mark(
        answer,
        right=lambda score: np.sqrt(1 / (1 - 2 * score) ** 2 - 1),
        cases=[(0.25,), (0.1,), (0.4,)],
        edges={"at a score of zero": (0.0,)},
        praise="At a score of one half it is infinite: noise cannot explain more.",
        hint="Solve the chance level of two equal sizes for the size. Take it step by step: c, "
        "then the cosine, then the size.",
        mistakes=[
            Mistake(
                lambda score: 1 / (1 - 2 * score) ** 2 - 1,
                "This is the square of the size.",
            ),
            Mistake(
                lambda score: np.sqrt(1 / (1 - score) ** 2 - 1),
                "Here the score was taken for c. How are the two related?",
            ),
            Mistake(
                lambda score: np.sqrt(1 / (1 - 2 * score) - 1),
                "The cosine of the angle has a square root in it. Has it been undone?",
            ),
            Mistake(
                lambda score: np.sqrt(1 - (1 - 2 * score) ** 2),
                "This is the sine of the angle. The size of the noise is another of its functions.",
            ),
        ],
    )
