// How the search ranks what it finds: chapters by their titles, then what they say, then the package, exercise checks last.
var Scorer = {
  title: 100, partialTitle: 40, term: 5, partialTerm: 2,
  objNameMatch: 60, objPartialMatch: 1, objPrio: { 0: 1, 1: 0, 2: -1 }, objPrioDefault: 0,
  score: ([page, , , kind, score]) => {
    if (page.startsWith("book/api/checks")) return score - 1000;
    return page.startsWith("book/api") && kind === null ? score - 99 : score;
  },
};
