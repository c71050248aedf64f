// Explorable: two softmax heads of opposite scale. In half of their difference the mean of the values
// and all even orders cancel; the line stays, and so do the odd orders beyond it.
{
  const { add, chart, dot, drag, element, locate, mean, number, place, register, rowsHtml, scale, sliderHtml, sliders, svg, swatch } = iclbook;

  const twoHeads = {
    // softmax_i(s k_i . q)
    weights: (keys, query, s) => {
      const scores = keys.map((key) => s * dot(key, query)), top = Math.max(...scores);
      const raised = scores.map((score) => Math.exp(score - top)), sum = raised.reduce((a, b) => a + b);
      return raised.map((value) => value / sum);
    },
    // what a head of this scale answers; values are numbers
    head: (keys, values, query, s) => dot(twoHeads.weights(keys, query, s), values),
    // the covariance C of values and keys: the line is s C q
    slope: (keys, values) => {
      const middle = mean(values);
      return scale(keys.map((key, i) => scale(key, values[i] - middle)).reduce(add), 1 / keys.length);
    },
    // the parts of a head's answer: mean, line, and what is left, even and odd in the scale
    parts: (keys, values, query, s, slope = twoHeads.slope(keys, values)) => {
      const [plus, minus] = [s, -s].map((sharp) => twoHeads.head(keys, values, query, sharp));
      const middle = mean(values), line = s * dot(slope, query);
      return { plus, minus, middle, line, even: (plus + minus) / 2 - middle, odd: (plus - minus) / 2 - line };
    },
  };
  iclbook.twoHeads = twoHeads;

  const direction = (degrees) => [Math.cos(degrees * Math.PI / 180), Math.sin(degrees * Math.PI / 180)];
  const PLUS = "<i>f</i><sub><i>s</i></sub>", MINUS = "<i>f</i><sub>−<i>s</i></sub>", LINE = "<i>s C q</i>";

  const TWO_HEADS = `
    <div class="two-heads">
      <div class="sliders">
        ${sliderHtml("power", "scale <i>s</i>", [-4, 6, 0.25])}
        ${sliderHtml("turn", "direction of <i>q</i>", [-180, 180, 1])}
      </div>
      <p class="buttons"></p>
      <div class="planes">
        <div class="ring">
          <p class="title">Drag the query <i>q</i> around the tokens</p>
          <ul class="legend">
            ${swatch("head", `outside: how much of each token ${PLUS} takes`)}
            ${swatch("minus", `inside: how much ${MINUS} takes`)}
          </ul>
        </div>
        <div class="wide">
          <p class="title">Answer, for every direction of the query</p>
          <ul class="legend">
            ${swatch("head", `a head of scale <i>s</i>, ${PLUS}`)}
            ${swatch("minus", `a head of scale −<i>s</i>, ${MINUS}`)}
            ${swatch("pair", `half of their difference`)}
            ${swatch("line", `the line ${LINE}, linear attention over centred keys`)}
          </ul>
        </div>
      </div>
      <table class="live">
        <caption>The answers to this query, taken apart</caption>
        <thead><tr><th scope="col">part</th><th scope="col">${PLUS}</th><th scope="col">${MINUS}</th><th scope="col">(${PLUS} − ${MINUS})/2</th></tr></thead>
        <tbody></tbody>
      </table>
      <p class="unseen" aria-live="polite"></p>
    </div>`;

  // The tokens on their circle, with a bubble for each head's weight, and the query inside.
  const ring = (keys, turnTo) => {
    const [width, height, radius] = [340, 250, 84];
    const at = ([x, y], r) => ({ cx: width / 2 + r * x, cy: height / 2 - r * y });
    const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Tokens on a circle, and how much each head takes of them" });
    svg("circle", { class: "circle", ...at([0, 0], 0), r: radius }, picture);
    const bubbles = [["seen", radius + 18], ["opposite", radius - 18]].map(([cls, r]) =>
      keys.map((key) => svg("circle", { class: cls, ...at(key, r) }, picture)));
    keys.forEach((key) => svg("circle", { class: "token", ...at(key, radius), r: 3 }, picture));
    const query = svg("g", { class: "point query" }, picture);
    const shaft = svg("path", { class: "shaft" }, query);
    const circles = [["touch", 22], ["ring", 12], ["dot", 7]].map(([cls, r]) => svg("circle", { class: cls, r }, query));
    drag(query, (event) => {
      const { x, y } = locate(picture, event);
      turnTo(Math.atan2(height / 2 - y, x - width / 2) * 180 / Math.PI);
    });
    const draw = (towards, weights) => {
      weights.forEach((some, head) => some.forEach((weight, i) => bubbles[head][i].setAttribute("r", 16 * Math.sqrt(weight))));
      const { cx, cy } = at(towards, 40);
      shaft.setAttribute("d", `M${width / 2},${height / 2}L${cx},${cy}`);
      circles.forEach((circle) => { circle.setAttribute("cx", cx); circle.setAttribute("cy", cy); });
    };
    return { picture, draw };
  };

  register("two-heads", (root, state) => {
    const view = element(TWO_HEADS);
    const find = (selector) => view.querySelector(selector);
    const { keys, values } = state, slope = twoHeads.slope(keys, values);
    const taken = (degrees, s) => twoHeads.parts(keys, values, direction(degrees), s, slope);
    const turnTo = (degrees) => set({ turn: degrees });
    const left = ring(keys, turnTo);
    const right = chart({
      title: "Answers of the heads against the direction of the query", x: [-180, 180], y: [-2, 2],
      xs: [-180, -90, 0, 90, 180], ys: [-2, -1, 0, 1, 2], xLabel: "direction of q in degrees",
    });
    right.choose(turnTo);
    find(".ring .title").after(left.picture);
    find(".wide .title").after(right.picture);
    right.path("tokens").setAttribute("d", right.dots(keys.map(([x, y], i) => [Math.atan2(y, x) * 180 / Math.PI, values[i]])));
    const curves = Object.fromEntries(["head", "minus", "pair", "line", "here"].map((cls) => [cls, right.path(cls)]));

    const update = ({ power, turn }) => {
      const s = 2 ** power, query = direction(turn);
      left.draw(query, [s, -s].map((sharp) => twoHeads.weights(keys, query, sharp)));
      const turns = Array.from({ length: 121 }, (_, i) => 3 * i - 180);
      const all = turns.map((degrees) => taken(degrees, s));
      const put = (cls, f) => curves[cls].setAttribute("d", right.curve((x) => f(all[Math.round((x + 180) / 3)]), 120));
      put("head", (found) => found.plus);
      put("minus", (found) => found.minus);
      put("pair", (found) => (found.plus - found.minus) / 2);
      put("line", (found) => found.line);
      curves.here.setAttribute("d", right.upright(turn));

      const { plus, minus, middle, line, even, odd } = taken(turn, s);
      const rows = [
        ["mean of the values", middle, middle, 0], [`line ${LINE}`, line, -line, line],
        ["what is left, even in <i>s</i>", even, even, 0], ["what is left, odd in <i>s</i>", odd, -odd, odd],
        ["<b>together</b>", plus, minus, (plus - minus) / 2],
      ];
      find("tbody").innerHTML = rowsHtml(rows.map(([name, ...cells]) => [name, ...cells.map((cell) => number(cell, 3))]));
      find("[aria-live]").textContent = `Heads ${number(plus)} and ${number(minus)}, half of the difference ${number((plus - minus) / 2)}, line ${number(line)}.`;
    };

    const shown = { power: (value) => String(Number((2 ** value).toPrecision(2))), turn: (value) => `${number(value, 0)}°` };
    const set = sliders(view, state, shown, update);
    place(root, view);
  });
}
