"""Questions of a page: answered by mouse, by keyboard, and without scripts."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from docutils.core import publish_doctree
from docutils.parsers.rst import directives
from docutils.utils import SystemMessage

from tools.quiz import Quiz

PAGE = "book/dual/the-dual"


@pytest.fixture(scope="module")
def page(visit):
    """The chapter in the dark."""
    return visit(PAGE, "dark").page


def test_a_question_is_answered_by_mouse(page):
    quiz = page.locator(".quiz").first
    told, answer = quiz.get_by_role("status"), quiz.locator("details")
    quiz.get_by_role("button").click()
    assert told.inner_text() == "Choose an answer first."
    quiz.get_by_text("Images with much ink").click()
    assert told.inner_text() == ""
    quiz.get_by_role("button").click()
    assert told.inner_text().startswith("That is not it.")
    assert answer.get_attribute("open") is None
    quiz.get_by_text("hard to learn").first.click()
    quiz.get_by_role("button").click()
    assert told.inner_text() == "Right."
    assert "Answer 2." in answer.inner_text()


def test_a_question_is_answered_by_keyboard(page):
    page.reload()
    quiz = page.locator(".quiz").first
    quiz.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert quiz.get_by_role("status").inner_text() == "Right."
    assert Axe().run(page, context={"include": [[".quiz"]]}).response["violations"] == []


def test_without_scripts_the_answer_is_folded_away(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}{PAGE}.html")
    quiz = page.locator(".quiz").first
    assert quiz.locator("ol > li:visible").count() == 3
    assert quiz.get_by_text("Answer 2.").is_hidden()
    quiz.locator("summary").click()
    assert quiz.get_by_text("Answer 2.").is_visible()
    context.close()


@pytest.mark.parametrize(
    ("answer", "content", "trouble"),
    [
        (3, "Why?\n\n   1. This.\n   2. That.\n\n   Because.", "answer 3: expected"),
        (1, "Why?\n\n   1. This.\n   2. That.", "an explanation"),
        (1, "1. This.\n   2. That.\n\n   Because.", "a quiz has a question"),
    ],
)
def test_a_question_that_cannot_be_answered_stops_the_build(answer, content, trouble):
    directives.register_directive("quiz", Quiz)
    source = f".. quiz::\n   :answer: {answer}\n\n   {content}\n"
    with pytest.raises(SystemMessage, match=trouble):
        publish_doctree(source, settings_overrides={"halt_level": 3, "report_level": 5})
