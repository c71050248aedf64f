"""What the site holds beside its pages: little, and all of it needed."""

import pytest

from tools import assets

KNOWN = {"a", "b", "id"}


@pytest.mark.parametrize(
    ("style", "kept"),
    [
        (".a{x:1}", ".a{x:1}"),
        (".a,.c{x:1}", ".a{x:1}"),
        (".a .c{x:1} p{x:2}", "p{x:2}"),
        ("#id>.b:not(.c){x:1}", "#id>.b:not(.c){x:1}"),
        (".b:is(.c,.d) p,.c{x:1}", ".b:is(.c,.d) p{x:1}"),
        ("@media print{.c{x:1} .a{x:2}}", "@media print{.a{x:2}}"),
        ("@media print{.c{x:1}}", ""),
        ('[data-x=".c"]{x:1}', '[data-x=".c"]{x:1}'),
    ],
)
def test_rules_for_what_no_page_has_are_left_out(style, kept):
    assert assets.used_rules(style, KNOWN) == kept


def test_icons_become_pictures_where_they_stand():
    icons = assets.read_icons(
        'a={sun:[512,640,[9728,"day"],"f185","M1 2z"],"x-y":[1,2,[],"f1","M3"]}'
    )
    html = assets.draw_icons('<i class="fas fa-day fa-lg" data-mode="light"></i>', icons)
    assert html.startswith('<svg class="svg-inline--fa fas fa-day fa-lg" data-mode="light"')
    assert 'viewBox="0 0 512 640"><path fill="currentColor" d="M1 2z"/></svg>' in html
    assert "x-y" in icons


def test_switches_of_the_sidebar_are_named_after_their_page():
    html = assets.name_toggles('<a href="a.html">Parts</a><details open><summary><b></b>')
    name = "Pages of Parts"
    assert html == f'<a href="a.html">Parts</a><details open><summary aria-label="{name}"><b></b>'


def test_the_site_is_small(site):
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < 20_000_000


def test_no_file_lies_about_that_no_page_names(site):
    files = {path for path in (site / "_static").rglob("*") if path.is_file()}
    assert {path.suffix for path in files} <= {".css", ".js", ".svg", ".png", ".txt"}  # a licence
    texts = [path.read_text("utf-8") for path in site.rglob("*.html")]
    texts += [path.read_text("utf-8") for path in files if path.suffix in {".css", ".js"}]
    text = "".join(texts)
    assert [path.name for path in files if path.name not in text] == []
