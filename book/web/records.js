// The page of recorded runs: shows those of an experiment, a model and a task. Without it all are shown.
(() => {
  "use strict";

  // What a run's row and its section say of it.
  const facts = (row) => ({
    row,
    experiment: row.cells[0].textContent.split("/")[0],
    model: row.closest("section").querySelector("h3 code")?.textContent ?? "",
    task: row.cells[1].textContent.split(", "),
  });

  const start = () => {
    const form = document.querySelector("form.runs-filter");
    if (!form) return;
    const sections = [...form.closest("section").querySelectorAll("section")];
    const runs = sections.flatMap((section) => [...section.querySelectorAll("tbody tr")].map(facts));
    const apply = () => {
      const { experiment, model, task } = Object.fromEntries(new FormData(form));
      for (const run of runs) {
        run.row.hidden = !((!experiment || run.experiment === experiment)
          && (!model || run.model === model) && (!task || run.task.includes(task)));
      }
      for (const section of sections) section.hidden = !section.querySelector("tbody tr:not([hidden])");
      const shown = runs.filter(({ row }) => !row.hidden).length;
      form.querySelector("output").value = `${shown} of ${runs.length} runs are shown.`;
    };
    // Whoever follows a link to a run that is hidden sees all again.
    const reveal = () => {
      const place = document.getElementById(location.hash.slice(1));
      if (!place?.closest("section[hidden]")) return;
      form.reset();
      apply();
      place.scrollIntoView();
    };
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    addEventListener("hashchange", reveal);
    apply();
  };

  addEventListener("load", start);
})();
