import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import datasets
import huggingface_hub
import numpy as np
import pytest
from classification_rows import data_folder
from hypothesis import given
from hypothesis import strategies as st

from iclbook.gpt.text import data
from iclbook.gpt.text.demonstrations import draw, read_demonstrations, selection
from iclbook.gpt.text.tasks import MINI, TASKS, Hub, Task, load_toml
from iclbook.gpt.text.write import write_task

REVIEWS = Task("reviews", "Review: {text} Good:", ("no", "yes"))
PAIRS = Task("pairs", "{premise} So {hypothesis}?", ("no", "yes"), ("premise", "hypothesis"))


def rows(n: int, start: int = 0) -> list[dict]:
    return [{"text": f"film {i}", "label": i % 2} for i in range(start, start + n)]


def write(path, lines) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return data_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def loaded_by_name(folder):
    return cache(lambda name: data.load_rows(name, folder))


@pytest.fixture(autouse=True)
def no_folder_from_outside(monkeypatch):
    monkeypatch.delenv("ICLBOOK_DATA", raising=False)


def lines(folder, name, split) -> list[dict]:
    with (folder / name / f"{split}.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


SPLIT = {"cb": "validation", "sst2": "validation", "subj": "validation", "agnews": "test"}


@pytest.mark.parametrize("name", SPLIT)
def test_evaluated_rows_are_the_authors_shuffle_and_cap(folder, loaded_by_name, name):
    loaded = loaded_by_name(name)
    raw = lines(folder, name, SPLIT[name])
    theirs = datasets.Dataset.from_list(raw).shuffle(seed=1).to_list()[:2000]
    columns = [*TASKS[name].columns, "label"]
    assert list(loaded.evaluation) == [{c: row[c] for c in columns} for row in theirs]
    assert loaded.origin["evaluation_split"] == SPLIT[name]
    assert loaded.origin["evaluation_rows"] == len(raw)
    assert loaded.origin["evaluated"] == min(len(raw), 2000)
    assert f"{len(loaded.evaluation)} of {len(raw)} evaluation rows" in loaded.summary


@pytest.mark.parametrize("name", ["cb", "sst2", "sst5", "subj", "mr", "agnews", "rte", "trec"])
def test_no_evaluated_prompt_is_a_training_prompt(folder, loaded_by_name, name):
    loaded = loaded_by_name(name)
    prompts = {loaded.task.prompt(row) for row in loaded.train}
    assert prompts.isdisjoint(loaded.task.prompt(row) for row in loaded.evaluation)
    everything = data.load_rows(name, folder, deduplicate=False)
    assert len(everything.train) == len(lines(folder, name, "train"))
    assert len(everything.train) == len(loaded.train) + loaded.origin["dropped"]


def test_repeats_are_dropped_and_counted_or_kept():
    evaluation = rows(5)
    train = [{"text": " film 3 ", "label": 0}, *rows(10, start=5), {"text": "film 4", "label": 1}]
    loaded = data.from_rows(REVIEWS, train, evaluation)
    assert (len(loaded.train), loaded.origin["dropped"]) == (10, 2)
    assert "2 more equal an evaluation row" in loaded.summary
    kept = data.from_rows(REVIEWS, train, evaluation, deduplicate=False)
    assert (len(kept.train), kept.origin["dropped"]) == (12, 0)
    with pytest.raises(ValueError, match="every training row"):
        data.from_rows(REVIEWS, evaluation, evaluation)


def test_files_are_recorded_by_name_and_hash(loaded_by_name):
    origin = loaded_by_name("cb").origin
    assert list(origin["files"]) == ["cb/train.jsonl", "cb/validation.jsonl"]
    assert all(len(value) == 64 for value in origin["files"].values())
    assert json.loads(json.dumps(origin)) == origin


@given(st.integers(0, 40), st.integers(0, 10), st.integers(0, 99))
def test_draws_are_nested_repeatable_and_without_repeats(k, fewer, seed):
    loaded = data.from_rows(REVIEWS, rows(40), rows(5, start=40))
    drawn = draw(loaded, k, seed)
    assert len({row["text"] for row in drawn}) == k
    assert draw(loaded, min(fewer, k), seed) == drawn[: min(fewer, k)]


def test_seeds_and_schemes_draw_different_rows(loaded_by_name):
    loaded = loaded_by_name("cb")
    draws = [draw(loaded, 32, seed) for seed in range(1, 6)]
    draws.append(draw(loaded, 32, 1, scheme="authors"))
    texts = {tuple(row["premise"] + row["hypothesis"] for row in rows) for rows in draws}
    assert len(texts) == 6


def test_more_demonstrations_than_training_rows():
    loaded = data.from_rows(REVIEWS, rows(8), rows(5, start=40))
    with pytest.raises(ValueError, match="k is 9, but task 'reviews' has 8 training rows"):
        draw(loaded, 9, seed=1)
    with pytest.raises(ValueError, match="scheme is 'theirs'; expected one of 'book', 'authors'"):
        draw(loaded, 4, seed=1, scheme="theirs")


@pytest.mark.parametrize("name", ["cb", "mr", "rte"])
def test_the_authors_demonstrations_from_local_rows(folder, loaded_by_name, name):
    loaded = loaded_by_name(name)
    for seed in (1, 3, 5):
        theirs = datasets.Dataset.from_list(lines(folder, name, "train")).shuffle(seed=seed)
        expected = theirs.select(range(32)).to_list()
        assert draw(loaded, 32, seed, scheme="authors") == expected


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("sst2", "another order"),
        ("sst5", "miss a training row"),
        ("subj", "split its rows differently"),
        ("agnews", "a sample"),
        ("trec", "cut a validation split"),
    ],
)
def test_the_authors_demonstrations_are_refused_where_they_cannot_be_had(
    loaded_by_name, name, reason
):
    with pytest.raises(ValueError, match=rf"{name!r}.*{reason}.*use the hub"):
        draw(loaded_by_name(name), 4, seed=1, scheme="authors")


