"""The tokenizer of the small language: one word, one token, in the format of Hugging Face.

As in the GPT-2 tokenizer a word carries the space before it, so ``" Positive"`` is one token and
the text comes back exactly. A capitalised word of a template keeps its punctuation mark
(``"Sentence:"``); other punctuation marks and the line break are tokens of their own.
"""

import re

BOS, UNKNOWN, PAD = "<s>", "<unk>", "<pad>"
PATTERN = r"\n| ?[A-Z][A-Za-z]*[.,:?]| ?[^\s.,:?]+| ?[.,:?]| "
"""What a token is."""


def pieces(text: str) -> list[str]:
    """Split a text into tokens; they join to the text again."""
    return re.findall(PATTERN, text)


def word_tokenizer(vocabulary: list[str]):
    """Return a tokenizer with these tokens; it begins every text with ``<s>``.

    Parameters
    ----------
    vocabulary : list of str
        Tokens with their leading space; ids follow the three special tokens in this order.

    Returns
    -------
    transformers.PreTrainedTokenizerFast
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    ids = {token: i for i, token in enumerate([BOS, UNKNOWN, PAD, *vocabulary])}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PATTERN), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A $B", special_tokens=[(BOS, ids[BOS])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        unk_token=UNKNOWN,
        pad_token=PAD,
        clean_up_tokenization_spaces=False,
    )
