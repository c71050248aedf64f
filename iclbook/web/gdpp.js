// Explorable: GD++ through the eigenvalues of X X^T.
{
  const { chart, element, number, place, register, sliderHtml, sliders, svg, swatch, within } = iclbook;

  const DEEPEST = 5;
  const gdpp = {
    // what a layer makes of an eigenvalue: lam (1 - gamma lam)^2
    changeEigenvalue: (lam, gamma) => lam * (1 - gamma * lam) ** 2,
    // the share of the error left along an eigenvalue after these layers
    residual: (lam, eta, gamma, N, layers) => {
      let left = 1;
      for (let layer = 0; layer < layers; layer += 1) {
        left *= 1 - eta / N * lam;
        lam = gdpp.changeEigenvalue(lam, gamma);
      }
      return left;
    },
    // half squared error of a query, averaged over contexts (rows of eigenvalues), teachers, queries
    loss: (contexts, eta, gamma, { N, s }, layers) => s / 2 * contexts.reduce((sum, context) =>
      sum + context.reduce((part, lam) => part + gdpp.residual(lam, eta, gamma, N, layers) ** 2, 0), 0) / contexts.length,
    // how long a bar is, in percent, for a loss over that of answering zero: up to 1 proportional, beyond it
    // with the logarithm, so that no two losses look alike
    length: (share) => (share <= 1 ? 60 * share : Math.min(100, 60 + 3 * Math.log10(share))),
  };
  iclbook.gdpp = gdpp;

  const amount = (value) => (value >= 1000 ? value.toExponential(0).replace("e+", "e") : value.toPrecision(3));
  const LAMBDA = "<i>λ</i>";

  const GDPP = `
    <div class="gdpp">
      <div class="sliders">
        ${sliderHtml("eta", "learning rate <i>η</i>", [0, 40, 0.1])}
        ${sliderHtml("gamma", "<i>γ</i> (0 is plain GD)", [0, 0.3, 0.001])}
        ${sliderHtml("layers", "layers", [1, DEEPEST, 1])}
      </div>
      <p class="buttons"></p>
      <div class="planes">
        <div class="changed">
          <p class="title">Eigenvalue after a layer</p>
          <ul class="legend">
            ${swatch("plus", `GD++: ${LAMBDA} (1 − <i>γ</i> ${LAMBDA})²`)}
            ${swatch("plain", `GD leaves it: ${LAMBDA}`)}
            ${swatch("sample", "eigenvalues of sampled contexts, before (below) and after (left)")}
          </ul>
        </div>
        <div class="left">
          <p class="title">Error left along an eigenvalue</p>
          <ul class="legend">
            ${swatch("plus", "GD++, after all layers")}
            ${swatch("plain", "GD at the same <i>η</i>")}
            ${swatch("bound", "beyond ±1 the error grows")}
          </ul>
        </div>
      </div>
      <table class="live">
        <caption>Loss after each layer. The mark is the loss of answering zero; beyond it bars grow with the logarithm</caption>
        <thead><tr><th scope="col">layers</th><th scope="col">GD</th><th scope="col">GD++</th><th aria-hidden="true"></th></tr></thead>
        <tbody></tbody>
      </table>
      <p class="unseen" aria-live="polite"></p>
    </div>`;

  register("gdpp", (root, state) => {
    const view = element(GDPP);
    const find = (selector) => view.querySelector(selector);
    const all = state.contexts.flat();
    const ticks = { x: [0, 5], xs: [0, 1, 2, 3, 4, 5], xLabel: "eigenvalue λ of X Xᵀ" };
    const changed = chart({ title: "Eigenvalue after a layer of GD++", y: [0, 3], ys: [0, 1, 2, 3], ...ticks });
    const left = chart({ title: "Error left along each eigenvalue", y: [-1.5, 1.5], ys: [-1, 0, 1], ...ticks });
    find(".changed .title").after(changed.picture);
    find(".left .title").after(left.picture);
    left.path("bound").setAttribute("d", left.curve(() => 1, 1) + left.curve(() => -1, 1));
    const parts = Object.fromEntries([[changed, "changed"], [left, "left"]].map(([where, name]) =>
      [name, Object.fromEntries(["plain", "plus", "sample"].map((cls) => [cls, where.path(cls)]))]));
    const peak = svg("text", { class: "tick", "text-anchor": "middle" }, changed.picture);
    const zero = gdpp.loss(state.contexts, 0, 0, state, 1);
    const bar = (loss) => gdpp.length(loss / zero);
    const rug = (where) => all.map((x) => `M${where.px(x).toFixed(1)},${where.py(where === left ? -1.5 : 0)}v-8`).join("");
    const sideRug = (values) => values.map((y) => `M${changed.px(0)},${changed.py(y).toFixed(1)}h8`).join("");

    const update = ({ eta, gamma, layers }) => {
      const change = (lam) => gdpp.changeEigenvalue(lam, gamma);
      const rest = (lam) => gdpp.residual(lam, eta, gamma, state.N, layers);
      parts.changed.plain.setAttribute("d", changed.curve((lam) => lam));
      parts.changed.plus.setAttribute("d", changed.curve(change));
      parts.changed.sample.setAttribute("d", rug(changed) + sideRug(all.map(change)));
      parts.left.plain.setAttribute("d", left.curve((lam) => gdpp.residual(lam, eta, 0, state.N, layers)));
      parts.left.plus.setAttribute("d", left.curve(rest));
      parts.left.sample.setAttribute("d", rug(left));
      const top = gamma ? 1 / (3 * gamma) : Infinity;
      peak.textContent = top < 4.5 ? `highest at 1/(3γ) = ${number(top)}` : "";
      peak.setAttribute("x", within(100, changed.px(Math.min(top, 5)), 250));
      peak.setAttribute("y", Math.max(24, changed.py(change(Math.min(top, 5))) - 8));

      const rows = Array.from({ length: DEEPEST }, (_, i) => [0, gamma].map((g) => gdpp.loss(state.contexts, eta, g, state, i + 1)));
      find("tbody").innerHTML = rows.map(([plain, plus], i) => `
        <tr class="${i + 1 === layers ? "chosen" : ""}"><th scope="row">${i + 1}</th><td>${amount(plain)}</td><td>${amount(plus)}</td>
        <td aria-hidden="true"><span class="track"><span class="plain" style="width:${bar(plain)}%"></span>
        <span class="plus" style="width:${bar(plus)}%"></span></span></td></tr>`).join("");
      const [plain, plus] = rows[layers - 1];
      find("[aria-live]").textContent = `Loss after ${layers} layers: GD ${amount(plain)}, GD++ ${amount(plus)}.`;
    };

    const shown = { eta: (value) => value.toFixed(1), gamma: (value) => value.toFixed(3), layers: String };
    sliders(view, state, shown, update);
    place(root, view);
  });
}
