import os
from functools import cache

import numpy as np
import pytest
from classification_rows import data_folder
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import BOS
from tiny_models import tiny_tokenizer as new_tokenizer
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from iclbook.gpt.text import data
from iclbook.gpt.text.demonstrations import draw
from iclbook.gpt.text.prompts import build
from iclbook.gpt.text.tasks import TASKS, Task, get

tiny_tokenizer = cache(new_tokenizer)

FAMILIES = ("gpt2", "opt", "llama", "qwen3")
FAIRSEQ = dict(window=400, separator_text="</s>")
SST2 = get("sst2")
# These are GPT-2's ids of the words with their leading space.
GPT2_IDS = {
    "sst2": (36183, 33733),
    "sst5": (7818, 2089, 8500, 922, 1049),
    "subj": (9432, 19088),
    "mr": (36183, 33733),
    "agnews": (2159, 7092, 7320, 8987),
    "cb": (6407, 10352, 16126),
}

texts = st.lists(
    st.sampled_from(
        ["a warm film", "thin , and old", "don't", "2 jokes", "(sale)", "Ünï", " the "]
    ),
    min_size=1,
    max_size=4,
).map(" ".join)
examples = st.fixed_dictionaries({"text": texts, "label": st.integers(0, 1)})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return data_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def loaded_by_name(folder):
    return cache(lambda name: data.load_rows(name, folder))


def rows(n: int, words: int = 6) -> list[dict]:
    return [{"text": "a warm film " * (words // 3), "label": i % 2} for i in range(n)]


def ids(tokenizer, text: str) -> tuple[int, ...]:
    return tuple(tokenizer(text)["input_ids"])


@pytest.mark.parametrize("family", FAMILIES)
@given(demos=st.lists(examples, max_size=4), items=st.lists(examples, min_size=1, max_size=3))
def test_pieces_join_to_the_ids_of_the_whole_text(family, demos, items):
    tokenizer = tiny_tokenizer(family)
    prompts = build(SST2, demos, items, tokenizer, window=4000)
    shown = [SST2.prompt(row) + SST2.answer(row["label"]) for row in demos]
    context = "".join(text + "\n" for text in shown)
    for query, row in zip(prompts.queries, items, strict=True):
        for label, tokens in enumerate(prompts.labels):
            text = SST2.prompt(row) + SST2.answer(label)
            assert prompts.zero_shot + query + tokens == ids(tokenizer, text)
            assert prompts.context + query + tokens == ids(tokenizer, context + text)
    assert prompts.finetuning == [ids(tokenizer, text) for text in shown]
    assert prompts.gold.tolist() == [row["label"] for row in items]
    assert list(prompts.demo_gold) == [row["label"] for row in demos]
    assert (prompts.k, prompts.k_used) == (len(demos), len(demos))


@pytest.mark.parametrize("family", ["gpt2", *BOS])
def test_a_text_begins_as_the_tokenizer_says(family):
    tokenizer = tiny_tokenizer(family)
    expected = (tokenizer.convert_tokens_to_ids(BOS[family]),) if family in BOS else ()
    assert build(SST2, [], rows(1), tokenizer, window=400).bos == expected


def test_fairseq_models_end_each_line_with_a_token():
    tokenizer = tiny_tokenizer("xglm")
    start, end = tokenizer.convert_tokens_to_ids(["<s>", "</s>"])
    task = get("sst2", wording="paper")  # a line break before the answer cue
    demos = [{"text": "old", "label": 0}, {"text": "warm\n\nfilm", "label": 1}]
    prompts = build(task, demos, demos[:1], tokenizer, **FAIRSEQ)

    def plain(text):
        return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])

    first = (*plain("Sentence: old"), end, *plain("Label: Negative"))
    second = (*plain("Sentence: warm"), end, *plain("film"), end, *plain("Label: Positive"))
    assert prompts.separator == (end,)
    assert prompts.context == (start, *first, end, *second, end)
    assert prompts.finetuning == [(start, *first), (start, *second)]
    assert prompts.queries == (first[: -len(plain(" Negative"))],)


def test_fairseq_models_get_a_beginning_that_their_tokenizer_does_not_add():
    tokenizer = new_tokenizer("gpt2")
    tokenizer.eos_token = "</s>"
    prompts = build(SST2, [], rows(1), tokenizer, **FAIRSEQ)
    assert prompts.bos == (tokenizer.bos_token_id,)


def test_unstripped_texts_keep_their_outer_spaces():
    tokenizer = tiny_tokenizer("gpt2")
    row = {"text": "old ", "label": 0}
    kept = build(SST2, [row], [row], tokenizer, window=400, strip=False)
    assert ids(tokenizer, "Sentence: old  Label:") == kept.queries[0]
    assert kept.finetuning == [ids(tokenizer, "Sentence: old  Label: Negative")]


@pytest.mark.parametrize("name", [n for n, t in TASKS.items() if t.hub])
def test_every_task_on_rows_as_they_are(loaded_by_name, name):
    tokenizer = tiny_tokenizer("gpt2")
    loaded = loaded_by_name(name)
    single = bool(os.environ.get("ICLBOOK_TOKENIZER"))
    items, demos = loaded.evaluation[:50], draw(loaded, 4, seed=1)
    prompts = build(loaded.task, demos, items, tokenizer, window=8192, single=single)
    assert prompts.k_used == 4
    whole = "".join(
        loaded.task.prompt(row) + loaded.task.answer(row["label"]) + "\n" for row in demos
    ) + loaded.task.prompt(items[7])
    assert prompts.context + prompts.queries[7] == ids(tokenizer, whole)
    if single and name in GPT2_IDS:
        assert prompts.labels == tuple((i,) for i in GPT2_IDS[name])


@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=8),
    longest=st.integers(1, 30),
    window=st.integers(40, 300),
    family=st.sampled_from(["gpt2", "llama"]),
)
def test_the_number_of_demonstrations_that_fit(lengths, longest, window, family):
    tokenizer = tiny_tokenizer(family)
    task = Task("t", "{text}:", ("good", "bad"))
    word = " great"
    assert len(tokenizer(word, add_special_tokens=False)["input_ids"]) == 1

    def row(n):
        return {"text": word * n, "label": 0}

    start = 1 if family == "llama" else 0
    size = [len(ids(tokenizer, task.prompt(row(n)) + " good\n")) - start for n in lengths]
    items = [row(longest), row(1)]
    needed = max(len(ids(tokenizer, task.prompt(item) + " good")) for item in items)
    kept, length = 0, start
    while kept < len(size) and length + size[kept] + needed < window:
        length += size[kept]
        kept += 1
    demos = [row(n) for n in lengths]
    if kept == 0:
        with pytest.raises(ValueError, match="fit"):
            build(task, demos, items, tokenizer, window=window)
    else:
        prompts = build(task, demos, items, tokenizer, window=window)
        assert (prompts.k_used, prompts.k) == (kept, len(lengths))
        assert len(prompts.finetuning) == len(prompts.demo_gold) == kept
        assert len(prompts.context) == length


