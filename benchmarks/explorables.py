"""How fast the book's explorables answer a drag, and how large they are.

    python -m benchmarks.explorables [--drags 200]

Each explorable, as its chapter starts it, stands on a page of its own in a headless Chromium. A
drag is one step of a slider, of a point or of a card: the event is dispatched to it, and the time
runs until its handlers have changed the page and the browser has laid it out anew. Painting is not
in it. A screen with 60 pictures a second leaves 16 ms. On a busy machine the lower quartile is what
the work takes, and the rest what else the machine does.
"""

import argparse

from playwright.sync_api import sync_playwright

from tools.browser import flags, get
from tools.explorables import WEB, page, stored

MEASURE = """([name, drags]) => {
    const root = document.querySelector(`[data-explorable=${name}]`), times = [];
    root.scrollIntoView();
    for (let i = 0; i < drags; i += 1) {
        const held = [...root.querySelectorAll("input[type=range], [role=slider]")];
        const one = held[i % held.length], start = performance.now();
        if (one.matches("input")) {
            one[Math.floor(i / held.length / 3) % 2 ? "stepDown" : "stepUp"]();
            one.dispatchEvent(new Event("input", { bubbles: true }));
        } else {
            const key = "Arrow" + ["Left", "Up", "Right", "Down"][Math.floor(i / held.length) % 4];
            one.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        }
        root.getBoundingClientRect();
        times.push(performance.now() - start);
    }
    return times;
}"""


def quantile(values, share):
    """The value below which this share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main():
    """Print a line for each explorable."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--drags", type=int, default=200, help="how many for each explorable")
    drags = parser.parse_args().drags
    bodies = stored()
    shared = (WEB / "components.js").stat().st_size
    print(f"shared by all: {shared / 1000:.1f} kB\n")
    print(f"{'explorable':14s} {'kB':>5s} {'25% ms':>7s} {'median ms':>10s} {'95% ms':>7s}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=get(), args=flags())
        opened = browser.new_page(viewport={"width": 1000, "height": 900})
        for name in sorted(bodies):
            opened.set_content(page([bodies[name]]))
            opened.evaluate(MEASURE, [name, 20])  # compiled first
            times = opened.evaluate(MEASURE, [name, drags])
            size = (WEB / f"{name}.js").stat().st_size / 1000
            print(
                f"{name:14s} {size:5.1f} {quantile(times, 0.25):7.2f} "
                f"{quantile(times, 0.5):10.2f} {quantile(times, 0.95):7.2f}"
            )
        browser.close()


if __name__ == "__main__":
    main()
