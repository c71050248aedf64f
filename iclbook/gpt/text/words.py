"""Label words of one token each: what may be read off a distribution over next tokens.

The trap: of a longer word such a distribution holds the first token alone, whose probability may be
another word's too.

Chapter: "Do they change the output alike?"
"""

from iclbook.gpt.text.prompts import Prompts


def label_tokens(prompts: Prompts) -> list[int]:
    """The token of each label word.

    Parameters
    ----------
    prompts : Prompts

    Raises
    ------
    ValueError
        If a label word has several tokens.
    """
    longer = [word for word in prompts.labels if len(word) != 1]
    if longer:
        raise ValueError(
            f"label word {longer[0]} has {len(longer[0])} tokens; expected one each, since only "
            "the next token is looked at. Choose words that this tokenizer knows."
        )
    return [word[0] for word in prompts.labels]