# How many of 32 demonstrations a window holds with GPT-2's tokenizer, over five draws.
FIT = {
    "agnews": {1024: (9, 12), 2048: (22, 26)},
    "cb": {1024: (6, 10), 2048: (16, 22)},
    "subj": {1024: (23, 30), 2048: (32, 32)},
    "mr": {1024: (25, 32), 2048: (32, 32)},
    "sst2": {1024: (32, 32), 2048: (32, 32)},
}


@pytest.mark.parametrize("window", [1024, 2048])
@pytest.mark.parametrize("name", FIT)
def test_demonstrations_that_real_windows_hold(loaded_by_name, name, window):
    real = os.environ.get("ICLBOOK_TOKENIZER") and os.environ.get("ICLBOOK_DATA")
    low, high = FIT[name][window] if real else (1, 32)
    tokenizer, loaded = tiny_tokenizer("gpt2"), loaded_by_name(name)
    single = bool(os.environ.get("ICLBOOK_TOKENIZER"))
    for seed in (1, 2):
        demos = draw(loaded, 32, seed)
        prompts = build(
            loaded.task, demos, loaded.evaluation, tokenizer, window=window, single=single
        )
        assert low <= prompts.k_used <= high
        longest = max(map(len, prompts.queries)) + max(map(len, prompts.labels))
        assert len(prompts.context) + longest < window


def test_the_authors_demonstrations_of_cb(loaded_by_name):
    # With their seed, separators and unstripped texts, 19 of 32 fit their window of 2048.
    rows = loaded_by_name("cb")
    demos = draw(rows, 32, seed=3, scheme="authors")
    theirs = dict(window=2048, separator_text="</s>", strip=False)
    real = os.environ.get("ICLBOOK_TOKENIZER") and os.environ.get("ICLBOOK_DATA")
    prompts = build(
        rows.task, demos, rows.evaluation, tiny_tokenizer("xglm"), single=bool(real), **theirs
    )
    assert prompts.k_used == 19 if real else 0 < prompts.k_used < 32


def test_an_item_that_does_not_fit():
    items = [*rows(2), *rows(1, words=300)]
    with pytest.raises(ValueError, match=r"item 2 of task 'sst2' has 30\d tokens.*model reads 200"):
        build(SST2, [], items, tiny_tokenizer("gpt2"), window=200)


def test_a_first_demonstration_that_does_not_fit():
    with pytest.raises(ValueError, match=r"not one demonstration .* fits: the first has 30\d"):
        build(SST2, rows(1, words=300), rows(2), tiny_tokenizer("gpt2"), window=200)


def test_no_items():
    with pytest.raises(ValueError, match="has no items to evaluate"):
        build(SST2, rows(2), [], tiny_tokenizer("gpt2"), window=200)


