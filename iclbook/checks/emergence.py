"""Exercises of the chapter "Is the setting the wild one?"."""

from iclbook.checks.verdict import Mistake, Verdict, mark, weigh


def labels_seen(answer) -> Verdict:
    """How many labels a model has been trained on, from (steps, pages, examples, share)."""
    return mark(
        answer,
        right=lambda steps, pages, examples, share: steps * pages * examples * share,
        cases=[(600, 96, 8, 0.5), (50, 64, 12, 0.9), (2400, 16, 5, 0.2)],
        edges={"where no page is labelled": (100, 32, 8, 0.0)},
        praise="A share is an amount as well: at the same step, half the share is half the labels.",
        hint="How many pages does a step show, how many of them are labelled, and how many labels "
        "does one of these hold?",
        mistakes=[
            Mistake(
                lambda steps, pages, examples, share: steps * pages * examples,
                "Stories hold no labels. Which share of the pages does?",
            ),
            Mistake(
                lambda steps, pages, examples, share: steps * pages * share,
                "These are the labelled pages. A page holds a label for each of its examples.",
            ),
            Mistake(
                lambda steps, pages, examples, share: pages * examples * share,
                "This is what one step shows.",
            ),
            Mistake(
                lambda steps, pages, examples, share: steps * pages * examples * (1 - share),
                "You have counted the stories.",
            ),
        ],
    )


def zeros_of_keys(answer) -> Verdict:
    """Share of zeros in the keys' matrix of a hand-built layer, from (d, d_out)."""
    return mark(
        answer,
        right=lambda d, d_out: 1 - d / (d + d_out) ** 2,
        cases=[(10, 1), (32, 32), (3, 5)],
        edges={"where all has width one": (1, 1)},
        praise="The wider the tokens, the emptier the matrix, whatever it does.",
        hint="Draw the matrix for d = 2 and one target, and count.",
        mistakes=[
            Mistake(lambda d, d_out: d / (d + d_out) ** 2, "This is the share of the ones."),
            Mistake(
                lambda d, d_out: 1 - d**2 / (d + d_out) ** 2,
                "The block for inputs is the identity: it is nearly empty itself.",
            ),
            Mistake(
                lambda d, d_out: 1 - 1 / (d + d_out),
                "That would be a one for each entry of a token. The targets have none.",
            ),
            Mistake(
                lambda d, d_out: 1 - d / d**2,
                "The matrix acts on whole tokens, targets included.",
            ),
        ],
    )


def moved_answers(guess, in_place, moved) -> Verdict:
    """Does a layer learn in context if each answer stands with the next example?

    From its accuracies after as many steps with answers in place, and with moved ones.
    """
    return weigh(
        guess,
        happened="a guess" if moved < in_place - 0.3 else "learns",
        expected="a guess",
        why="One layer of attention adds up tokens as they are. An answer that stands with another "
        "sentence is no answer to it, and no weight can bring the two together: that takes a layer "
        "before, which copies.",
        others={
            "learns": "The page still holds every sentence and every answer. But which layer would "
            "bring them together?",
        },
    )
