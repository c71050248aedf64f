"""Every page loads cleanly: light on a desktop, dark on a phone."""

from axe_playwright_python.sync_playwright import Axe

HEAVY = ["mjx-container", ".highlight"]


def test_nothing_fails_or_leaves_the_machine(loaded):
    assert loaded.troubles == []


def test_mathematics_is_drawn_and_can_be_read_aloud(loaded):
    page = loaded.page
    drawn = page.locator("mjx-container > svg").count()
    assert drawn == page.locator(".math").count()  # also headings in the list of contents
    assert page.locator("mjx-assistive-mml > math").count() == drawn
    assert page.locator("mjx-merror, [data-mjx-error]").count() == 0
    if "/dual/" in page.url:
        assert drawn > 10


def test_icons_are_drawn(loaded):
    """The icon script is cut down when the site is built: none that a page shows may be missing."""
    icons = loaded.page.locator("svg.svg-inline--fa")
    icons.first.wait_for(state="attached")  # drawn after the load, late on a busy machine
    assert icons.count() > 3
    assert icons.locator("animate").count() == 0  # what the script draws for an unknown icon
    assert loaded.page.locator("i[class*=fa-]").count() == 0


def test_nothing_sticks_out_at_the_side(loaded):
    assert loaded.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_axe_finds_no_serious_violation(loaded):
    # Formulas are examined above; coloured code looks the same everywhere, so one page is enough.
    heavy = ["mjx-container"] if loaded.page.url.endswith("how-to-run.html") else HEAVY
    found = Axe().run(
        loaded.page,
        context={"exclude": [[selector] for selector in heavy]},
        options={"resultTypes": ["violations"]},
    )
    grave = [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found.response["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
    assert grave == []
