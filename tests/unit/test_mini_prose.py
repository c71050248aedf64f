"""Reading a folder of text, the tokenizer and the bigram model."""

import gzip
import json

import numpy as np
import pytest

from iclbook.mini import bigram, prose

DOCUMENTS = ["The first one.\nIt has two lines.", "Another, with naïve words.", "The last."]


def corpus(folder, train=DOCUMENTS, validation=("Held out.",)):
    folder.mkdir(exist_ok=True)
    text = "\n<|endoftext|>\n".join(train) + "\n"
    with gzip.open(folder / "train-00.txt.gz", "wt", encoding="utf-8") as file:
        file.write(text)
    (folder / "validation.txt").write_text("\n<|endoftext|>\n".join(validation), "utf-8")
    (folder / "README.md").write_text("no text")
    return folder


def rows(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(line) for line in lines), "utf-8")


def test_documents_of_packed_and_plain_files(tmp_path):
    (corpus(tmp_path) / "more.txt").write_text("Plain.\n\nWith a gap.\n<|endoftext|>\n", "utf-8")
    found = prose.read(tmp_path)
    assert found.train == ["Plain.\n\nWith a gap.", *DOCUMENTS]
    assert found.validation == ["Held out."]
    assert found.origin["train_documents"] == 4
    assert sorted(found.origin["files"]) == ["more.txt", "train-00.txt.gz", "validation.txt"]


def test_unsound_corpus_folders_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere is no folder"):
        prose.read(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"no text for train; .*found no text files"):
        prose.read(tmp_path)
    folder = corpus(tmp_path, validation=("\n",))
    with pytest.raises(ValueError, match=r"no text for validation; .*train-00"):
        prose.read(folder)
    whole = (folder / "train-00.txt.gz").read_bytes()
    for broken in (whole[:40], b"not packed", whole[:20] + b"xxxx" + whole[24:]):
        (folder / "train-00.txt.gz").write_bytes(broken)
        with pytest.raises(ValueError, match=r"train-00\.txt\.gz cannot be read"):
            prose.read(folder)
    (folder / "train-00.txt.gz").unlink()
    (folder / "old.txt").write_bytes("café".encode("latin-1"))
    with pytest.raises(ValueError, match=r"old\.txt is no text in UTF-8"):
        prose.read(folder)


def test_texts_without_labels_repeats_and_evaluation_texts(tmp_path):
    long = "one two three four five six seven eight nine ten"
    rows(
        tmp_path / "a" / "train.jsonl",
        {"text": " A fine film. ", "label": 1},
        {"text": f"{long} eleven .", "label": 0},
        {"text": "seen in the test", "label": 0},
    )
    rows(tmp_path / "a" / "validation.jsonl", {"text": f"Zero {long.upper()}", "label": 0})
    rows(tmp_path / "b" / "test.jsonl", {"text": "Seen in the test!", "label": 0})
    rows(
        tmp_path / "b" / "train.jsonl",
        {"premise": "A fine film", "hypothesis": "New.", "label": 0},
        *({"premise": f"Number {i}", "hypothesis": "New.", "label": "SECRET"} for i in range(9)),
    )
    found = prose.texts(tmp_path, cap=7, lines=3, seed=0)
    assert found.train[0] == "A fine film."
    assert [len(document.split("\n")) for document in found.train] == [1, 3, 3, 1]
    assert found.origin["texts"] == {"a": 1, "b": 7}
    assert found.origin["evaluation_texts_dropped"] == 2
    assert "SECRET" not in "".join(found.train)
    assert found == prose.texts(tmp_path, cap=7, lines=3, seed=0)
    assert found.train != prose.texts(tmp_path, cap=7, lines=3, seed=1).train


def test_unsound_data_folders_are_named(tmp_path):
    settings = dict(cap=9, lines=2, seed=0)
    with pytest.raises(ValueError, match="no training splits"):
        prose.texts(tmp_path, **settings)
    path = tmp_path / "a" / "train.jsonl"
    for row, says in (
        ({"label": 0}, "line 2 has no text"),
        (["text"], "line 2 is no row of texts"),
        ({"text": 3}, "line 2 is no row of texts"),
    ):
        rows(path, {"text": "Good."}, row)
        with pytest.raises(ValueError, match=says):
            prose.texts(tmp_path, **settings)
    path.write_text('{"text": "Good."}\n{"text": "Br')
    with pytest.raises(ValueError, match="line 2 is no row of texts"):
        prose.texts(tmp_path, **settings)
    rows(path, {"text": "Same."})
    rows(tmp_path / "a" / "test.jsonl", {"text": "Same."})
    with pytest.raises(ValueError, match="not an evaluation text"):
        prose.texts(tmp_path, **settings)


def test_the_tokenizer_gives_back_the_text_and_knows_the_words():
    text = "The 3 naïve readers — “quoted” — read\n\n on; ✓"
    tokenizer = prose.train_tokenizer(DOCUMENTS * 50, 320, ["Positive", "World"])
    assert tokenizer.decode(tokenizer.encode(text)) == text
    for word in ("Positive", "World"):
        assert len(tokenizer.encode(f" {word}")) == 1
    tokens = prose.encode([text, "The"], tokenizer)
    ends = np.flatnonzero(tokens == tokenizer.eos_token_id)
    assert len(ends) == 2
    assert tokenizer.decode(tokens[: ends[0]]) == text
    again = prose.train_tokenizer(DOCUMENTS * 50, 320, ["Positive", "World"])
    assert again.backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()
    with pytest.raises(ValueError, match="no room for Technology"):
        prose.train_tokenizer(DOCUMENTS, 258, ["Technology"])


def test_bigram_probabilities_sum_to_one_and_follow_the_text():
    tokens = np.array([0, 1, 0, 1, 0, 2, 0, 1, 3, 3, 3], dtype=np.uint16)
    model = bigram.fit(tokens, 6)
    for first in range(6):
        every = np.exp(model.log_probs(np.full(6, first), np.arange(6)))
        assert every.sum() == pytest.approx(1)
        assert (every > 0).all()
    # Kneser-Ney by hand: pairs 01 x3, 10 x2, 02, 20, 13, 33 x2: discount 3 / (3 + 2 * 2).
    discount = 3 / 7
    base = np.array([2, 1, 1, 2, 0, 0]) + 1
    wanted = (3 - discount) / 4 + discount * 2 / 4 * base[1] / base.sum()
    assert np.exp(model.log_probs(np.array([0]), np.array([1])))[0] == pytest.approx(wanted)
    with pytest.raises(ValueError, match="expected two or more"):
        bigram.fit(tokens[:1], 6)