def test_label_words_of_several_tokens_are_refused_or_kept():
    task = Task("t", "Review: {text} Good:", ("yes", "floccinaucinihilipilification"))
    tokenizer = tiny_tokenizer("gpt2")
    with pytest.raises(ValueError, match=r"several tokens: \{.*'floccin.*--long-labels"):
        build(task, [], rows(2), tokenizer, window=200)
    prompts = build(task, rows(2), rows(2), tokenizer, window=400, single=False)
    assert tokenizer.decode(prompts.labels[1]) == " floccinaucinihilipilification"
    assert prompts.finetuning[1][-len(prompts.labels[1]) :] == prompts.labels[1]


def test_label_words_that_start_alike_are_kept_apart():
    task = Task("t", "Review: {text} Good:", ("very good", "very bad"))
    prompts = build(task, [], rows(2), tiny_tokenizer("gpt2"), window=200, single=False)
    assert len(set(prompts.labels)) == 2


def words_only(words) -> PreTrainedTokenizerFast:
    """A tokenizer that knows a few words, splits at spaces and keeps newlines only if known."""
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "removed")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="?")


def test_label_words_that_the_tokenizer_does_not_know():
    with pytest.raises(ValueError, match="two are equal"):
        build(SST2, [], rows(1), words_only(["?", "Sentence:", "Label:", "film"]), window=99)


def test_a_label_that_changes_the_tokens_before_it():
    merges = Tokenizer(
        models.BPE(vocab={":": 0, " ": 1, "x": 2, ": ": 3, "u": 4}, merges=[(":", " ")])
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=merges, unk_token="u")
    with pytest.raises(ValueError, match="'x' of task 't' changes the tokens before it"):
        build(Task("t", "{text}:", ("x", "u")), [], rows(1), tokenizer, window=99)


@pytest.mark.parametrize("family", ["gpt2", "llama", "xglm"])
def test_a_text_that_spells_a_special_token_is_a_text(family):
    tokenizer = tiny_tokenizer(family)
    special = tokenizer.all_special_tokens[0]
    row = {"text": f"a {special} film", "label": 0}
    how = FAIRSEQ if family == "xglm" else dict(window=400)
    prompts = build(SST2, [row], [row], tokenizer, **how)
    inside = prompts.queries[0], prompts.demos[0][: -len(prompts.separator)]
    assert not set(tokenizer.all_special_ids) & {token for ids in inside for token in ids}
    assert special in tokenizer.decode(prompts.queries[0])


def test_a_beginning_is_found_with_any_alphabet():
    words = Tokenizer(models.BPE({sign: i for i, sign in enumerate(["<s>", *"данет ?:\n"])}, []))
    words.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 0)]
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<s>")
    assert tokenizer("a", add_special_tokens=False)["input_ids"] == []
    task = Task("t", "{text} ?:", ("да", "нет"))
    prompts = build(task, [], [{"text": "да", "label": 0}], tokenizer, window=99, single=False)
    assert prompts.bos == (0,)
    film = Task("u", "{text}", ("да", "нет"))
    with pytest.raises(ValueError, match="encodes 'film' of task 'u' as nothing"):
        build(film, [], [{"text": "film", "label": 0}], tokenizer, window=9)


def test_a_model_that_knows_few_of_the_words_is_warned_of():
    known = words_only(["?", "Label:", "Negative", "Positive", "\n", "film"])
    unread = [{"text": "one two three four", "label": 0}]
    with pytest.warns(UserWarning, match=r"83% of the tokens of task 'sst2' are unknown"):
        build(SST2, [], unread, known, window=99)
    read = [{"text": "film film film film", "label": 0}]
    build(SST2, [], read, known, window=99)  # warnings are errors here


def test_items_left_out_count_for_what_fits():
    tokenizer, long = tiny_tokenizer("gpt2"), rows(1, words=60)
    few = build(SST2, rows(8), rows(2), tokenizer, window=130)
    all_items = build(SST2, rows(8), [*rows(2), *long], tokenizer, window=130)
    same = build(SST2, rows(8), rows(2), tokenizer, window=130, fitting=[*rows(2), *long])
    assert few.k_used > same.k_used == all_items.k_used > 0
    assert len(same.queries) == 2


def test_a_separator_that_the_tokenizer_does_not_have():
    with pytest.raises(ValueError, match="'<sep>', which is no special token"):
        build(SST2, [], rows(1), tiny_tokenizer("gpt2"), window=99, separator_text="<sep>")


def test_a_window_that_is_no_count(plain_python):
    with pytest.raises(ValueError, match="window is 0"):
        build(SST2, [], rows(1), tiny_tokenizer("gpt2"), window=0)


def test_mini_tasks_are_readable_for_the_bundled_tokenizer_s_kind():
    loaded = data.load_rows("mini-cb")
    known = {"?"} | {
        word
        for row in (*loaded.train, *loaded.evaluation)
        for label in range(3)
        for word in (loaded.task.prompt(row) + loaded.task.answer(label)).split(" ")
    }
    tokenizer = words_only([*sorted(known), "\n"])
    demos = draw(loaded, 8, seed=1)
    prompts = build(loaded.task, demos, loaded.evaluation, tokenizer, window=4096)
    assert np.bincount(prompts.gold, minlength=3).min() > 0
    assert prompts.k_used == 8
