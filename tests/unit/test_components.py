"""Controls of a page: the static form, the live form, and the text table that goes with both."""

import base64
import io
import json
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from iclbook import controls

STATE = {"W": [[0.5, 0.0], [0.0, 0.5]], "keys": [[1.0, 0.0]], "values": [[0.0, 1.0]],
         "query": [1.0, 1.0]}  # fmt: skip
TABLE = [{"demonstration": 1, "k.q": 1.0}]


class Elements(HTMLParser):
    """The elements of a page as (name, attributes), and its text."""

    def __init__(self, text):
        super().__init__()
        self.found, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def __getitem__(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture
def shown(monkeypatch):
    """What the controls display, in the static form unless a test says otherwise."""
    monkeypatch.setenv("ICLBOOK_STATIC", "1")
    found = []
    monkeypatch.setattr(controls, "display", lambda data, **_: found.append(data))
    plt.close("all")
    return found


def line(value):
    figure, axis = plt.subplots(figsize=(3, 2))
    axis.plot([0, value])
    axis.set_ylim(0, 10)
    return figure


def play(values=(1, 2, 5), **changed):
    options = {
        "label": "slope & more",
        "table": lambda v: {"double": 2.0 * v, "name": f"<{v}>"},
        "alt": lambda v: f"The line rises to {v}.",
        "start": 1,
    }
    draw = changed.pop("draw", line)
    controls.play(draw, values, **(options | changed))


def test_the_static_slider_holds_every_frame_and_shows_the_first(shown):
    play()
    page = Elements(shown[0]["text/html"])
    frames = page["img"]
    assert [frame["data-value"] for frame in frames] == ["1", "2", "5"]
    assert ["hidden" in frame for frame in frames] == [True, False, True]
    assert frames[2]["data-sentence"] == "The line rises to 5."
    assert all(frame["alt"] for frame in frames)
    pictures = [
        Image.open(io.BytesIO(base64.b64decode(frame["src"].split(",")[1]))) for frame in frames
    ]
    assert {picture.mode for picture in pictures} == {"P"}
    assert {picture.size for picture in pictures} == {
        (int(frames[0]["width"]), int(frames[0]["height"]))
    }
    assert len({picture.convert("RGB").tobytes() for picture in pictures}) == 3
    slider = page["input"][0]
    assert (slider["type"], slider["min"], slider["max"], slider["value"]) == (
        "range",
        "0",
        "2",
        "1",
    )
    assert plt.get_fignums() == []


def test_without_script_the_control_is_hidden_and_the_table_is_there(shown):
    play()
    page = Elements(shown[0]["text/html"])
    assert "hidden" in page["label"][0]
    words = [word for word in page.words if word.strip()]
    for cell in ("double", "name", "<5>", "10", "The line rises to 2."):
        assert cell in words
    assert page["script"] == []


def test_the_text_table_has_the_numbers_of_every_frame(shown):
    play(table=lambda v: {"double": 2 * v, "third": v / 3, "name": f"<{v}>"})
    assert shown[0]["text/plain"].splitlines() == [
        "slope & more  double   third  name",
        "           1       2  0.3333   <1>",
        "           2       4  0.6667   <2>",
        "           5      10   1.667   <5>",
    ]


def test_a_dozen_full_size_frames_stay_small(shown):
    rng = np.random.default_rng(0)

    def draw(value):
        figure, axes = plt.subplots(1, 2, figsize=(6.4, 3.4), dpi=130)
        axes[0].plot(rng.standard_normal(300).cumsum())
        axes[1].scatter(*rng.standard_normal((2, 200)), s=8)
        return figure

    play(list(range(12)), draw=draw)
    assert 20_000 < len(shown[0]["text/html"]) < controls.MAX_FRAMES_BYTES


@pytest.mark.usefixtures("plain_python")
@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"values": [1]}, ValueError, "2 to 40 entries, got 1"),
        ({"start": 3}, ValueError, "index from 0 to 2, got 3"),
        ({"draw": lambda v: None}, TypeError, "must return a matplotlib Figure, got NoneType"),
        ({"table": lambda v: [v]}, TypeError, "must be a dict, got list"),
        ({"table": lambda v: {"a": None}}, TypeError, "got NoneType: None"),
        ({"table": lambda v: {f"a{v}": v}}, ValueError, "must share the columns"),
    ],
)
def test_what_cannot_be_played_is_refused(shown, changed, error, message):
    with pytest.raises(error, match=message):
        play(**changed)
    assert shown == []


