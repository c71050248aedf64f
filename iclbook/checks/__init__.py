"""Checks that answer back: one function an exercise.

In a chapter: ``from iclbook import checks as check``, then ``check.<exercise>(answer)`` as the last
line of a cell. The verdict says whether the answer is right; if not, it recognises the
misconceptions that the text warns of and says what to look at, without giving the answer.

Modules are named after chapters.
"""

from iclbook.checks.a_real_gpt import (
    calibrated_answers,
    demonstrations_that_fit,
    label_answers,
    one_class,
)
from iclbook.checks.attention import summed_attention, tau_by_pairs, turned_around
from iclbook.checks.attention_is_training import negatives, shortest_context, targets
from iclbook.checks.controls import left_of_gain, noise_instead, wrong_labels_shown
from iclbook.checks.deeper import repeats_until_seen, stable_damping, two_eigenvalues
from iclbook.checks.distributions import (
    additive_score,
    left_without_words,
    overlap_without,
)
from iclbook.checks.emergence import labels_seen, moved_answers, zeros_of_keys
from iclbook.checks.exact_update import mean_patch, other_labels, patched
from iclbook.checks.gradient_descent_is_memory import (
    momentum_coefficients,
    rebuild_weights,
    share_of_initial_weights,
)
from iclbook.checks.implicit_finetuning import (
    honest_accuracy,
    suffers_from_moved_labels,
    trained_entries,
)
from iclbook.checks.layer_causality import causal_gradients, head_moves, matched_rate
from iclbook.checks.meet_the_model import labels_dealt_out, page_loss
from iclbook.checks.meta_gradients import other_keys, update_of_finetuning
from iclbook.checks.momentum_attention import long_memory, share_of_last, sums_ahead
from iclbook.checks.nonlinear import (
    guess_without_context,
    kernel_step,
    mean_cosine_of_numbers,
    wave_further,
)
from iclbook.checks.one_layer_one_step import another_prompt, examples_needed, targets_left
from iclbook.checks.order import adam_and_order, order_gap, passes_for
from iclbook.checks.prediction import (
    blind_agreement,
    chance_bounds,
    pooled_odds,
    recalled_by_finetuning,
)
from iclbook.checks.representation import another_item, chance_of_noise, size_for_score
from iclbook.checks.softmax import positive_features, share_of_copies, share_of_demonstrations
from iclbook.checks.softmax_and_copying import (
    average_of_examples,
    logit_for_share,
    opposite_heads,
    other_tokens,
)
from iclbook.checks.the_dual import dual_output, effective_number, sign_of_help
from iclbook.checks.the_plateau import even_part, stuck_loss
from iclbook.checks.the_table import at_depth, shifted_pairs
from iclbook.checks.the_verdict import judge_claim
from iclbook.checks.training_finds_it import mixed_rate, sensitivity_by_differences, step_size_of
from iclbook.checks.verdict import Mistake, Verdict, mark
from iclbook.checks.what_is_optimal import (
    adaptive_rate,
    rates_under_noise,
    ridge_prediction,
    turned_inputs,
)

__all__ = [
    "Mistake",
    "Verdict",
    "adam_and_order",
    "adaptive_rate",
    "additive_score",
    "another_item",
    "another_prompt",
    "at_depth",
    "average_of_examples",
    "blind_agreement",
    "calibrated_answers",
    "causal_gradients",
    "chance_bounds",
    "chance_of_noise",
    "demonstrations_that_fit",
    "dual_output",
    "effective_number",
    "even_part",
    "examples_needed",
    "guess_without_context",
    "head_moves",
    "honest_accuracy",
    "judge_claim",
    "kernel_step",
    "label_answers",
    "labels_dealt_out",
    "labels_seen",
    "left_of_gain",
    "left_without_words",
    "logit_for_share",
    "long_memory",
    "mark",
    "matched_rate",
    "mean_cosine_of_numbers",
    "mean_patch",
    "mixed_rate",
    "momentum_coefficients",
    "moved_answers",
    "negatives",
    "noise_instead",
    "one_class",
    "opposite_heads",
    "order_gap",
    "other_keys",
    "other_labels",
    "other_tokens",
    "overlap_without",
    "page_loss",
    "passes_for",
    "patched",
    "pooled_odds",
    "positive_features",
    "rates_under_noise",
    "rebuild_weights",
    "recalled_by_finetuning",
    "repeats_until_seen",
    "ridge_prediction",
    "sensitivity_by_differences",
    "share_of_copies",
    "share_of_demonstrations",
    "share_of_initial_weights",
    "share_of_last",
    "shifted_pairs",
    "shortest_context",
    "sign_of_help",
    "size_for_score",
    "stable_damping",
    "step_size_of",
    "stuck_loss",
    "suffers_from_moved_labels",
    "summed_attention",
    "sums_ahead",
    "targets",
    "targets_left",
    "tau_by_pairs",
    "trained_entries",
    "turned_around",
    "turned_inputs",
    "two_eigenvalues",
    "update_of_finetuning",
    "wave_further",
    "wrong_labels_shown",
    "zeros_of_keys",
]
