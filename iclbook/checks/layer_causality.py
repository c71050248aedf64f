"""Exercises of the chapter "Could gradient descent even do this?"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark, weigh


def head_moves(guess, in_context, causal) -> Verdict:
    """Which updates move when the output head is shaken, by the largest move of each kind."""
    happened = {(False, False): "neither", (False, True): "descent", (True, True): "both"}.get(
        (in_context > 0, causal > 0), "context"
    )
    return weigh(
        guess,
        happened=happened,
        expected="descent",
        why="The head stands above every layer, so nothing that happens in context has seen it. "
        "But each layer-causal loss is read off by it: here something still comes from above.",
        others={
            "neither": "So it would be if the losses of the layers were made within the layers.",
            "both": "In context the head comes last: no attention output can depend on it.",
        },
    )


def causal_gradients(answer) -> Verdict:
    """Layer-causal gradients of two linear layers, stacked, from (W_1, W_2, U, x, t)."""

    def own(W_1, W_2, U, x, t):
        y = W_1 @ x
        return y, U.T @ (U @ y - t), U.T @ (U @ W_2 @ y - t)

    def right(W_1, W_2, U, x, t):
        y, first, second = own(W_1, W_2, U, x, t)
        return np.stack([np.outer(first, x), np.outer(second, y)])

    def backpropagation(W_1, W_2, U, x, t):
        y, _, second = own(W_1, W_2, U, x, t)
        return np.stack([np.outer(W_2.T @ second, x), np.outer(second, y)])

    def input_of_the_first(W_1, W_2, U, x, t):
        _, first, second = own(W_1, W_2, U, x, t)
        return np.stack([np.outer(first, x), np.outer(second, x)])

    def without_head(W_1, W_2, U, x, t):
        y = W_1 @ x
        return np.stack([np.outer(U @ y - t, x), np.outer(U @ W_2 @ y - t, y)])

    return mark(
        answer,
        right=right,
        cases=[_network(seed) for seed in range(3)],
        edges={"where the second layer is zero": _network(3, second=0.0)},
        praise="The second matrix is nowhere in the gradient of the first.",
        hint="Write each loss down with that layer's own prediction, and take its derivative by "
        "that layer's matrix alone: an error, times the layer's input.",
        mistakes=[
            Mistake(
                backpropagation,
                "This is backpropagation: the first gradient goes through W_2. What does the first "
                "layer's own loss read?",
            ),
            Mistake(
                lambda *given: (
                    right(*given)
                    + (backpropagation(*given) - right(*given)) * [[[1]], [[0]]]
                    + np.stack([right(*given)[0], 0 * right(*given)[1]])
                ),
                "The first gradient has two parts here. The input of the second layer is detached: "
                "which of them is cut off?",
            ),
            Mistake(input_of_the_first, "What is the input of the second layer?"),
            Mistake(without_head, "The errors stand behind the head. How do they come back?"),
            Mistake(
                lambda *given: right(*given).transpose(0, 2, 1),
                "Rows belong to outputs, columns to inputs. Here it is the other way round.",
            ),
        ],
    )


def _network(seed: int, second: float = 1.0) -> tuple[np.ndarray, ...]:
    """Matrices of two layers and a head, an input and a target, all of width 3."""
    rng = np.random.default_rng(seed)
    W_1, W_2, U = rng.normal(size=(3, 3, 3))
    return W_1, second * W_2, U, rng.normal(size=3), rng.normal(size=3)


def matched_rate(answer) -> Verdict:
    """Rate at which a rule goes as far as gradient descent in all, from (rate, plain, causal)."""
    return mark(
        answer,
        right=lambda rate, plain, causal: rate * np.linalg.norm(plain) / np.linalg.norm(causal),
        cases=[
            (0.3, np.array([3.0, 1.0, 2.0]), np.array([8.0, 5.0, 2.0])),
            (0.01, np.array([0.2, 0.5, 0.1, 0.4]), np.array([4.0, 2.0, 1.0, 0.3])),
        ],
        edges={"where a layer stays as it is": (0.1, np.array([1.0, 2.0]), np.array([0.0, 3.0]))},
        praise="One number for all layers: where the two profiles differ, single layers still go "
        "farther or less far.",
        hint="The update of all layers together is one long vector. How long is it, given the "
        "lengths of its parts?",
        mistakes=[
            Mistake(
                lambda rate, plain, causal: rate * np.linalg.norm(causal) / np.linalg.norm(plain),
                "Upside down: the rule with the larger gradients needs the smaller rate.",
            ),
            Mistake(
                lambda rate, plain, causal: rate * plain.sum() / causal.sum(),
                "Lengths of parts that stand at right angles do not add up. What does?",
            ),
            Mistake(
                lambda rate, plain, causal: rate * (plain / causal).mean(),
                "A mean of ratios weighs a layer that hardly moves as much as any other.",
            ),
            Mistake(
                lambda rate, plain, causal: rate * (plain @ plain) / (causal @ causal),
                "These are squares of lengths.",
            ),
            Mistake(
                lambda rate, plain, causal: rate * plain / causal,
                "This is a rate for every layer. Wanted is one for all.",
            ),
        ],
    )
