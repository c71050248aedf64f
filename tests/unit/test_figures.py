"""Figures: colours that can be told apart, small pictures, and values for the prose."""

import itertools
import re
from importlib import resources

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from iclbook import figures

ROLES = {role: code for role, code in figures.COLOURS.items() if role != "neutral"}

# Colour vision deficiencies on linear RGB (Machado, Oliveira and Fernandes 2009, severity 1).
VISION = {
    "usual": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(code):
    c = np.array(to_rgb(code))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(code, ground):
    dark, light = sorted(TO_XYZ[1] @ linear(c) for c in (code, ground))
    return (light + 0.05) / (dark + 0.05)


def lab(rgb):
    t = TO_XYZ @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def page_colours():
    """Colours of the components in the page: light and dark."""
    text = resources.files("iclbook").joinpath("web", "components.css").read_text("utf-8")
    blocks = re.findall(r"\{([^{}]*--trained:[^{}]*)\}", text)
    return [dict(re.findall(r"--([a-z-]+): (#\w{6});", block)) for block in blocks]


LIGHT, DARK = page_colours()


@pytest.mark.parametrize(
    ("colours", "ground"),
    [(ROLES, "#ffffff"), (LIGHT, LIGHT["paper"]), (DARK, DARK["paper"])],
    ids=["figures", "light page", "dark page"],
)
def test_colours_can_be_read_as_text_and_told_apart(colours, ground):
    roles = {k: v for k, v in colours.items() if k not in ("paper", "rule", "axis")}
    assert min(contrast(code, ground) for code in roles.values()) >= 4.5
    for matrix in VISION.values():
        seen = [lab(np.asarray(matrix) @ linear(code)) for code in roles.values()]
        gaps = [np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)]
        assert min(gaps) > 18


def test_the_page_has_the_colours_of_the_figures():
    for role in ("trained", "attention", "query", "demonstration", "zero_shot"):
        assert LIGHT[role.replace("_", "-")] == figures.COLOURS[role]
    assert LIGHT["ink"] == figures.COLOURS["difference"]


def test_the_style_starts_with_the_colours_of_training_and_attention():
    with plt.rc_context():
        figures.use_style()
        colours = plt.rcParams["axes.prop_cycle"].by_key()["color"]
        assert colours[:2] == [figures.COLOURS["trained"], figures.COLOURS["attention"]]
        assert plt.rcParams["savefig.facecolor"] == "white"


@pytest.fixture
def pictures():
    yield np.arange(4 * 64, dtype=float).reshape(4, 64)
    plt.close("all")


def test_flat_pictures_are_drawn_square_on_one_scale(pictures):
    figure = figures.image_row(pictures, ["a", "b", "c", "d"], columns=3)
    axes = [axis for axis in figure.axes if axis.images]
    assert len(axes) == 4
    assert len(figure.axes) == 6
    assert axes[0].images[0].get_array().shape == (8, 8)
    assert {axis.images[0].get_clim() for axis in axes} == {(0.0, 255.0)}
    assert [axis.get_title() for axis in axes] == ["a", "b", "c", "d"]


def test_signed_pictures_have_white_at_zero(pictures):
    image = figures.image_row(pictures - 100).axes[0].images[0]
    assert image.get_clim() == (-155.0, 155.0)
    assert image.get_cmap().name == figures.SIGNED
    assert figures.image_row(pictures - 100, limit=10).axes[0].images[0].get_clim() == (-10, 10)


@pytest.mark.parametrize(
    ("images", "titles", "message"),
    [
        (np.ones((2, 63)), None, "got 63 pixels"),
        (np.ones((0, 8, 8)), None, "n >= 1"),
        (np.ones(64), None, r"shape \(n, height, width\)"),
        (np.ones((2, 64)), ["one"], "2 images need as many titles, got 1"),
    ],
)
def test_wrong_pictures_are_refused(images, titles, message):
    with pytest.raises(ValueError, match=message):
        figures.image_row(images, titles)


def test_glue_stores_the_text_as_it_is(monkeypatch):
    stored = []
    monkeypatch.setattr(figures, "display", lambda data, **more: stored.append((data, more)))
    figures.glue("loss", "0.930")
    (data, more) = stored[0]
    assert data == {"application/papermill.record/text/plain": "0.930"}
    assert more["metadata"]["scrapbook"] == {
        "name": "loss",
        "mime_prefix": "application/papermill.record/",
    }
    assert more["raw"] is True


@pytest.mark.usefixtures("plain_python")
@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("loss", 0.93, TypeError, r"takes a str, got float; .* glue\('loss', f\"{value:.3f}\"\)"),
        ("loss", np.float64(0.93), TypeError, "takes a str, got float64"),
        ("loss", " ", ValueError, "empty text"),
        ("my loss", "1", ValueError, "got 'my loss'"),
        ("", "1", ValueError, "glue name"),
        (3, "1", ValueError, "got 3"),
    ],
)
def test_glue_takes_rounded_text_under_a_plain_name(name, text, error, message):
    with pytest.raises(error, match=message):
        figures.glue(name, text)
