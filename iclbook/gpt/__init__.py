"""Parts III and V: language models zero-shot, in context, and finetuned on the same examples.

Its modules:

task, tasks
    Classification as prompts: the type; the paper's six, two more, six small ones, your own.
data
    Their rows: a folder, the hub, or the bundled language; demonstrations and evaluation items.
prompts
    Token ids of demonstrations, queries and label words.
models, sources, families, layout, queries, heads
    Language models, and where attention, queries, keys and values sit in each family.
score, cache
    Log-probabilities of label words; demonstrations are read once.
observe, watch, attention
    Outputs of attention blocks and scores of two places, as small arrays.
finetune, steps, lcgd
    Finetuning on the demonstrations, and back to the base weights; layer-causal descent.
metrics
    How alike two settings are, beside chance levels and baselines.
setup, experiment, study
    Cells (model, task, seed, rate) as records; many of them, again where a stopped run left off.
blocks, report, render
    Recorded cells by model; the paper's tables beside them.
command, plan
    The command line, and the groups of cells that it asks for.
"""
