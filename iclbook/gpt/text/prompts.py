"""Token ids of one task's demonstrations, queries and label words.

Every setting reads the same pieces. In context: beginning of the text, demonstrations with their
answers, query. Zero-shot: beginning, query. Finetuning: each demonstration by itself. Pieces are
encoded one by one and joined as ids, so that a query is the same tokens in every setting.

The trap: a text may spell a special token (``<|endoftext|>``). It is encoded as the text that it
is, never as the token, which would end the context for the model.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from iclbook.gpt.text.tasks import Row, Task
from iclbook.validate import check_count

Ids = tuple[int, ...]
_ENDING = 8


@dataclass(frozen=True, eq=False)
class Prompts:
    """One task, one set of demonstrations and one tokenizer, as token ids.

    Parameters
    ----------
    bos : tuple of int
        What every text begins with; empty if the tokenizer adds nothing.
    demos : tuple of tuple of int
        Each demonstration that is kept: prompt, answer and separator.
    separator : tuple of int
        What stands behind each demonstration.
    queries : tuple of tuple of int
        Filled template of each item, without beginning and answer.
    labels : tuple of tuple of int
        Each label word as it is encoded behind a prompt.
    gold : int array, shape (n,)
        Label ids of the items.
    demo_gold : tuple of int
        Label ids of the demonstrations that are kept.
    k : int
        How many demonstrations were asked for.
    """

    bos: Ids
    demos: tuple[Ids, ...]
    separator: Ids
    queries: tuple[Ids, ...]
    labels: tuple[Ids, ...]
    gold: Int64[np.ndarray, " n"]
    demo_gold: tuple[int, ...]
    k: int

    @property
    def k_used(self) -> int:
        """How many demonstrations are kept, in every setting."""
        return len(self.demos)

    @property
    def context(self) -> Ids:
        """What stands before each query in context."""
        return self.bos + tuple(token for demo in self.demos for token in demo)

    @property
    def zero_shot(self) -> Ids:
        """What stands before each query zero-shot."""
        return self.bos

    @property
    def finetuning(self) -> list[Ids]:
        """The demonstrations as training texts, in order: beginning, prompt, answer."""
        return [self.bos + demo[: len(demo) - len(self.separator)] for demo in self.demos]


def build(
    task: Task,
    demos: Sequence[Row],
    items: Sequence[Row],
    tokenizer,
    *,
    window: int,
    separator_text: str = "\n",
    strip: bool = True,
    single: bool = True,
    fitting: Sequence[Row] | None = None,
) -> Prompts:
    r"""Encode demonstrations and items for a model.

    Demonstrations are taken in order while the context, the next one and the longest item with
    its answer are shorter than the window together, and are cut there once, for every item and
    every setting (the rule of the authors' code). A warning is given if most tokens of the items
    are unknown to the tokenizer.

    Parameters
    ----------
    task : Task
        Template and label words.
    demos, items : sequence of Row
        Demonstrations, and what is to be answered.
    tokenizer : transformers tokenizer
        The model's tokenizer.
    window : int
        How many tokens the model can read.
    separator_text : str
        ``"\n"``, or a special token such as ``"</s>"`` where that ends a line (fairseq models);
        there, line breaks inside a text become the same token, and a text begins with the
        tokenizer's BOS even if the tokenizer does not add it.
    strip : bool
        Remove outer white space of the texts.
    single : bool
        Refuse label words of several tokens.
    fitting : sequence of Row, optional
        The longest of these has to fit, where `items` are only some of them; default: `items`.

    Returns
    -------
    Prompts
        The token ids.

    Raises
    ------
    ValueError
        If there are no items, if an item or the first demonstration does not fit the window, if
        a label word is several tokens where one is needed or equals another, if it is encoded
        differently behind different prompts, or if the tokenizer does not know the separator.
    """
    check_count("window", window)
    if not items:
        raise ValueError(f"task {task.name!r} has no items to evaluate; expected one or more.")
    encode = _encoder(tokenizer, separator_text)
    prompts = [task.prompt(row, strip=strip) for row in [*demos, *items]]
    pieces = encode(prompts)
    if not all(pieces):
        raise ValueError(
            f"this tokenizer encodes {prompts[pieces.index(())][:60]!r} of task {task.name!r} as "
            f"nothing; expected a tokenizer that knows the signs of the texts."
        )
    labels = _labels(task, prompts, pieces, encode, single)
    separator = _separator(separator_text, prompts[-1] + task.answer(0), tokenizer, encode)
    bos = _beginning(tokenizer, prompts[-1], separator_text)

    queries = pieces[len(demos) :]
    _warn_of_unknown(task, queries, tokenizer)
    all_queries = queries
    if fitting is not None:
        all_queries = encode([task.prompt(row, strip=strip) for row in fitting])
    longest = int(np.argmax([len(query) for query in all_queries]))
    needed = len(bos) + len(all_queries[longest]) + max(len(label) for label in labels)
    if needed > window:
        raise ValueError(
            f"evaluation item {longest} of task {task.name!r} has {needed} tokens with its answer; "
            f"the model reads {window}. Leave such items out, or take a model with a longer window."
        )
    kept, length = [], len(bos)
    for piece, row in zip(pieces, demos, strict=False):
        demo = piece + labels[row["label"]] + separator
        length += len(demo)
        if length + needed >= window:
            break
        kept.append(demo)
    if demos and not kept:
        raise ValueError(
            f"not one demonstration of task {task.name!r} fits: the first has {length - len(bos)} "
            f"tokens, the longest item {needed} with its answer, and the model reads {window}. "
            f"Take a model with a longer window, or shorter texts."
        )
    return Prompts(
        bos=bos,
        demos=tuple(kept),
        separator=separator,
        queries=tuple(queries),
        labels=labels,
        gold=np.array([row["label"] for row in items], dtype=np.int64),
        demo_gold=tuple(int(row["label"]) for row in demos[: len(kept)]),
        k=len(demos),
    )


def _encoder(tokenizer, separator_text: str):
    """Return a function from texts to ids, without special tokens at either end.

    Where a special token ends a line, each line is encoded by itself and empty ones are dropped.
    """

    def plain(texts: list[str]) -> list[Ids]:
        ids = tokenizer(texts, add_special_tokens=False, split_special_tokens=True, verbose=False)[
            "input_ids"
        ]
        return [tuple(one) for one in ids]

    if separator_text == "\n":
        return plain
    end = (_special_id(tokenizer, separator_text),)

    def by_lines(texts: list[str]) -> list[Ids]:
        lines = [[line for line in text.splitlines() if line] for text in texts]
        ids = iter(plain([line for text in lines for line in text]))
        joined = []
        for text in lines:
            first, *rest = [next(ids) for _ in text]
            joined.append(sum((end + more for more in rest), first))
        return joined

    return by_lines


def _special_id(tokenizer, token: str) -> int:
    """Id of a special token that the tokenizer has to know."""
    if token not in tokenizer.all_special_tokens:
        raise ValueError(
            f"separator_text is {token!r}, which is no special token of this tokenizer (it has "
            f"{', '.join(map(repr, tokenizer.all_special_tokens))}); expected '\\n' for this model."
        )
    return tokenizer.convert_tokens_to_ids(token)


def _separator(text: str, before: str, tokenizer, encode) -> Ids:
    """Ids of the separator behind an answer."""
    if text != "\n":
        return (_special_id(tokenizer, text),)
    head, whole, alone = encode([before, before + text, text])
    # A tokenizer may merge the newline with a label's last sign ("?\n"): then it is encoded alone.
    ids = whole[len(head) :] if whole[: len(head)] == head else alone
    if not ids:
        raise ValueError(
            "this tokenizer encodes a newline as nothing, so that demonstrations would run into "
            "each other; expected a tokenizer that keeps newlines."
        )
    return ids


def _beginning(tokenizer, text: str, separator_text: str) -> Ids:
    """Ids that a text begins with: what the tokenizer adds, or BOS for fairseq models."""
    bare, full = (
        tokenizer(text, add_special_tokens=added, split_special_tokens=True)["input_ids"]
        for added in (False, True)
    )
    added = next((tuple(full[:i]) for i in range(len(full)) if full[i : i + len(bare)] == bare), ())
    if not added and separator_text != "\n" and tokenizer.bos_token_id is not None:
        return (tokenizer.bos_token_id,)
    return added


def _warn_of_unknown(task: Task, queries: Sequence[Ids], tokenizer) -> None:
    """Say so if the model cannot read the texts."""
    tokens = [token for query in queries for token in query]
    share = tokens.count(tokenizer.unk_token_id) / len(tokens)
    if share > 0.5:
        warnings.warn(
            f"{share:.0%} of the tokens of task {task.name!r} are unknown to this model's "
            f"tokenizer ({tokenizer.unk_token!r}): it cannot read these texts, and its answers say "
            f"nothing about them.",
            stacklevel=3,
        )


def _labels(task: Task, prompts: list[str], pieces: list[Ids], encode, single) -> tuple[Ids, ...]:
    """Ids of each label word behind a prompt, the same behind all of them.

    One prompt is tried for each ending of a few characters: most templates end in the same words.
    """
    tried = list({prompt[-_ENDING:]: i for i, prompt in enumerate(prompts)}.values())
    found = []
    for label, word in enumerate(task.labels):
        endings = set()
        for i, whole in zip(tried, encode([prompts[i] + task.answer(label) for i in tried])):
            if whole[: len(pieces[i])] != pieces[i] or len(whole) == len(pieces[i]):
                raise ValueError(
                    f"label word {word!r} of task {task.name!r} changes the tokens before it in "
                    f"{prompts[i][-30:]!r}; expected a template that ends where a token ends, such "
                    f"as with a colon."
                )
            endings.add(whole[len(pieces[i]) :])
        if len(endings) > 1:
            raise ValueError(
                f"label word {word!r} of task {task.name!r} has different tokens behind different "
                f"prompts ({endings}); expected a template with a fixed end."
            )
        found += endings
    if single and any(len(ids) > 1 for ids in found):
        several = {w: len(i) for w, i in zip(task.labels, found, strict=True) if len(i) > 1}
        raise ValueError(
            f"label words of task {task.name!r} with several tokens: {several}; expected one each. "
            f"Choose words that this tokenizer knows (with a leading space), or allow words of "
            f"several tokens, which are scored by their mean (--long-labels, in Python "
            f"long_labels=True)."
        )
    if len(set(found)) < len(found):
        raise ValueError(
            f"label words {task.labels} of task {task.name!r} are encoded as {found}: two are "
            f"equal, so no model could tell them apart. Choose words that the tokenizer knows."
        )
    return tuple(found)