def test_the_authors_demonstrations_need_every_row(tmp_path):
    write(tmp_path / "mr/train.jsonl", rows(100))
    write(tmp_path / "mr/validation.jsonl", rows(10, start=100))
    with pytest.raises(ValueError, match="there are 100 training rows, and the hub has 8530"):
        draw(data.load_rows("mr", tmp_path), 4, seed=1, scheme="authors")
    write(tmp_path / "mr/train.jsonl", rows(8530))
    write(tmp_path / "mr/validation.jsonl", rows(10, start=8525))
    with pytest.raises(ValueError, match=r"5 training rows .* were dropped"):
        draw(data.load_rows("mr", tmp_path), 4, seed=1, scheme="authors")
    whole = data.load_rows("mr", tmp_path, deduplicate=False)
    assert len(draw(whole, 4, seed=1, scheme="authors")) == 4
    with pytest.raises(ValueError, match="does not have these rows"):
        draw(data.from_rows(REVIEWS, rows(9), rows(1, 9)), 4, seed=1, scheme="authors")


def test_selection_rows_are_neither_demonstrations_nor_evaluated():
    loaded = data.from_rows(REVIEWS, [*rows(30), *rows(30)], rows(5, start=40))
    demos = draw(loaded, 8, seed=2)
    chosen = selection(loaded, 20, seed=2, without=demos)
    assert len(chosen) == 20
    assert {row["text"] for row in chosen}.isdisjoint(row["text"] for row in demos)
    assert chosen == selection(loaded, 20, seed=2, without=demos)
    with pytest.raises(ValueError, match=r"n is 60.*training rows besides"):
        selection(loaded, 60, seed=2, without=demos)


