"""Parts III and V: language models zero-shot, in context, and finetuned on the same examples.

Modules
-------
task, tasks
    Classification as prompts: the type; the paper's six, two more, six small ones, your own.
data
    Their rows: a folder, the hub, or the bundled language; demonstrations and evaluation items.
prompts
    Token ids of demonstrations, queries and label words.
"""
