import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iclbook.gpt.text.tasks import MINI, SIX, TASKS, Hub, Task, find_task, get, load_toml

# The authors' code, with "premise" and "hypothesis" for RTE's two sentences.
CODE = {
    "cb": ("P Question: H. True, False, or Neither? Answer: Neither", 2),
    "sst2": ("Sentence: P Label: Positive", 1),
    "sst5": ("Sentence: P Label: great", 4),
    "subj": ("Input: P Type: objective", 0),
    "mr": ("Review: P Sentiment: Negative", 0),
    "agnews": (
        "Classify the news articles into the categories of World, Sports, Business, and "
        "Technology. Article: P Answer: Technology",
        3,
    ),
    "rte": ("Passage: P Question: H Yes or No? Answer: Yes", 0),
    "trec": ("Question: P Type: Number", 5),
}
PAPER = {
    "cb": "P Question: H True, False, or Neither?\nAnswer:",
    "sst2": "Sentence: P\nLabel:",
    "sst5": "Sentence: P\nLabel:",
    "subj": "Input: P\nType:",
    "mr": "Review: P\nSentiment:",
    "agnews": "Classify the news articles into the categories of World, Sports, Business, and "
    "Technology. News: P\nType:",
}
ROW = {"text": "P", "premise": "P", "hypothesis": "H"}
REVIEWS = dict(name="reviews", template="Review: {text} Good:", labels=("no", "yes"))


@pytest.mark.parametrize("name", CODE)
def test_the_code_s_wording(name):
    text, label = CODE[name]
    assert get(name).prompt(ROW) + get(name).answer(label) == text


@pytest.mark.parametrize("name", PAPER)
def test_the_paper_s_wording(name):
    assert get(name, wording="paper").prompt(ROW) == PAPER[name]
    assert get(name, wording="paper").labels == get(name).labels


def test_mini_tasks_have_the_same_templates_and_words():
    assert [f"mini-{name}" for name in SIX] == list(MINI)
    for name in SIX:
        small, real = get(f"mini-{name}"), get(name)
        assert (small.template, small.labels, small.columns) == (
            real.template,
            real.labels,
            real.columns,
        )
        assert small.hub is None


def test_hub_data_are_pinned():
    unpinned = [name for name, task in TASKS.items() if task.hub and not task.hub.pinned]
    assert unpinned == ["trec"]
    assert all("/" in task.hub.id for task in TASKS.values() if task.hub)
    assert {n for n, t in TASKS.items() if t.hub and t.hub.evaluation == "test"} == {
        "subj",
        "agnews",
        "trec",
    }


@pytest.mark.parametrize(
    ("name", "near"), [("sst", "sst2"), ("AGNews", "agnews"), ("mini_mr", "mini-mr")]
)
def test_unknown_task_names_near_ones(name, near):
    with pytest.raises(ValueError, match=rf"'{name}' is unknown.*Did you mean .*{near}"):
        get(name)


def test_unknown_wordings():
    with pytest.raises(ValueError, match="expected 'code' or 'paper'"):
        get("cb", wording="poem")
    with pytest.raises(ValueError, match="'trec' has no wording 'paper'"):
        get("trec", wording="paper")