GOOD = '{"premise": "a", "hypothesis": "b", "label": 1}\n'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; expected rows such as"),
        (b"\n\n", "is empty"),
        (b"premise,hypothesis,label\n", "line 1 is no JSON"),
        (GOOD.encode() + b"\n" + GOOD[:-9].encode(), "line 3 is no JSON"),
        (GOOD.encode() + b'{"premise": "caf\xe9"}\n', "line 2 is no UTF-8"),
        (GOOD.encode() + b"[1, 2]\n", r"line 2: '\[1, 2\]' is no object"),
        (b'{"premise": "a", "label": 1}', "line 1: column 'hypothesis' .* is missing; .*'premise'"),
        (b'{"premise": "a", "hypothesis": 3, "label": 1}', "'hypothesis' is '3'; expected a stri"),
        (b'{"premise": "a", "hypothesis": " ", "label": 1}', "column 'hypothesis' is empty"),
        (b'{"premise": "a", "hypothesis": "b"}', r"the label is missing; expected .*\"label\": 0"),
        (b'{"premise": "a", "hypothesis": "b", "label": 2}', "line 1: label is 2"),
        (b'{"premise": "a", "hypothesis": "b", "label": -1}', "label is -1"),
        (b'{"premise": "a", "hypothesis": "b", "label": true}', "label is True"),
        (b'{"premise": "a", "hypothesis": "b", "label": "maybe"}', "label is 'maybe'"),
        (b'{"premise": "a", "hypothesis": "b", "label": "1"}', "label is '1'"),
        (b'{"premise": "a", "hypothesis": "\\ud83d", "label": 1}', "half of a surrogate pair"),
        (b"[" * 100_000, "line 1 is no JSON"),
    ],
)
def test_unsound_files_are_refused_by_file_and_line(tmp_path, content, message):
    (tmp_path / "pairs").mkdir()
    (tmp_path / "pairs/train.jsonl").write_text(GOOD)
    (tmp_path / "pairs/validation.jsonl").write_bytes(content)
    with pytest.raises(ValueError, match=rf"pairs.validation\.jsonl.*{message}"):
        data.load_rows(PAIRS, tmp_path)


def test_rows_of_python_are_checked_too():
    with pytest.raises(ValueError, match="train, row 1: label is 7"):
        data.from_rows(REVIEWS, [*rows(1), {"text": "b", "label": 7}], rows(1, 9))
    with pytest.raises(ValueError, match="evaluation of task 'reviews' has no rows"):
        data.from_rows(REVIEWS, rows(1), [])


def test_missing_folders_and_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train\.jsonl does not exist.*validation\.jsonl"):
        data.load_rows("cb", tmp_path / "nowhere")
    write(tmp_path / "reviews/train.jsonl", rows(5))
    with pytest.raises(FileNotFoundError, match=r"reviews.validation\.jsonl does not exist"):
        data.load_rows(REVIEWS, tmp_path)
    with pytest.raises(ValueError, match="source is 'folder', but no folder is given"):
        data.load_rows("cb", source="folder")
    with pytest.raises(ValueError, match="'reviews' has no data set on the hub; put reviews/train"):
        data.load_rows(REVIEWS)
    with pytest.raises(ValueError, match="source is 'web'"):
        data.load_rows("cb", source="web")
    with pytest.raises(ValueError, match="'cb' is no mini task"):
        data.load_rows("cb", source="mini")


def test_the_folder_of_the_environment(tmp_path, monkeypatch):
    write(tmp_path / "reviews/train.jsonl", rows(5))
    write(tmp_path / "reviews/test.jsonl", rows(3, start=5))
    monkeypatch.setenv("ICLBOOK_DATA", str(tmp_path))
    loaded = data.load_rows(REVIEWS)
    assert (loaded.origin["source"], loaded.origin["evaluation_split"]) == ("folder", "test")
    assert (len(loaded.train), len(loaded.evaluation)) == (5, 3)


def test_a_task_of_your_own_from_a_toml_file(tmp_path):
    write(tmp_path / "mine.jsonl", rows(5))
    write(tmp_path / "held.jsonl", rows(4, start=5))
    (tmp_path / "t.toml").write_text(
        'name = "reviews"\ntemplate = "Review: {text} Good:"\nlabels = ["no", "yes"]\n'
        'cap = 3\nfiles = {train = "mine.jsonl", evaluation = "held.jsonl"}\n'
    )
    loaded = data.load_rows(load_toml(tmp_path / "t.toml"))
    assert (len(loaded.train), len(loaded.evaluation)) == (5, 3)
    assert list(loaded.origin["files"]) == ["mine.jsonl", "held.jsonl"]


