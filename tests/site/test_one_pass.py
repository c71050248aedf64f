"""The explorable of an order in a browser: its steps are those of PyTorch's SGD, and it moves."""

import itertools

import numpy as np
import pytest
import torch
from bare_pages import numbers, page_of

from iclbook import controls
from iclbook.dual import linear_attention
from iclbook.gpt.metrics.distributions import order_sensitivity

X = np.array([[1.2, 0.5], [-0.4, 1.1], [0.9, -1.0], [1.0, 1.3]])
Y, QUERY = np.array([1.0, -0.9, -0.4, 0.9]), np.array([0.6, 1.0])
START = {
    "X": X.tolist(),
    "y": Y.tolist(),
    "query": QUERY.tolist(),
    "rate": 0.3,
    "passes": 1,
    "presets": [
        {"name": "Opposite order", "order": [3, 2, 1, 0]},
        {"name": "Four passes", "passes": 4},
    ],
}


def descend(batches, X, y, rate, passes):
    """Weights after PyTorch's SGD from zero on half squared errors, a step for each batch."""
    w = torch.zeros(X.shape[1], dtype=torch.float64, requires_grad=True)
    X, y = torch.tensor(X), torch.tensor(y)
    sgd = torch.optim.SGD([w], lr=rate)
    for rows in list(batches) * passes:
        sgd.zero_grad()
        ((X[rows] @ w - y[rows]) ** 2).sum().div(2).backward()
        sgd.step()
    return w.detach().numpy()


def step_by_step(order, rate=0.3, passes=1):
    """The answer after single steps, as the page should show it."""
    return descend([[i] for i in order], X, Y, rate / passes, passes) @ QUERY


@pytest.fixture(scope="module")
def html():
    """Text of a page with the explorable and nothing else."""
    table = [{"order": "1 2 3 4", "answer": 0.5}]
    return page_of("Order", lambda patch: controls.explorable("one-pass", START, table=table))


def answers(page):
    """Answers step by step, all at once, and of linear attention."""
    return numbers(page.locator(".live tbody td:last-child"))


def order_of(page):
    """The demonstrations from left to right."""
    cards = page.locator(".order > *")
    places = cards.evaluate_all("cards => cards.map((card) => card.getBoundingClientRect().x)")
    return np.argsort(places).tolist()


def test_its_arithmetic_is_that_of_sgd(bare):
    page, rng = bare(), np.random.default_rng(0)
    for passes in (1, 2, 5):
        n, d = rng.integers(1, 6, size=2)
        x, y, q = rng.normal(size=(n, d)), rng.normal(size=n), rng.normal(size=d)
        order, rate = rng.permutation(n).tolist(), rng.uniform(0, 0.3)
        steps, batch, read = page.evaluate(
            """([order, X, y, q, rate, passes]) => [
                iclbook.onePass.steps(order, X, y, rate, passes).at(-1),
                iclbook.onePass.batch(X, y, rate, passes).at(-1),
                iclbook.onePass.attention(X, y, rate, q)]""",
            [order, x.tolist(), y.tolist(), q.tolist(), rate, passes],
        )
        single = [[i] for i in order]
        np.testing.assert_allclose(steps, descend(single, x, y, rate, passes), rtol=0, atol=1e-9)
        whole = descend([list(range(n))], x, y, rate, passes)
        np.testing.assert_allclose(batch, whole, rtol=0, atol=1e-9)
        attention = linear_attention(x, rate * y[:, None], q).item()
        assert read == pytest.approx(attention, abs=1e-9)


def test_its_scatter_is_the_order_sensitivity_over_all_orders(bare):
    page, orders = bare(), list(itertools.permutations(range(4)))
    assert sorted(page.evaluate("iclbook.onePass.orders(4)")) == [list(o) for o in orders]
    ends = np.array([step_by_step(order) for order in orders])
    found = page.evaluate("(ends) => iclbook.onePass.spread(ends, 0)", ends.tolist())
    assert found["S"] == pytest.approx(order_sensitivity(ends[:, None, None]).item(), abs=1e-9)
    assert found["D"] == pytest.approx(abs(ends.mean()), abs=1e-9)
    assert f"S = {found['S']:.4f}" in page.locator(".live caption").inner_text()


def test_demonstrations_change_places_by_keys_mouse_and_finger(bare):
    page = bare(viewport={"width": 390, "height": 900}, has_touch=True, is_mobile=True)
    start = answers(page)
    assert start[0] == pytest.approx(step_by_step([0, 1, 2, 3]), abs=0.00051)
    first = page.get_by_role("slider", name="Demonstration 1")
    first.press("ArrowRight")
    assert order_of(page) == [1, 0, 2, 3]
    assert first.get_attribute("aria-valuetext") == "place 2 of 4"
    assert answers(page)[0] == pytest.approx(step_by_step([1, 0, 2, 3]), abs=0.00051)
    assert answers(page)[1:] == start[1:]

    row = page.locator(".order").bounding_box()
    y = row["y"] + row["height"] / 2
    page.mouse.move(row["x"] + row["width"] * 0.9, y)
    page.mouse.down()
    page.mouse.move(row["x"] + 3, y, steps=5)
    page.mouse.up()
    assert order_of(page) == [3, 1, 0, 2]

    touch, scrolled = page.context.new_cdp_session(page), page.evaluate("scrollY")
    for kind, at in (("touchStart", 0.1), ("touchMove", 0.35), ("touchMove", 0.6)):
        points = [{"x": row["x"] + row["width"] * at, "y": y}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert order_of(page) == [1, 0, 3, 2]
    assert page.evaluate("scrollY") == scrolled
    page.get_by_role("button", name="Start again").click()
    assert order_of(page) == [0, 1, 2, 3]
    assert answers(page) == start


def test_a_chosen_order_stays_when_sliders_move(bare):
    page = bare()
    page.get_by_role("button", name="Opposite order").click()
    page.get_by_role("slider", name="passes").press("ArrowRight")
    assert order_of(page) == [3, 2, 1, 0]
    expected = step_by_step([3, 2, 1, 0], passes=2)
    assert answers(page)[0] == pytest.approx(expected, abs=0.00051)
    before = page.locator(".live caption").inner_text()
    page.get_by_role("slider", name="Input 2").press("ArrowUp")
    assert page.locator(".live caption").inner_text() != before
