"""Exercise of the chapter "What do we know?"."""

from iclbook.checks.verdict import Mistake, Verdict, mark


def judge_claim(answer) -> Verdict:
    """The verdict on a claim in one kind of model: 1 holds, -1 fails its control, 0 not settled.

    From (effect, control, difference), each the low and the high end of an interval.
    """

    def judge(effect, control, difference):
        if effect[1] < 0 or difference[1] < 0:
            return -1
        if effect[0] > 0 and difference[0] > 0:
            return 1
        return -1 if effect[0] > 0 and control[0] > 0 else 0

    def without_control(effect, control, difference):
        return 1 if effect[0] > 0 else -1 if effect[1] < 0 else 0

    def by_difference(effect, control, difference):
        return 1 if difference[0] > 0 else -1 if difference[1] < 0 else 0

    def no_evidence_fails(effect, control, difference):
        return 1 if effect[0] > 0 and difference[0] > 0 else -1

    def control_never_scores(effect, control, difference):
        if effect[1] < 0 or difference[1] < 0:
            return -1
        return 1 if effect[0] > 0 and difference[0] > 0 else 0

    def by_means(effect, control, difference):
        middle = [sum(ends) / 2 for ends in (effect, difference)]
        return 1 if min(middle) > 0 else -1

    holds = ((0.4, 0.8), (-0.1, 0.2), (0.3, 0.8))
    return mark(
        answer,
        right=judge,
        cases=[
            holds,
            ((0.4, 0.8), (0.3, 0.7), (-0.1, 0.3)),
            ((-0.2, 0.7), (-0.2, 0.4), (-0.3, 0.6)),
            ((0.1, 0.5), (0.6, 0.9), (-0.7, -0.2)),
            ((0.1, 0.5), (-0.2, 0.4), (-0.1, 0.4)),
            ((-0.6, -0.1), (-0.9, -0.7), (0.1, 0.8)),
            ((-0.1, 0.2), (-0.9, -0.3), (0.2, 1.0)),
        ],
        edges={
            "where control and effect could both be nothing": (
                (-0.1, 0.5),
                (0.1, 0.4),
                (-0.4, 0.3),
            ),
        },
        praise="The control decides as much as the effect does, and a wide interval decides "
        "nothing.",
        hint="Go through the three sentences of the rule in turn. Which end of an interval says "
        "that it is clear of zero, and which that it lies below?",
        mistakes=[
            Mistake(
                without_control,
                "This looks at the effect alone. What if the control has it as well?",
            ),
            Mistake(
                by_difference,
                "This looks at the difference alone. It is large too where the control lies below "
                "zero and there is no effect, and where it is small the control decides.",
            ),
            Mistake(
                no_evidence_fails,
                "Here everything fails that does not hold. An interval that reaches over zero is "
                "no evidence of nothing.",
            ),
            Mistake(
                control_never_scores,
                "A claim also fails where its control shows the effect as clearly as it does.",
            ),
            Mistake(
                by_means,
                "This goes by the middle of each interval. The rule asks where its ends lie.",
            ),
        ],
    )