def test_a_task_s_own_files_come_before_a_built_in_name(tmp_path, monkeypatch):
    write(tmp_path / "mine.jsonl", rows(5))
    write(tmp_path / "held.jsonl", rows(4, start=5))
    monkeypatch.setenv("ICLBOOK_DATA", str(data_folder(tmp_path / "data")))
    for name in ("sst2", "mini-sst2"):
        (tmp_path / "t.toml").write_text(
            f'name = "{name}"\ntemplate = "Review: {{text}} Good:"\nlabels = ["no", "yes"]\n'
            'files = {train = "mine.jsonl", evaluation = "held.jsonl"}\n'
        )
        loaded = data.load_rows(load_toml(tmp_path / "t.toml"))
        assert (loaded.origin["source"], len(loaded.train)) == ("folder", 5)


TABLES = {
    "train.csv": 'text,label,extra\n"a film, and long",yes,1\n"a ""film""\nof two lines",0,2\n',
    "test.tsv": "label\ttext\n1\ta film, and long\n0\tanother\n",
}


def test_tables_have_names_in_their_first_line_and_labels_as_ids_or_words(tmp_path):
    (tmp_path / "reviews").mkdir()
    for name, content in TABLES.items():
        (tmp_path / "reviews" / name).write_bytes(b"\xef\xbb\xbf" + content.encode())
    loaded = data.load_rows(REVIEWS, tmp_path, deduplicate=False)
    assert loaded.train == (
        {"text": "a film, and long", "label": 1},
        {"text": 'a "film"\nof two lines', "label": 0},
    )
    assert {row["label"] for row in loaded.evaluation} == {0, 1}
    assert list(loaded.origin["files"]) == ["reviews/train.csv", "reviews/test.tsv"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("text,label\n", "is empty"),
        ("text,label\na,b,1\n", "line 2 has 3 cells under 2 names.*double quotes"),
        ("text,label\na\n", "line 2 has 1 cells under 2 names"),
        ("text\na\n", "line 2: label is None"),
        ("text,label\na,maybe\n", "line 2: label is 'maybe'.*its word"),
        ("words,label\na,1\n", "column 'text' .* is missing"),
        ('text,label\n"a,1\n', "is no table"),
    ],
)
def test_unsound_tables_are_refused_by_file_and_line(tmp_path, content, message):
    (tmp_path / "rows.csv").write_text(content)
    with pytest.raises(ValueError, match=rf"rows\.csv.*{message}"):
        read_demonstrations(tmp_path / "rows.csv", REVIEWS)


def test_given_demonstrations_keep_their_order(tmp_path):
    given = rows(4)[::-1]
    write(tmp_path / "given.jsonl", given)
    found, digest = read_demonstrations(tmp_path / "given.jsonl", REVIEWS)
    assert found == given
    write(tmp_path / "given.jsonl", given[:3])
    assert read_demonstrations(tmp_path / "given.jsonl", REVIEWS)[1] != digest
    with pytest.raises(FileNotFoundError, match=r"none\.jsonl does not exist"):
        read_demonstrations(tmp_path / "none.jsonl", REVIEWS)


@pytest.mark.parametrize("name", MINI)
def test_mini_tasks_come_with_the_package(name):
    loaded = data.load_rows(name)
    assert loaded.origin["source"] == "mini"
    assert len(loaded.train) >= 64
    assert {row["label"] for row in loaded.evaluation} == set(range(len(loaded.task.labels)))