def test_frames_that_are_too_heavy_are_refused(shown, monkeypatch):
    monkeypatch.setattr(controls, "MAX_FRAMES_BYTES", 2000)
    with pytest.raises(ValueError, match=r"the 3 frames take .* fewer values or a smaller figure"):
        play()


def test_live_the_slider_draws_again(shown, monkeypatch):
    monkeypatch.delenv("ICLBOOK_STATIC")
    play()
    slider, picture, sentence = shown[0].children
    assert [text for text, _ in slider.options] == ["1", "2", "5"]
    assert slider.description == "slope & more"
    assert sentence.value == "The line rises to 2."
    before = bytes(picture.value)
    slider.index = 2
    assert sentence.value == "The line rises to 5."
    assert bytes(picture.value).startswith(b"\x89PNG")
    assert bytes(picture.value) != before
    assert plt.get_fignums() == []


def test_an_explorable_carries_its_state_and_its_table(shown):
    controls.explorable("fast-weights", STATE, table=TABLE)
    page = Elements(shown[0]["text/html"])
    assert page["div"][0]["data-explorable"] == "fast-weights"
    assert json.loads(page["div"][0]["data-state"]) == STATE
    assert "open" in page["details"][0]
    assert page["script"] == page["style"] == []
    assert shown[0]["text/plain"] == "demonstration  k.q\n            1    1"


def test_live_an_explorable_brings_its_script_and_style(shown, monkeypatch):
    monkeypatch.delenv("ICLBOOK_STATIC")
    controls.explorable("fast-weights", STATE, table=TABLE)
    page = Elements(shown[0]["text/html"])
    assert len(page["script"]) == len(page["style"]) == 1
    assert "src" not in page["script"][0]


def test_an_explorable_brings_its_own_script_alone(shown, monkeypatch):
    monkeypatch.delenv("ICLBOOK_STATIC")
    controls.explorable("fast-weights", STATE, table=TABLE)
    script = shown[0]["text/html"].partition("<script>")[2]
    assert 'register("fast-weights"' in script
    assert 'register("gdpp"' not in script


def test_an_explorable_may_have_a_picture_of_its_start(shown):
    controls.explorable("fast-weights", STATE, table=TABLE, picture=line(2), alt='A "line".')
    image = Elements(shown[0]["text/html"])["img"][0]
    assert image["alt"] == 'A "line".'
    raw = base64.b64decode(image["src"].partition(",")[2])
    assert Image.open(io.BytesIO(raw)).size[0] > 100
    with pytest.raises(ValueError, match="needs alt"):
        controls.explorable("fast-weights", STATE, table=TABLE, picture=line(2))
    plt.close("all")


@pytest.mark.parametrize(
    ("name", "state", "table", "message"),
    [
        ("fast-weight", STATE, TABLE, "no explorable 'fast-weight'; known: .*fast-weights, gdpp"),
        ("fast-weights", {"W": float("nan")}, TABLE, "JSON without NaN"),
        ("fast-weights", {"W": np.eye(2)}, TABLE, r"use \.tolist\(\)"),
        ("fast-weights", STATE, [], "no rows"),
        ("fast-weights", STATE, [{"a": 1}, {"b": 1}], r"share the columns \['a'\], got \['b'\]"),
    ],
)
def test_what_cannot_be_explored_is_refused(shown, name, state, table, message):
    with pytest.raises(ValueError, match=message):
        controls.explorable(name, state, table=table)
    assert shown == []
