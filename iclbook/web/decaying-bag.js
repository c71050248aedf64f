// Explorable: momentum as a decaying bag. A token is given the sum of all earlier values, each with a
// power of eta: the older, the smaller.
{
  const { chart, element, number, place, register, rowsHtml, sliderHtml, sliders, svg, swatch } = iclbook;

  const bag = {
    // the weights of tokens 1 .. t - 1 at token t: eta^(t - i)
    weights: (eta, t) => Array.from({ length: t - 1 }, (_, i) => eta ** (t - 1 - i)),
    // s_t by its definition; values are numbers, tokens count from 1
    sum: (values, eta, t) => bag.weights(eta, t).reduce((sum, weight, i) => sum + weight * values[i], 0),
    // s_1 .. s_T by the recurrence s_t = eta (s_{t-1} + v_{t-1})
    recurrence: (values, eta) => values.slice(0, -1).reduce((sums, value) => [...sums, eta * (sums.at(-1) + value)], [0]),
  };
  iclbook.bag = bag;

  const ETA = "<i>η</i>", S = "<i>s</i><sub><i>t</i></sub>", V = "<i>v</i><sub><i>i</i></sub>";
  const FADED = `${ETA}<sup><i>t</i>−<i>i</i></sup> ${V}`;

  const BAG = `
    <div class="decaying-bag">
      <div class="sliders">
        ${sliderHtml("eta", `momentum ${ETA}`, [0.05, 0.95, 0.01])}
        ${sliderHtml("t", "token <i>t</i>", [2, 2, 1])}
      </div>
      <p class="buttons"></p>
      <div class="planes">
        <div class="wide contents">
          <p class="title">What is in the bag of token <i>t</i>: drag the line</p>
          <ul class="legend">
            ${swatch("value", `value ${V} of each token`)}
            ${swatch("share", `what is left of it at token <i>t</i>: ${FADED}`)}
          </ul>
        </div>
        <div class="wide sums">
          <p class="title">The sum ${S}, at every token</p>
          <ul class="legend">
            ${swatch("sum", `${S}, the sum of what is left`)}
            ${swatch("average", `(1 − ${ETA}) ${S}, with weights that sum to no more than ${ETA}`)}
          </ul>
        </div>
      </div>
      <table class="live">
        <caption>The bag of token <i>t</i></caption>
        <thead><tr><th scope="col">quantity</th><th scope="col">value</th></tr></thead>
        <tbody></tbody>
      </table>
      <p class="unseen" aria-live="polite"></p>
    </div>`;

  register("decaying-bag", (root, state) => {
    const view = element(BAG);
    const find = (selector) => view.querySelector(selector);
    const count = state.values.length;
    find("[name=t]").max = count;
    const ticks = { x: [0.4, count + 0.6], xs: [1, 6, 12, 18, 24].filter((x) => x <= count), xLabel: "token" };
    const left = chart({ title: "Values, and what is left of them", y: [-1.5, 1.5], ys: [-1, 0, 1], ...ticks });
    const right = chart({ title: "The decaying sum at every token", y: [-2, 4], ys: [-2, 0, 2, 4], ...ticks });
    find(".contents .title").after(left.picture);
    find(".sums .title").after(right.picture);
    const parts = {
      share: left.path("share"), value: left.path("value"), leftHere: left.path("here"),
      average: right.path("average"), sum: right.path("sum"), dots: right.path("dots"), here: right.path("here"),
    };
    const outside = svg("text", { "text-anchor": "end", x: 326, y: 26 }, right.picture);
    [left, right].forEach((where) => where.choose((x) => set({ t: Math.round(x) })));

    const update = ({ eta, t }, { values = state.values }) => {
      const sums = bag.recurrence(values, eta), weights = bag.weights(eta, t), here = bag.sum(values, eta, t);
      const stems = (where, heights) => heights.map((y, i) => `M${where.px(i + 1).toFixed(1)},${where.py(0)}V${where.py(y).toFixed(1)}`).join("");
      const line = (heights) => heights.map((y, i) => `${i ? "L" : "M"}${right.px(i + 1).toFixed(1)},${right.py(y).toFixed(1)}`).join("");
      parts.value.setAttribute("d", stems(left, values));
      parts.share.setAttribute("d", stems(left, weights.map((weight, i) => weight * values[i])));
      parts.sum.setAttribute("d", line(sums));
      parts.average.setAttribute("d", line(sums.map((sum) => sum * (1 - eta))));
      parts.dots.setAttribute("d", right.dots([[t, here]]));
      parts.leftHere.setAttribute("d", left.upright(t));
      parts.here.setAttribute("d", right.upright(t));
      outside.textContent = here > 4 || here < -2 ? `sum ${number(here)}, outside` : "";

      const all = weights.reduce((sum, weight) => sum + weight, 0);
      const most = weights.reverse().findIndex((_, i) => weights.slice(0, i + 1).reduce((a, b) => a + b, 0) >= 0.9 * all - 1e-12) + 1;
      find("tbody").innerHTML = rowsHtml([
        [`${S} as a sum over all ${t - 1} earlier values`, number(here, 4)],
        [`${S} from the token before: ${ETA} (<i>s</i><sub><i>t</i>−1</sub> + <i>v</i><sub><i>t</i>−1</sub>)`, number(sums[t - 1], 4)],
        ["all weights together", number(all)],
        ["newest values that hold 90% of the weight", String(most)],
        [`(1 − ${ETA}) ${S}`, number(here * (1 - eta))],
      ]);
      find("[aria-live]").textContent = `Sum ${number(here)} at token ${t}; ${most} newest values hold 90% of the weight.`;
    };

    const set = sliders(view, state, { eta: (value) => value.toFixed(2), t: String }, update);
    place(root, view);
  });
}