@pytest.mark.parametrize("name", ["mr", "subj"])
def test_real_sentences_come_with_the_package(name):
    loaded = data.load_rows(name, "package", deduplicate=False)
    files = {split: data.PACKAGED / name / f"{split}.jsonl" for split in ("train", "validation")}
    assert loaded.origin["source"] == "package"
    assert loaded.origin["files"] == {
        f"{name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files.values()
    }
    for rows, n in ((loaded.train, 120), (loaded.evaluation, 80)):
        assert Counter(row["label"] for row in rows) == {0: n, 1: n}
    texts = [row["text"] for row in (*loaded.train, *loaded.evaluation)]
    assert len(set(texts)) == len(texts)
    assert all(text == text.strip() and text.islower() for text in texts)
    for path in files.values():
        hashes = [
            hashlib.sha256(json.loads(line)["text"].encode()).hexdigest()
            for line in path.read_text(encoding="utf-8").splitlines()
        ]
        assert hashes == sorted(hashes)
    # What the search for a learning rate needs by default is there.
    demos = draw(loaded, 32, seed=0)
    assert len(selection(loaded, 200, seed=0, without=demos)) == 200


def test_the_attribution_names_authors_licence_and_sources():
    text = (data.PACKAGED / "ATTRIBUTION.md").read_text(encoding="utf-8")
    for part in (
        "Bo Pang and Lillian Lee",
        "creativecommons.org/licenses/by/4.0",
        "What was changed",
    ):
        assert part in text


def without_a_hub(code: str, home: Path, offline: str) -> subprocess.CompletedProcess:
    """Run code where the hub does not answer, or is not to be asked."""
    env = os.environ | {
        "HF_ENDPOINT": "http://127.0.0.1:9",  # nobody listens there
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": offline,
    }
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )


@pytest.mark.parametrize("offline", ["0", "1"])
def test_without_a_hub_the_rows_of_the_package_are_used_and_a_line_says_so(tmp_path, offline):
    code = (
        "import time; start = time.time()\n"
        "from iclbook.gpt.text import data\n"
        "print(data.load_rows('mr').origin['source'], time.time() - start < 30)"
    )
    out = without_a_hub(code, tmp_path, offline)
    assert out.stdout == "package True\n"
    assert out.stderr == "mr: the few hundred rows of the package, as the hub cannot be reached\n"


