"""Part II: attention layers that do gradient descent on the examples in their prompt.

Modules
-------
tasks
    Linear regression tasks, from the laws of the paper and others.
attention
    Self-attention over regression tokens, in the plain and in a fast form.
descent
    Gradient descent and GD++ on a context, their closed forms, and the construction.
train
    Training on fresh tasks.
compare
    Trained layers beside gradient descent.
"""
