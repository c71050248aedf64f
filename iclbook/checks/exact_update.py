"""Exercises of the chapter "The exact update"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark, weigh


def patched(answer) -> Verdict:
    """What a matrix with another question's patch makes of an input, from (W, z_0, z_C, z)."""

    def with_change(change):
        """W z, and as much of a change W (z_C - z_0) as change(z_0, z_C, z) says."""
        return lambda W, z_0, z_C, z: W @ z + change(z_0, z_C, z) * (W @ (z_C - z_0))

    def along(z_0, z_C, z):
        return z_0 @ z / (z_0 @ z_0)

    right = with_change(along)
    rng = np.random.default_rng(31)
    cases = [
        (rng.normal(size=(m, d)), *(rng.normal(size=d) + 0.5 for _ in range(3)))
        for m, d in [(3, 4), (5, 2)]
    ]
    W, z_0, z_C, _ = cases[0]
    return mark(
        answer,
        right=right,
        cases=cases,
        edges={"for the patch's own question": (W, z_0, z_C, z_0)},
        praise="One fixed direction, as strongly as the other question's input points along z_0.",
        hint="Write the patched matrix W + W (z_C - z_0) z_0^T / |z_0|^2, and apply it to z.",
        mistakes=[
            Mistake(
                with_change(lambda z_0, z_C, z: 1.0),
                "This adds the whole change, whatever z is. That is right for the question that "
                "the patch was made for; on others a matrix of rank one acts by an inner product.",
            ),
            Mistake(
                with_change(lambda z_0, z_C, z: z_0 @ z),
                "Check it at z = z_0: what should the patched matrix make of it? Mind the length.",
            ),
            Mistake(
                with_change(lambda z_0, z_C, z: z_0 @ z / np.linalg.norm(z_0)),
                "The length of z_0 counts twice: once for each z_0 that it meets.",
            ),
            Mistake(
                lambda W, z_0, z_C, z: along(z_0, z_C, z) * (W @ (z_C - z_0)),
                "This is what the patch adds. What does the matrix do without it?",
            ),
            Mistake(
                with_change(lambda z_0, z_C, z: z_C @ z / (z_C @ z_C)),
                "A question without the context meets z_0 in the patch, not z_C.",
            ),
            Mistake(
                lambda W, z_0, z_C, z: W @ z_C,
                "This is what the patch's own question gets. Where does the other question come "
                "in?",
            ),
        ],
    )


def mean_patch(answer) -> Verdict:
    """The mean of several questions' patches as one matrix, from (W, Z_0, Z_C)."""

    def each(W, Z_0, Z_C):
        return [np.outer(W @ (c - b), b) / (b @ b) for b, c in zip(Z_0, Z_C, strict=True)]

    def right(W, Z_0, Z_C):
        return np.mean(each(W, Z_0, Z_C), axis=0)

    def of_means(W, Z_0, Z_C):
        return each(W, Z_0.mean(0, keepdims=True), Z_C.mean(0, keepdims=True))[0]

    rng = np.random.default_rng(34)
    cases = [
        (rng.normal(size=(m, d)), *(rng.normal(size=(n, d)) + 0.5 for _ in range(2)))
        for m, d, n in [(3, 4, 5), (5, 2, 3)]
    ]
    W, Z_0, Z_C = cases[0]
    return mark(
        answer,
        right=right,
        cases=cases,
        edges={"for a single question": (W, Z_0[:1], Z_C[:1])},
        praise="A mean of matrices of rank one. Its rank can be as high as the number of "
        "questions; how many directions it really has is an empirical question.",
        hint="What is the patch of one question, as a matrix? The mean is one of such matrices.",
        mistakes=[
            Mistake(
                of_means,
                "This is the patch of a mean question, of rank one. A mean of products is not the "
                "product of the means.",
            ),
            Mistake(
                lambda W, Z_0, Z_C: np.sum(each(W, Z_0, Z_C), axis=0),
                "This is the sum of the patches. Applied to a question it would change it by as "
                "many changes as there are patches.",
            ),
            Mistake(
                lambda W, Z_0, Z_C: W @ (Z_C - Z_0).T @ Z_0 / len(Z_0),
                "The squared length of each z_0 is missing: without it the patch does not give "
                "back its own question.",
            ),
            Mistake(
                lambda W, Z_0, Z_C: W @ (Z_C - Z_0).T @ Z_0 / (Z_0**2).sum(),
                "Each patch is divided by the squared length of its own z_0, not by that of all.",
            ),
            Mistake(
                lambda W, Z_0, Z_C: right(W, Z_0, Z_C).T,
                "The matrix is transposed: it should take a z and give something like W z.",
            ),
            Mistake(
                lambda W, Z_0, Z_C: W + right(W, Z_0, Z_C),
                "This is the patched matrix. What has been added to W?",
            ),
        ],
    )


def other_labels(guess, right, wrong) -> Verdict:
    """What a mean patch is worth if its demonstrations had wrong labels: right answers of both."""
    happened = "as good" if wrong > right - 0.1 else "worse"
    return weigh(
        guess,
        happened=happened,
        expected="as good",
        why="What patches of many questions have in common is the form of the answer and a prior "
        "over its words, and these hardly depend on which text has which label.",
        others={
            "worse": "So it would be if the mean patch held what the demonstrations say of texts.",
        },
    )