@given(st.text(), st.sampled_from(["", " ", "\n"]))
def test_any_text_is_filled_in_as_it_is(text, space):
    task = Task(**REVIEWS)
    assert task.prompt({"text": text}, strip=False) == f"Review: {text} Good:"
    assert task.prompt({"text": space + text + space}) == f"Review: {text.strip()} Good:"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"template": "Review: {txt} Good:"}, ValueError, r"fields \['txt'\].*columns are \['te"),
        ({"template": "Review: Good:"}, ValueError, r"has the fields \[\]"),
        ({"columns": ("text", "title")}, ValueError, "expected the same names"),
        ({"template": "Review: {text!r} Good:"}, ValueError, "a column name in braces and nothing"),
        ({"template": "Review: {text.a} Good:"}, ValueError, "a column name in braces and nothing"),
        ({"template": "Review: {text Good:"}, ValueError, "unmatched braces"),
        ({"template": "Review: {text} Good: "}, ValueError, "ends in white space"),
        ({"template": ""}, ValueError, "template of the task is empty"),
        ({"name": 3}, TypeError, "name of the task is 3"),
        ({"labels": ("yes",)}, ValueError, "at least two"),
        ({"labels": "no"}, TypeError, "expected several strings"),
        ({"labels": (0, 1)}, TypeError, "expected several strings"),
        ({"labels": ("yes", "yes")}, ValueError, "different, non-empty"),
        ({"labels": ("no", " yes")}, ValueError, "without outer spaces"),
        ({"columns": ("label",)}, ValueError, "text columns only"),
        ({"cap": 0}, ValueError, "cap of task 'reviews' is 0"),
    ],
)
def test_unsound_tasks_are_refused(plain_python, change, error, message):
    with pytest.raises(error, match=message):
        Task(**(REVIEWS | change))


TOML = """
name = "reviews"
template = "Review: {text} Good:"
labels = ["no", "yes"]
columns = ["text"]
cap = 100

[files]
train = "train.jsonl"
evaluation = "held-out.jsonl"
"""


def test_a_task_from_toml(tmp_path):
    path = tmp_path / "reviews.toml"
    path.write_text(TOML)
    files = (str(tmp_path / "train.jsonl"), str(tmp_path / "held-out.jsonl"))
    assert load_toml(path) == Task(**REVIEWS, cap=100, files=files)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "reviews"', "name = reviews", "is no TOML file"),
        ('name = "reviews"', "", r"missing entries \['name'\]"),
        ("cap = 100", "caps = 100", r"unknown entries \['caps'\]"),
        ('evaluation = "held-out.jsonl"', "", "files is .*expected a table"),
        ('["no", "yes"]', '"no yes"', "expected several strings"),
        ("{text}", "{body}", "expected the same names"),
        ('["no", "yes"]', "3", "labels of task 'reviews' is 3; expected several strings"),
        ('["text"]', "7", "columns of task 'reviews' is 7"),
        ("cap = 100", "cap = true", "cap of task 'reviews' is True"),
        ("cap = 100", 'cap = "all"', "cap of task 'reviews' is 'all'"),
        ('"train.jsonl"', "3", "files is .*expected a table"),
        ("cap = 100", "hub = 3", "hub is 3; expected a table with id"),
        ("cap = 100", 'hub = {id = "a/b", split = "x"}', "hub is .*expected a table with id"),
        ("cap = 100", 'hub = {id = "a/b", columns = "text"}', "columns of hub is 'text'"),
        ('"reviews"', '"my/reviews"', "expected no slash"),
        ("cap = 100", "a = " + "[" * 5000, "is no TOML file"),
    ],
)
def test_unsound_toml_is_refused_with_its_name(plain_python, tmp_path, old, new, message):
    path = tmp_path / "reviews.toml"
    path.write_text(TOML.replace(old, new))
    with pytest.raises((ValueError, TypeError), match=f"reviews.toml.*{message}"):
        load_toml(path)


def test_a_toml_file_with_a_byte_order_mark_and_a_hub(tmp_path):
    path = tmp_path / "reviews.toml"
    text = TOML.split("[files]")[0] + '[hub]\nid = "me/reviews"\ncolumns = ["body"]\n'
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load_toml(path).hub == Hub("me/reviews", columns=("body",))


def test_a_missing_toml_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.toml does not exist"):
        load_toml(tmp_path / "none.toml")


def test_tasks_and_data_are_light_to_import():
    code = (
        "import sys, iclbook.gpt.text.data, iclbook.gpt.text.prompts\n"
        "print({'torch', 'transformers', 'datasets'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"


def test_a_wording_that_a_file_does_not_have_is_refused(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('name = "own"\ntemplate = "{text} Mood:"\nlabels = ["bad", "good"]')
    assert find_task(str(path)).name == "own"
    with pytest.raises(ValueError, match=r"wording is 'paper'.*own\.toml has one template"):
        find_task(str(path), "paper")
