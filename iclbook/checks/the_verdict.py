"""Exercise of the chapter "What do we know?"."""

from iclbook.checks.verdict import Mistake, Verdict, mark


def judge_claim(answer) -> Verdict:
    """The verdict on a claim in one kind of model: 1 holds, -1 fails its control, 0 not settled.

    From (effect, difference), each the mean, the low and the high end of an interval.
    """

    def judge(effect, difference):
        if effect[1] > 0 and difference[1] > 0:
            return 1
        return -1 if effect[2] < 0 or difference[2] < max(0, effect[0] / 2) else 0

    def without_difference(effect, difference):
        return 1 if effect[1] > 0 else -1 if effect[2] < 0 else 0

    def by_difference(effect, difference):
        return 1 if difference[1] > 0 else -1 if difference[2] < 0 else 0

    def no_evidence_fails(effect, difference):
        return 1 if effect[1] > 0 and difference[1] > 0 else -1

    def zero_inside_fails(effect, difference):
        if effect[1] > 0:
            return 1 if difference[1] > 0 else -1
        return judge(effect, difference)

    def below_zero_alone(effect, difference):
        if effect[1] > 0 and difference[1] > 0:
            return 1
        return -1 if effect[2] < 0 or difference[2] < 0 else 0

    def middle_below_half(effect, difference):
        if effect[1] > 0 and difference[1] > 0:
            return 1
        return -1 if effect[2] < 0 or difference[0] < max(0, effect[0] / 2) else 0

    def by_means(effect, difference):
        return 1 if effect[0] > 0 and difference[0] > 0 else -1

    return mark(
        answer,
        right=judge,
        cases=[
            ((0.6, 0.4, 0.8), (0.55, 0.3, 0.8)),
            ((0.6, 0.4, 0.8), (0.1, -0.05, 0.25)),
            ((0.25, -0.2, 0.7), (0.15, -0.3, 0.6)),
            ((0.3, 0.1, 0.5), (-0.45, -0.7, -0.2)),
            ((0.3, 0.1, 0.5), (0.1, -0.1, 0.3)),
            ((0.3, 0.1, 0.5), (0.25, -0.05, 0.55)),
            ((-0.35, -0.6, -0.1), (0.45, 0.1, 0.8)),
            ((0.05, -0.1, 0.2), (0.6, 0.2, 1.0)),
        ],
        edges={
            "where less than half is left, but clearly something": (
                (0.8, 0.6, 1.0),
                (0.2, 0.1, 0.3),
            ),
            "where half of the effect lies below zero": ((-0.1, -0.6, 0.4), (-0.3, -0.58, -0.02)),
        },
        praise="What is left beside the control decides as much as the effect does, and a wide "
        "interval decides nothing.",
        hint="Go through the three sentences of the rule in turn. Which end of an interval says "
        "that it is clear of zero, and which that little is left at most?",
        mistakes=[
            Mistake(
                without_difference,
                "This looks at the effect alone. What if the control has it as well?",
            ),
            Mistake(
                by_difference,
                "This looks at the difference alone. It is large too where the control lies below "
                "zero and there is no effect, and whether it is small depends on the effect.",
            ),
            Mistake(
                no_evidence_fails,
                "Here everything fails that does not hold. An interval that reaches over zero is "
                "no evidence of nothing.",
            ),
            Mistake(
                zero_inside_fails,
                "Here a clear effect fails as soon as its difference is not clear of zero. Most of "
                "it may be left all the same: a wide interval is no evidence of nothing.",
            ),
            Mistake(
                below_zero_alone,
                "A claim also fails where at most a little of its effect is left, though that may "
                "be above zero.",
            ),
            Mistake(
                middle_below_half,
                "This asks whether the mean difference is small. Little is left only where even "
                "the upper end of its interval is.",
            ),
            Mistake(
                by_means,
                "This goes by the middle of each interval. The rule asks where its ends lie.",
            ),
        ],
    )
