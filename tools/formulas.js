// Typeset formulas with MathJax: reads a line of JSON, [TeX, display], and writes one with what to show.
//
//     node formulas.js PATH/TO/node-main.js
const readline = require("node:readline");

const settings = {
  loader: { load: ["input/tex", "output/svg", "a11y/assistive-mml"] },
  svg: { fontCache: "global" }, // glyphs are named, drawn once and used many times
};

require(process.argv[2]).init(settings).then(async (MathJax) => {
  const { adaptor, document } = MathJax.startup;
  const cache = document.outputJax.fontCache;
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [tex, display] = JSON.parse(line);
    const node = await MathJax.tex2svgPromise(tex, { display });
    const html = adaptor.outerHTML(node);
    const glyphs = adaptor.childNodes(cache.getCache()).map((glyph) => adaptor.outerHTML(glyph));
    cache.clearCache();
    process.stdout.write(`${JSON.stringify({ html, glyphs })}\n`);
  }
});
