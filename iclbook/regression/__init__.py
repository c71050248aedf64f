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
landscape, spectrum, iterate
    The plateau, GD++ seen by its eigenvalues, and layers applied many times.
sine, standard, copying
    Sine waves with an MLP; softmax heads and LayerNorm; ordinary tokens that have to be copied.
optimal
    What a trained layer should do, by the follow-up papers.
show
    What the chapters print and draw.
resume
    Long trainings in parts, which go on where they were stopped.
experiments
    What ``python -m iclbook regression`` runs and records.
"""
