"""Bare pages: components in their live form, which brings its own script and style, and no book."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from iclbook import controls


def page_of(title, draw):
    """Text of a page with what `draw` displays and nothing else.

    `draw` is given a patch, with which it may set ``ICLBOOK_STATIC`` for a while.
    """
    shown = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(controls, "display", lambda data, **_: shown.append(data["text/html"]))
        patch.delenv("ICLBOOK_STATIC", raising=False)
        draw(patch)
    return (
        '<!doctype html><html lang="en"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><main><h1>{title}</h1>{''.join(shown)}</main></html>"
    )


def barriers(page):
    """What keeps somebody from using the page: a side that sticks out, and what axe finds."""
    found = Axe().run(page).response["violations"]
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    sticks_out = [f"{width[0]} pixels wide on {width[1]}"] if width[0] > width[1] else []
    return sticks_out + [f"{item['id']}: {item['nodes'][0]['html']}" for item in found]


def numbers(cells):
    """The number in each cell of a table, given a locator of the cells."""
    return [float(text.replace("−", "-")) for text in cells.all_inner_texts()]