def test_without_datasets_the_rows_of_the_package_are_used(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert data.load_rows("subj").origin["source"] == "package"
    assert "subj: the few hundred rows of the package" in capsys.readouterr().err
    with pytest.raises(ImportError, match=r"'cb' comes from the hub .*pip install datasets"):
        data.load_rows("cb")


def test_the_package_stands_in_for_the_hub_only(hub_copy, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    # A folder that is named has to have the task, and asking for the hub means the hub.
    with pytest.raises(FileNotFoundError, match=r"mr.train\.jsonl does not exist"):
        data.load_rows("mr", tmp_path)
    with pytest.raises(ImportError, match="pip install datasets"):
        data.load_rows("mr", "hub")
    # A task of one's own with the same name has other rows.
    with pytest.raises(ImportError, match="pip install datasets"):
        data.load_rows(dataclasses.replace(REVIEWS, name="mr", hub=hub_copy))
    with pytest.raises(ValueError, match="no rows of task 'cb'; expected one of subj, mr"):
        data.load_rows("cb", source="package")
    # ICLBOOK_DATA counts for the tasks that it has.
    write(tmp_path / "mr/train.jsonl", rows(5))
    write(tmp_path / "mr/validation.jsonl", rows(4, start=5))
    monkeypatch.setenv("ICLBOOK_DATA", str(tmp_path))
    assert data.load_rows("mr").origin["source"] == "folder"
    assert data.load_rows("subj").origin["source"] == "package"
    assert data.load_rows("mr", "package").origin["source"] == "package"
    with pytest.raises(ValueError, match="the authors' code does not have these rows"):
        draw(data.load_rows("mr", "package"), 4, seed=1, scheme="authors")


@pytest.fixture
def hub_copy(tmp_path, monkeypatch):
    """A folder with a data set's repository, in the hub's own column names."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    for split, start in (("train", 0), ("validation", 30)):
        named = [
            {"sentence": row["text"], "gold": row["label"], "idx": i}
            for i, row in enumerate(rows(30, start=start))
        ]
        write(tmp_path / f"repository/{split}.jsonl", named)
    return Hub(str(tmp_path / "repository"), columns=("sentence",), label="gold")


def test_hub_columns_are_mapped(hub_copy):
    loaded = data.load_rows(dataclasses.replace(REVIEWS, hub=hub_copy))
    assert loaded.train == tuple(rows(30))
    order = np.random.default_rng(1).permutation(30)
    assert loaded.evaluation == tuple(rows(30, start=30)[i] for i in order)
    assert loaded.origin["source"] == "hub"
    assert (loaded.origin["revision"], loaded.origin["fetched"]) == ("main", None)
    with pytest.raises(ValueError, match="not known to be at a pinned revision"):
        draw(loaded, 4, seed=1, scheme="authors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": "label"}, "no column 'label'; it has 'sentence', 'gold', 'idx'"),
        ({"columns": ()}, "no column 'text'"),
        ({"evaluation": "test"}, "cannot be loaded: Unknown split"),
    ],
)
def test_hub_columns_and_splits_that_are_not_there(hub_copy, change, message):
    task = dataclasses.replace(REVIEWS, hub=dataclasses.replace(hub_copy, **change))
    with pytest.raises(ValueError, match=message):
        data.load_rows(task)


def test_the_revision_that_was_read_is_recorded_and_has_to_be_the_pinned_one(
    hub_copy, monkeypatch, tmp_path
):
    pinned = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / "own___set" / "default" / "0.0.0" / pinned
    loads = [
        datasets.Dataset.from_list([{"text": r["text"], "label": r["label"]} for r in rows(9, s)])
        for s in (0, 9)
    ]
    splits = []
    for name, split in zip(("train", "validation"), loads, strict=True):
        split.save_to_disk(str(cached / name))
        splits.append(datasets.load_from_disk(str(cached / name)))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets, "load_dataset", lambda *a, **k: splits)
    loaded = data.load_rows(dataclasses.replace(REVIEWS, hub=Hub("own/set", revision=pinned)))
    assert loaded.origin["fetched"] == pinned
    expected = loads[0].shuffle(seed=4).to_list()[:3]
    assert draw(loaded, 3, seed=4, scheme="authors") == expected
    other = Hub("own/set", revision=pinned[::-1])
    with pytest.raises(ValueError, match=f"the cached copy is of {pinned}"):
        data.load_rows(dataclasses.replace(REVIEWS, hub=other))


@pytest.mark.parametrize("offline", ["0", "1"])
def test_without_a_network_the_data_set_and_the_ways_out_are_named(tmp_path, offline):
    code = (
        "from iclbook.gpt.text import data\n"
        "try:\n    data.load_rows('sst2')\nexcept ConnectionError as error:\n    print(error)"
    )
    out = without_a_hub(code, tmp_path, offline)
    for part in ("nyu-mll/glue", "'sst2'", "HF_HUB_OFFLINE=1", "sst2/validation.jsonl", "mini"):
        assert part in out.stdout


def test_rows_from_python_can_be_written_as_a_task(tmp_path):
    task = Task("moods", 'Say "{text}"\nMood:', ("bad", "good"), cap=3)
    train, evaluation = (
        [{"text": f'{name} "{i}" — ü\\', "label": i % 2} for i in range(4)]
        for name in ("train", "evaluation")
    )
    path = write_task(task, train, evaluation, tmp_path / "moods")
    read, expected = data.load_rows(load_toml(path)), data.from_rows(task, train, evaluation)
    assert (read.train, read.evaluation) == (expected.train, expected.evaluation)
    assert (read.task.template, read.task.labels) == (task.template, task.labels)
    with pytest.raises(ValueError, match=r"train, row 0.*label is 7"):
        write_task(task, [{"text": "a", "label": 7}], evaluation, tmp_path / "broken")
    assert not (tmp_path / "broken").exists()
