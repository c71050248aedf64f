// Questions of a page: the reader chooses, and is told whether it is right. Without this file the answers are a
// numbered list, and the right one is folded away (tools/quiz.py).
(() => {
  "use strict";

  const WRONG = "That is not it. Try again, or unfold the answer.";

  document.querySelectorAll(".quiz").forEach((quiz, number) => {
    const list = quiz.querySelector("ol"), told = document.createElement("p");
    const right = list.children[/answer-(\d+)/.exec(quiz.className)[1] - 1];
    const form = document.createElement("form"), button = document.createElement("button");
    const choices = new Map([...list.children].map((item) => {
      const label = document.createElement("label"), choice = document.createElement("input");
      Object.assign(choice, { type: "radio", name: `quiz-${number}` });
      const text = document.createElement("span");
      text.append(...[...item.children].flatMap((part) => [...part.childNodes]));
      label.append(choice, text);
      return [choice, { label, item }];
    }));
    const group = document.createElement("fieldset"), legend = document.createElement("legend");
    legend.textContent = "Your answer";
    group.append(legend, ...[...choices.values()].map(({ label }) => label));
    button.textContent = "Check";
    told.setAttribute("role", "status");
    form.append(group, button, told);
    list.replaceWith(form);

    form.addEventListener("change", () => { told.textContent = ""; });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const chosen = [...choices.keys()].find((choice) => choice.checked);
      const found = chosen && choices.get(chosen).item === right;
      told.textContent = found ? "Right." : chosen ? WRONG : "Choose an answer first.";
      if (found) quiz.querySelector("details").open = true;
    });
  });
})();
