// Explorable: what the order of demonstrations does to single steps. A linear model with two weights
// takes a step on each demonstration; all of them at once, or read by attention, have no order.
{
  const { add, arrowKeys, dot, drag, element, handle, mean, number, pair, place, plane, register, rowsHtml, scale, sliderHtml, sliders, swatch, within } = iclbook;

  const onePass = {
    // minus the gradient of (y - w . x)^2 / 2
    push: (w, x, y) => scale(x, y - dot(w, x)),
    // the weights from zero on, a step for each demonstration, in this order in every pass
    steps: (order, X, y, rate, passes) => Array.from({ length: passes }, () => order).flat().reduce((way, i) =>
      [...way, add(way.at(-1), scale(onePass.push(way.at(-1), X[i], y[i]), rate))], [X[0].map(() => 0)]),
    // the same, a step on the sum of all in every pass
    batch: (X, y, rate, passes) => Array.from({ length: passes }).reduce((way) =>
      [...way, X.reduce((w, x, i) => add(w, scale(onePass.push(way.at(-1), x, y[i]), rate)), way.at(-1))], [X[0].map(() => 0)]),
    // what linear attention reads for a query: values are targets times the rate
    attention: (X, y, rate, query) => X.reduce((sum, x, i) => sum + rate * y[i] * dot(x, query), 0),
    // all orders of n demonstrations
    orders: (n) => (n ? onePass.orders(n - 1).flatMap((order) =>
      Array.from({ length: n }, (_, at) => order.toSpliced(at, 0, n - 1))) : [[]]),
    // sensitivity S and distance D of a number over orders, from the number before any step
    spread: (answers, before) => {
      const middle = mean(answers);
      return { S: Math.sqrt(mean(answers.map((answer) => (answer - middle) ** 2))), D: Math.abs(middle - before) };
    },
  };
  iclbook.onePass = onePass;

  // Where X w = y holds best, if that is one point.
  const solve = (X, y) => {
    const [a, b, c] = [[0, 0], [0, 1], [1, 1]].map(([i, j]) => X.reduce((sum, x) => sum + x[i] * x[j], 0));
    const [p, q] = [0, 1].map((j) => X.reduce((sum, x, i) => sum + y[i] * x[j], 0));
    const size = a * c - b * b;
    return Math.abs(size) < 1e-9 ? null : [(c * p - b * q) / size, (a * q - b * p) / size];
  };

  const subscript = (i) => "₁₂₃₄₅₆"[i];
  const ETA = "<i>η</i>", W = "<i>w</i>", X_I = "<i>x</i><sub><i>i</i></sub>", Q = "<i>q</i>";

  const ONE_PASS = `
    <div class="one-pass">
      <p class="title">Drag the demonstrations into another order</p>
      <div class="order"></div>
      <div class="sliders">
        ${sliderHtml("rate", `rate ${ETA}`, [0.02, 0.5, 0.01])}
        ${sliderHtml("passes", "passes at <i>η</i>/passes", [1, 8, 1])}
      </div>
      <p class="buttons"></p>
      <div class="planes">
        <div class="inputs">
          <p class="title">Inputs ${X_I}, and a query ${Q}: drag them too</p>
        </div>
        <div class="weights">
          <p class="title">The two weights, from zero on</p>
          <ul class="legend">
            ${swatch("way", "step by step, in this order")}
            ${swatch("ends", "where other orders end")}
            ${swatch("batch", "all demonstrations at once")}
            ${swatch("solution", "cross: least squares")}
          </ul>
        </div>
      </div>
      <table class="live">
        <caption></caption>
        <thead><tr><th scope="col">method</th><th scope="col">weights</th><th scope="col">answer ${W}·${Q}</th></tr></thead>
        <tbody></tbody>
      </table>
      <p class="hint">With a keyboard: Tab to a demonstration, then the arrow keys left and right; points move with all four.</p>
      <p class="unseen" aria-live="polite"></p>
    </div>`;

  register("one-pass", (root, state) => {
    const view = element(ONE_PASS);
    const find = (selector) => view.querySelector(selector);
    const n = state.X.length, { y } = state;
    const left = plane("Inputs and the query", 2), right = plane("Weights", 1);
    find(".inputs .title").after(left.picture);
    find(".weights .title").after(right.picture);
    const parts = Object.fromEntries(["ends", "batch", "way", "batch-end", "end", "solution"].map((cls) => [cls, right.path(cls)]));
    let now, chosen, refresh = () => {};

    const point = (role, name, label, list, i) => handle(left, {
      role, name, label, get: () => now[list][i], set: (value) => { now[list][i] = value; refresh(); },
    });
    const handles = [
      ...y.map((_, i) => point("demonstration", `Input ${i + 1}`, `x${subscript(i)}`, "X", i)),
      point("query", "Query", "q", "query", 0),
    ];

    // The demonstrations in a row; each says at which place it stands.
    const row = find(".order");
    const move = (i, to) => {
      const rest = now.order.filter((other) => other !== i);
      now.order = rest.toSpliced(within(0, to, n - 1), 0, i);
      refresh();
    };
    const cards = y.map((target, i) => {
      const card = element(`<div tabindex="0" role="slider" aria-label="Demonstration ${i + 1}" aria-valuemin="1" aria-valuemax="${n}">${i + 1}<br>
        <small><i>y</i> = ${number(target, 1)}</small></div>`);
      row.append(card);
      drag(card, (event) => {
        const { left: from, width } = row.getBoundingClientRect();
        move(i, Math.floor(n * (event.clientX - from) / width));
      });
      arrowKeys(card, ([dx]) => { if (dx) move(i, now.order.indexOf(i) + dx); });
      return card;
    });

    const dots = (points) => points.map(([a, b]) => `M${right.px(a).toFixed(1)},${right.py(b).toFixed(1)}h0`).join("");
    const chain = (way) => way.slice(1).map((to, i) => right.arrow(way[i], to, 7)).join("");
    const all = onePass.orders(n);

    const update = ({ rate, passes }, last) => {
      if (last !== chosen) {
        chosen = last;
        const { X = state.X, order = [...y.keys()] } = last;
        now = structuredClone({ X, order, query: [state.query] });
      }
      const { X, order, query: [query] } = now;
      cards.forEach((card, i) => {
        const at = order.indexOf(i) + 1;
        card.style.order = at;
        card.setAttribute("aria-valuenow", at);
        card.setAttribute("aria-valuetext", `place ${at} of ${n}`);
      });
      handles.forEach((draw) => draw());

      const each = rate / passes;
      const way = onePass.steps(order, X, y, each, passes), whole = onePass.batch(X, y, each, passes);
      const ends = all.map((some) => onePass.steps(some, X, y, each, passes).at(-1));
      const [end, batch, best] = [way.at(-1), whole.at(-1), solve(X, y)];
      parts.way.setAttribute("d", chain(way));
      parts.batch.setAttribute("d", chain(whole));
      parts.ends.setAttribute("d", dots(ends));
      parts.end.setAttribute("d", dots([end]));
      parts["batch-end"].setAttribute("d", dots([batch]));
      parts.solution.setAttribute("d", best ? `M${right.px(best[0]) - 6},${right.py(best[1]) - 6}l12,12m0,-12l-12,12` : "");

      const read = onePass.attention(X, y, rate, query);
      const { S, D } = onePass.spread(ends.map((w) => dot(w, query)), 0);
      find("tbody").innerHTML = rowsHtml([
        ["step by step, in this order", pair(end), number(dot(end, query), 3)],
        ["all at once", pair(batch), number(dot(batch, query), 3)],
        [`linear attention: ${ETA} Σ <i>y</i><sub><i>i</i></sub> ${X_I}·${Q}`, "none", number(read, 3)],
      ]);
      find("caption").innerHTML = `Over all ${all.length} orders: sensitivity <i>S</i> = <b>${number(S, 4)}</b>, `
        + `distance <i>D</i> = <b>${number(D, 4)}</b>, <i>S</i>/<i>D</i> = <b>${D ? number(S / D, 4) : "–"}</b>`;
      find("[aria-live]").textContent = `Order ${order.map((i) => i + 1).join(", ")}: answer ${number(dot(end, query), 3)}, all at once ${number(dot(batch, query), 3)}.`;
    };

    const shown = { rate: (value) => value.toFixed(2), passes: String };
    const set = sliders(view, state, shown, update);
    refresh = () => set({});
    place(root, view);
  });
}
