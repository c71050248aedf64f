// Explorable: demonstrations as fast weights. Keys, values and a query to drag; what attention sums one
// by one is what a weight update does at once.
{
  const { add, apply, dot, element, handle, matrixHtml, number, pair, place, plane, register, scale, svg, swatch } = iclbook;

  const fastWeights = {
    // sum_i v_i k_i^T, shape (d_v, d_k)
    deltaW: (keys, values) => values[0].map((_, row) => keys[0].map((_, column) =>
      keys.reduce((sum, key, i) => sum + values[i][row] * key[column], 0))),
    // sum_i (k_i . q) v_i, without any matrix
    linearAttention: (keys, values, query) => keys.reduce((sum, key, i) =>
      add(sum, scale(values[i], dot(key, query))), values[0].map(() => 0)),
    // (W + Delta W) q
    predict: (weights, keys, values, query) =>
      apply(fastWeights.deltaW(keys, values).map((row, i) => add(row, weights[i])), query),
  };
  iclbook.fastWeights = fastWeights;

  const subscript = (i) => "₁₂₃₄₅"[i];
  const MOST = 5;
  const SPARE = [  // key and value of a second, third, fourth and fifth demonstration
    [[-1.2, -0.7], [0.4, 0.9]], [[0.5, -1.3], [1.3, 0.4]], [[-0.9, 0.4], [0.7, -1.2]], [[1.4, 1.1], [-0.5, 0.3]],
  ];
  const K = (i) => `<i>k</i><sub>${i}</sub>`, V = (i) => `<i>v</i><sub>${i}</sub>`;
  const ZSL = "<i>W</i><sub>ZSL</sub>", ICL = "Δ<i>W</i><sub>ICL</sub>", Q = "<i>q</i>";
  const FAST_WEIGHTS = `
    <div class="fast-weights">
      <div class="planes">
        <div class="keys">
          <p class="title">Drag the keys ${K("i")} and the query ${Q}</p>
          <ul class="legend">${swatch("weight", `weight ${K("i")}·${Q}: ${K("i")} projected on ${Q}`)}</ul>
        </div>
        <div class="values">
          <p class="title">Drag the values ${V("i")}</p>
          <ul class="legend">
            ${swatch("zero-shot", `zero-shot ${ZSL} ${Q}`)}
            ${swatch("chain", `attention, one (${K("i")}·${Q}) ${V("i")} after another`)}
            ${swatch("update", `weight update ${ICL} ${Q}`)}
            ${swatch("prediction", "prediction")}
          </ul>
        </div>
      </div>
      <div class="readings">
        <p class="attention"><strong>As attention</strong> <span data-reading="attention"></span></p>
        <p class="trained"><strong>As a weight update</strong> <span data-reading="update"></span></p>
        <p><strong>Prediction</strong> <span data-reading="prediction"></span></p>
      </div>
      <div class="quantities"><div class="weights"></div><div class="matrices"></div></div>
      <p class="buttons">
        <button type="button" data-do="add">Add a demonstration</button>
        <button type="button" data-do="remove">Remove the last</button>
        <button type="button" data-do="reset">Start again</button>
      </p>
      <p class="hint">With a keyboard: Tab to a point, then the arrow keys; hold Shift for larger steps.</p>
      <p class="unseen" aria-live="polite"></p>
    </div>`;

  const weightHtml = (weight, i, most) => `
    <div class="bar"><span>${K(i + 1)}·${Q}</span>
    <span class="track"><span class="fill" style="width:${50 * Math.abs(weight) / most}%;${weight < 0 ? "right" : "left"}:50%"></span></span>
    <span class="amount">${number(weight)}</span></div>`;

  register("fast-weights", (root, state) => {
    const view = element(FAST_WEIGHTS);
    const find = (selector) => view.querySelector(selector);
    let now, parts;

    // The planes are built again when demonstrations come or go; dragging only moves what is there.
    const build = () => {
      view.querySelectorAll(".planes > div > svg").forEach((old) => old.remove());
      const left = plane("Keys and the query", 2), right = plane("Values and the prediction", 3);
      find(".keys .title").after(left.picture);
      find(".values .title").after(right.picture);
      const point = (where, role, name, label, list, i) => handle(where, {
        role, name, label, get: () => list[i], set: (value) => { list[i] = value; update(); },
      });
      parts = {
        left,
        right,
        ray: left.path("ray"),
        weights: now.keys.map(() => left.path("weight")),
        zeroShot: right.path("zero-shot"),
        update: right.path("update"),
        chain: now.keys.map(() => right.path("chain")),
        prediction: right.path("prediction"),
        outside: svg("text", { x: right.size / 2, y: right.size - 8, "text-anchor": "middle" }, right.picture),
        handles: [
          ...now.keys.map((_, i) => point(left, "demonstration", `Key ${i + 1}`, `k${subscript(i)}`, now.keys, i)),
          point(left, "query", "Query", "q", now.query, 0),
          ...now.values.map((_, i) => point(right, "demonstration", `Value ${i + 1}`, `v${subscript(i)}`, now.values, i)),
        ],
      };
      find("[data-do=add]").disabled = now.keys.length >= MOST;
      find("[data-do=remove]").disabled = now.keys.length <= 1;
      update();
    };

    const update = () => {
      const { W, keys, values, query: [q] } = now;
      const weights = keys.map((key) => dot(key, q));
      const learned = fastWeights.deltaW(keys, values);
      const zeroShot = apply(W, q);
      const byAttention = fastWeights.linearAttention(keys, values, q), byWeights = apply(learned, q);
      const prediction = fastWeights.predict(W, keys, values, q);

      const { left, right } = parts;
      const length = Math.hypot(...q) || 1, far = scale(q, 2 * left.reach / length);
      parts.handles.forEach((draw) => draw());
      parts.ray.setAttribute("d", left.line(scale(far, -1), far));
      parts.weights.forEach((path, i) => {
        const foot = scale(q, weights[i] / (length * length));
        path.setAttribute("d", left.line(keys[i], foot) + left.line([0, 0], foot));
      });
      parts.zeroShot.setAttribute("d", right.arrow([0, 0], zeroShot));
      parts.update.setAttribute("d", right.arrow(zeroShot, prediction));
      let from = zeroShot;
      parts.chain.forEach((path, i) => {
        const to = add(from, scale(values[i], weights[i]));
        path.setAttribute("d", right.arrow(from, to, 6));
        from = to;
      });
      parts.prediction.setAttribute("d", right.arrow([0, 0], prediction, 12));
      const outside = Math.max(...prediction.map(Math.abs)) > right.reach;
      parts.outside.textContent = outside ? `prediction at ${pair(prediction)}, outside` : "";

      const terms = keys.map((_, i) => `(${K(i + 1)}·${Q}) ${V(i + 1)}`).join(" + ");
      find("[data-reading=attention]").innerHTML = `${terms} = <b>${pair(byAttention)}</b>`;
      find("[data-reading=update]").innerHTML = `${ICL} ${Q} = <b>${pair(byWeights)}</b>, the same vector`;
      find("[data-reading=prediction]").innerHTML = `${ZSL} ${Q} + ${ICL} ${Q} = ${pair(zeroShot)} + ${pair(byWeights)} = <b>${pair(prediction)}</b>`;
      const most = Math.max(2, ...weights.map(Math.abs));
      find(".weights").innerHTML = weights.map((weight, i) => weightHtml(weight, i, most)).join("");
      find(".matrices").innerHTML = matrixHtml(ZSL, W, "zero") + "<span>+</span>" + matrixHtml(ICL, learned, "trained")
        + "<span>=</span>" + matrixHtml("<i>W</i>", learned.map((row, i) => add(row, W[i])), "");
      find("[aria-live]").textContent = `Update ${pair(byWeights)}. Prediction ${pair(prediction)}.`;
    };

    const reset = () => {
      const { W, keys, values, query } = structuredClone(state);
      now = { W, keys, values, query: [query] };
      build();
    };
    const actions = {
      add: () => {
        const [key, value] = structuredClone(SPARE[now.keys.length - 1]);
        now.keys.push(key);
        now.values.push(value);
        build();
      },
      remove: () => {
        now.keys.pop();
        now.values.pop();
        build();
      },
      reset,
    };
    view.addEventListener("click", (event) => actions[event.target.dataset.do]?.());
    reset();
    place(root, view);
  });
}
