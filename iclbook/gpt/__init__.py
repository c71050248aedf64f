"""Parts III and V: language models zero-shot, in context, and finetuned on the same examples.

Its folders, in the order in which a prompt walks through them:

text
    What is asked: tasks and their rows, demonstrations, token ids of prompts.
model
    Language models; where attention, queries, keys and values sit in each family.
reading
    The demonstrations read once; log-probabilities, outputs and scores of the queries behind them.
tuning
    Finetuning on the demonstrations, and back to the base weights; layer-causal descent.
metrics
    How alike two settings are, beside chance levels and baselines.
study
    Cells (model, task, seed, rate) as records; many of them, again where a stopped run left off.
doubts
    The experiments of Part V.
report
    Recorded cells by model; the paper's tables beside them.

`command` is the command line.
"""
