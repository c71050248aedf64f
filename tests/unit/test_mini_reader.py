"""Pretraining on English text: small runs on a made-up corpus."""

import gzip
import json

import numpy as np
import pytest
import torch

from iclbook import records
from iclbook.__main__ import main
from iclbook.gpt.model.load import load_model
from iclbook.mini.reader import Reader
from iclbook.mini.text import Rows

TINY = dict(
    vocabulary=600,
    width=16,
    layers=2,
    heads=2,
    window=32,
    rows=2,
    steps=8,
    every=2,
    warmup=2,
    minutes=5.0,
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A corpus that repeats itself, and a data folder."""
    folder = tmp_path_factory.mktemp("text")
    random = np.random.default_rng(0)
    words = ["the", "a", "dog", "cat", "tree", "runs", "sleeps", "and", "slowly", ".", ","]
    documents = [" ".join(random.choice(words, 60)) for _ in range(60)]
    for name, part in (("train", documents[:50]), ("validation", documents[50:])):
        with gzip.open(folder / f"{name}.txt.gz", "wt", encoding="utf-8") as file:
            file.write("\n<|endoftext|>\n".join(part))
    data = tmp_path_factory.mktemp("data")
    (data / "sst2").mkdir()
    lines = [json.dumps({"text": " ".join(random.choice(words, 9)), "label": 0}) for _ in range(90)]
    (data / "sst2" / "train.jsonl").write_text("\n".join(lines))
    return folder, data


@pytest.fixture
def out(folders, tmp_path, monkeypatch):
    for name, folder in zip(("CORPUS", "DATA", "CHECKPOINTS"), (*folders, tmp_path), strict=True):
        monkeypatch.setenv(f"ICLBOOK_{name}", str(folder))
    return tmp_path


def test_a_run_learns_and_leaves_a_model_that_loads(out):
    record = records.run("english-pretraining", TINY | dict(steps=60, every=20), name="cpu")
    records.write(record, out)
    losses = record["validation"]
    assert record["step"] == [0, 20, 40, 60]
    assert losses[-1] < losses[0] - 1
    assert record["validation_nats_a_token"] == pytest.approx(losses[-1], abs=0.2)
    a_character = record["validation_bits_a_character"] / record["validation_nats_a_token"]
    assert a_character == pytest.approx(1 / (record["characters_a_token"] * np.log(2)))
    for pairs in ("bigram", "bigram_of_all_text"):
        assert losses[-1] > record[f"{pairs}_nats_a_token"] > 1.5  # words at random: log 11
    assert record["label_words"]["Positive"] == 0
    assert str(out) not in record.to_json()
    model = load_model(str(out / "model"))
    assert model.window == 32
    assert model.origin["n_parameters"] == record["parameters"]
    rows = torch.tensor([model.tokenizer.encode("the dog sleeps . the cat")])
    assert torch.isfinite(model.net(input_ids=rows).logits).all()


def test_a_stopped_training_goes_on_to_the_same_model(out, monkeypatch, tmp_path):
    whole = Reader(**TINY).run()
    batch = Reader.batch
    monkeypatch.setenv("ICLBOOK_CHECKPOINTS", str(tmp_path / "parts"))

    def stops(how, streams, step):
        if step == 5:
            raise KeyboardInterrupt
        return batch(how, streams, step)

    with monkeypatch.context() as patch:
        patch.setattr(Reader, "batch", stops)
        with pytest.raises(KeyboardInterrupt):
            Reader(**TINY).run()
    parts = Reader(**TINY).run()
    assert parts.deterministic == whole.deterministic
    models = [
        (folder / "model" / "model.safetensors").read_bytes()
        for folder in (out, tmp_path / "parts")
    ]
    assert models[0] == models[1]


def test_the_state_of_other_settings_is_refused(out):
    Reader(**TINY | dict(steps=2)).run()
    with pytest.raises(ValueError, match=r"english\.pt is the state .* window was 32 and is 24"):
        Reader(**TINY | dict(steps=2, window=24)).run()


def test_rows_of_both_sorts_are_all_read_once_a_time():
    how = Reader(**TINY | dict(rows=4, text_rows=5))
    streams = [Rows(np.arange(1600, dtype=np.uint16) + 1600 * i, 32, [0, i]) for i in (0, 1)]
    found = [how.batch(streams, step) for step in range(12)]
    texts = [[int(row[0, 0]) >= 1600 for row in batch] for batch in found]
    assert [sum(map(sum, texts[i : i + 4])) for i in (0, 4, 8)] == [5, 5, 5]
    assert max(map(sum, texts)) == 2
    first = [int(row[0, 0]) for batch in found for row in batch if row[0, 0] < 1600]
    assert len(set(first)) == len(first) == 33
    assert {f % 32 for f in first} == {first[0] % 32}
    again = how.batch([Rows(s.tokens, 32, s.seed) for s in streams], 7)
    np.testing.assert_array_equal(again, found[7])
    assert not np.array_equal(streams[0][0], streams[0][49])
    with pytest.raises(ValueError, match="has 40 tokens; expected 64 or more"):
        Rows(np.arange(40), 32, [0])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (dict(text_rows=17), "text_rows is 17"),
        (dict(vocabulary=100), "vocabulary is 100"),
        (dict(width=30, heads=4), "width is 30"),
        (dict(steps=10, every=4), "every is 4"),
        (dict(fall=1.0), "fall is 1.0"),
        (dict(minutes=0.0), "minutes is 0.0"),
        (dict(precision="int8"), "precision is 'int8'"),
    ],
)
def test_bad_settings_are_named(settings, says):
    with pytest.raises(ValueError, match=says):
        Reader(**TINY | settings)


def test_folders_that_are_not_named(monkeypatch, folders):
    monkeypatch.delenv("ICLBOOK_CORPUS", raising=False)
    monkeypatch.delenv("ICLBOOK_DATA", raising=False)
    with pytest.raises(ValueError, match="name one with --corpus, or set ICLBOOK_CORPUS"):
        Reader(**TINY).run()
    monkeypatch.setenv("ICLBOOK_CORPUS", str(folders[0]))
    with pytest.raises(ValueError, match="name one with --data"):
        Reader(**TINY).run()


def test_the_command_trains_and_writes_model_and_record(folders, tmp_path, monkeypatch, capsys):
    for name in ("CORPUS", "DATA", "CHECKPOINTS"):
        monkeypatch.setenv(f"ICLBOOK_{name}", "unused")  # the command's folders count
    given = [f"--{key}={value}" for key, value in TINY.items()]
    paths = ["--corpus", str(folders[0]), "--data", str(folders[1]), "--out", str(tmp_path)]
    assert main(["pretrain", *paths, *given, "--name", "small"]) == 0
    assert "validation" in capsys.readouterr().out
    record = records.load("english-pretraining", "small", tmp_path)
    assert record.config["width"] == 16
    assert (tmp_path / "model" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--corpus", "nowhere"], "nowhere is no folder"),
        (["--corpus", "x", "--story", "0.1"], "--story is for the model that comes with the book"),
        (["--vocabulary", "300", "--data", "x"], "--data, --vocabulary are for the model that rea"),
    ],
)
def test_bad_options_are_named(arguments, says, tmp_path, monkeypatch, capsys):
    for name in ("CORPUS", "DATA", "CHECKPOINTS"):
        monkeypatch.setenv(f"ICLBOOK_{name}", "unused")
    assert main(["pretrain", "--out", str(tmp_path), *arguments]) == 1
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
