"""Formulas are pictures with MathML, made when the site is built."""

import re

import pytest
from sphinx.errors import ExtensionError

from tools import formulas


@pytest.fixture(scope="module")
def typesetter():
    """MathJax, running."""
    typesetter = formulas.Typesetter()
    yield typesetter
    typesetter.close()


def test_a_formula_is_seen_and_read_aloud(typesetter):
    html = typesetter.typeset(r"x^\top W")
    assert re.search(r"<math><msup><mi>x</mi><mi[^>]*>⊤</mi></msup><mi>W</mi></math>", html)
    used = formulas.GLYPH.findall(html)
    assert len(used) == 3
    assert all(typesetter.glyphs[name].startswith("<path ") for name in used)


def test_a_wide_formula_may_shrink_a_little(typesetter):
    html = typesetter.typeset("a = b", display=True)
    width = float(re.search(r' width="([\d.]+)ex"', html)[1])
    least = float(re.search(r"min-width: ([\d.]+)ex", html)[1])
    assert least == pytest.approx(0.7 * width, abs=0.1)
    assert "min-width" not in typesetter.typeset("a = b")


@pytest.mark.parametrize("tex", [r"\frac{1", r"x^2^3", r"\begin{aligned} a"])
def test_a_formula_that_is_wrong_is_refused_with_its_text(typesetter, tex):
    with pytest.raises(ValueError, match=re.escape(repr(tex))):
        typesetter.typeset(tex)


def test_a_missing_mathjax_stops_the_build(monkeypatch):
    monkeypatch.setattr(formulas.metadata, "files", lambda name: [])
    with pytest.raises(ExtensionError, match="sphinx-mathjax-offline"):
        formulas.mathjax_script()


def test_every_letter_of_every_formula_is_drawn_on_its_page(site, page_name):
    text = (site / f"{page_name}.html").read_text("utf-8")
    assert set(formulas.GLYPH.findall(text)) == set(re.findall(r'<path id="(MJX-[\w-]+)"', text))
    assert r"\(" not in text


def test_formulas_are_drawn_without_scripts(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}book/notation.html")
    boxes = page.locator("mjx-container > svg").all()[:5]
    assert boxes
    assert all(box.bounding_box()["width"] > 3 for box in boxes)
    context.close()


def test_punctuation_stays_on_the_line_of_its_formula(visit, chapters):
    """On a narrow screen a line would else begin with the comma behind a formula."""
    page = visit(chapters[0], "phone").page
    apart = page.locator(".formula").evaluate_all(
        """tied => tied.filter((e) => {
            const range = document.createRange();
            range.selectNode(e.lastChild);
            const formula = e.querySelector("svg").getBoundingClientRect();
            return range.getBoundingClientRect().top > formula.bottom;
        }).length"""
    )
    assert page.locator(".formula").count() > 0
    assert apart == 0


def test_a_screen_reader_is_given_the_formula_and_not_its_picture(visit, chapters):
    page = visit(chapters[0]).page
    formula = page.locator("div.math mjx-container").first
    formula.scroll_into_view_if_needed()
    session = page.context.new_cdp_session(page)
    session.send("Accessibility.enable")
    seen = session.send("Accessibility.getFullAXTree")["nodes"]
    roles = [node["role"]["value"] for node in seen if not node.get("ignored")]
    assert roles.count("MathMLMath") >= 10
    assert "SvgRoot" not in roles
