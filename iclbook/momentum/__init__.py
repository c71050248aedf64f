"""Part IV: momentum attention, which adds a decaying sum of past values to attention.

sums
    The sum: its definition, the recurrence, and in parts at a cost near that of reading the values.
mixing
    What a block adds: momentum, and for comparison a weighted sum over the last values.
attention
    The attention function that transformers is given; padding and caches.
attach
    Momentum put into a model by one call, and taken out again.
variants
    Momentum, its variants and its controls, by name.
languages, texts
    What models are trained on: small languages, and files in bytes or tokens.
measure
    What they are judged by: perplexity, and answers in context.
training, paired
    Models trained with and without, as records; the records compared seed by seed.
pretrained
    Momentum in a model that was trained without.
cost
    Time and memory of a training step with momentum and without.

`command` is the command line.
"""
