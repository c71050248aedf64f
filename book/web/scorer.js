// How the search ranks what it finds: titles of chapters, then what they say, then the package; exercise checks last.
// A symbol leads to the page of notation first, whether it is written as such, by its name or in TeX.
var Scorer = {
  title: 20, partialTitle: 7, term: 5, partialTerm: 2,
  objNameMatch: 15, objPartialMatch: 1, objPrio: { 0: 1, 1: 0, 2: -1 }, objPrioDefault: 0,
  symbol: /[\\^$Α-ω]|^[a-z]_|^(alpha|beta|gamma|delta|epsilon|zeta|eta|theta|lambda|mu|rho|sigma|tau|phi)\b/i,
  score: ([page, title, , kind, score]) => {
    if (page.startsWith("book/api/checks")) return score - 1000;
    if (kind !== null || page.startsWith("book/api")) return score;
    const plain = (text) => text.trim().toLowerCase().replace(/^[\d.]+ |[?!.]$/g, "");
    const query = plain(new URLSearchParams(location.search).get("q")), name = plain(title);
    if (name === query || (page === "book/notation" && Scorer.symbol.test(query))) return score + 300;
    return name.startsWith(query) ? score + 200 : name.includes(query) ? score + 100 : score;
  },
};
