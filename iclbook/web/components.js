// Components of the book's pages: the slider over stored frames, and pictures that the reader moves.
// Plain JavaScript without dependencies. The site loads this file; a live notebook inlines it.
// Arithmetic stands in pure functions under window.iclbook and is tested against the Python package.
(() => {
  "use strict";

  const explorables = {};
  const register = (name, build) => { explorables[name] = build; };

  // ---- arithmetic: vectors are arrays, matrices arrays of rows ---------------------------------

  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const add = (a, b) => a.map((value, i) => value + b[i]);
  const scale = (a, factor) => a.map((value) => value * factor);
  const apply = (matrix, vector) => matrix.map((row) => dot(row, vector));

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

  // ---- small helpers for the page --------------------------------------------------------------

  const SVG = "http://www.w3.org/2000/svg";
  const svg = (name, attributes = {}, parent = null, text = "") => {
    const node = document.createElementNS(SVG, name);
    Object.entries(attributes).forEach(([key, value]) => node.setAttribute(key, value));
    node.textContent = text;
    if (parent) parent.append(node);
    return node;
  };
  const element = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html.trim();
    return template.content.firstElementChild;
  };
  const number = (value) => (Math.abs(value) < 0.005 ? 0 : value).toFixed(2).replace("-", "−");
  const pair = (vector) => `(${vector.map(number).join(", ")})`;
  const subscript = (i) => "₁₂₃₄₅"[i];

  const arrowPath = ([ax, ay], [bx, by], head = 9) => {
    const length = Math.hypot(bx - ax, by - ay);
    if (length < 0.5) return "";
    const [ux, uy, h] = [(bx - ax) / length, (by - ay) / length, Math.min(head, length / 2)];
    const wing = (side) => `${bx - h * (ux - side * 0.5 * uy)},${by - h * (uy + side * 0.5 * ux)}`;
    return `M${ax},${ay}L${bx},${by}M${wing(1)}L${bx},${by}L${wing(-1)}`;
  };

  // ---- the slider over frames ------------------------------------------------------------------

  const startFrames = (figure) => {
    const images = [...figure.querySelectorAll(".frames-stage img")];
    const control = figure.querySelector(".frames-control");
    const [slider, output, caption] = ["input", "output", "figcaption"].map((s) => figure.querySelector(s));
    const show = () => {
      const chosen = images[slider.valueAsNumber];
      images.forEach((image) => { image.hidden = image !== chosen; });
      output.value = chosen.dataset.value;
      slider.setAttribute("aria-valuetext", chosen.dataset.value);
      if (caption.textContent !== chosen.dataset.sentence) caption.textContent = chosen.dataset.sentence;
    };
    slider.addEventListener("input", show);
    control.hidden = false;
    show();
    // The site keeps frames as files: all are fetched when the reader comes near, so that none is late.
    new IntersectionObserver((entries, watch) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watch.disconnect();
      images.forEach((image) => { image.loading = "eager"; });
    }, { rootMargin: "600px" }).observe(figure);
  };

  // ---- a plane with points to drag -------------------------------------------------------------

  const SIZE = 320, MARGIN = 0.2;

  // A square picture of the plane from -reach to reach, with the functions that draw in it.
  const plane = (title, reach) => {
    const unit = SIZE / (2 * (reach + MARGIN));
    const px = (x) => SIZE / 2 + unit * x;
    const py = (y) => SIZE / 2 - unit * y;
    const picture = svg("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, role: "group", "aria-label": title });
    const back = svg("g", { "aria-hidden": "true" }, picture);
    for (let tick = -reach; tick <= reach; tick += 1) {
      svg("path", { class: tick ? "grid" : "axis", d: `M${px(tick)},0V${SIZE}M0,${py(tick)}H${SIZE}` }, back);
    }
    svg("text", { class: "tick", x: px(1), y: py(0) + 15, "text-anchor": "middle" }, back, "1");
    svg("text", { class: "tick", x: px(0) - 6, y: py(1) + 4, "text-anchor": "end" }, back, "1");

    const line = ([x0, y0], [x1, y1]) => `M${px(x0)},${py(y0)}L${px(x1)},${py(y1)}`;
    const arrow = (from, to, head) => arrowPath([px(from[0]), py(from[1])], [px(to[0]), py(to[1])], head);
    const locate = (event) => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
      return [(at.x - SIZE / 2) / unit, (SIZE / 2 - at.y) / unit];
    };
    const path = (cls) => svg("path", { class: cls }, picture);
    return { picture, reach, px, py, line, arrow, locate, path };
  };

  // A handle: drag it with mouse or finger, or focus it and press arrow keys (Shift: larger steps).
  const handle = ({ picture, reach, px, py, line, locate }, { role, name, label, get, set }) => {
    const group = svg("g", {
      class: `point ${role}`, tabindex: 0, role: "slider", "aria-label": name,
      "aria-roledescription": "point in the plane", "aria-valuemin": -reach, "aria-valuemax": reach,
    }, picture);
    const shaft = svg("path", { class: "shaft" }, group);
    const circles = [["touch", 22], ["ring", 12], ["dot", 7]].map(([cls, r]) =>
      svg("circle", { class: cls, r }, group));
    const text = svg("text", { class: "name", "text-anchor": "middle" }, group, label);
    const move = (point) => set(point.map((value) => Math.round(Math.max(-reach, Math.min(reach, value)) * 100) / 100));

    // A finger on a point drags it and does not scroll; `touch-action` has no effect inside an SVG.
    group.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    group.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault();
      group.focus();
      group.setPointerCapture(event.pointerId);
    });
    group.addEventListener("pointermove", (event) => {
      if (group.hasPointerCapture(event.pointerId)) move(locate(event));
    });
    group.addEventListener("keydown", (event) => {
      const step = event.shiftKey ? 0.5 : 0.1;
      const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] || [];
      if (dx === undefined) return;
      event.preventDefault();
      move(add(get(), [step * dx, step * dy]));
    });

    return () => {
      const [x, y] = get();
      const away = Math.hypot(x, y) || 1;
      shaft.setAttribute("d", line([0, 0], [x, y]));
      circles.forEach((circle) => { circle.setAttribute("cx", px(x)); circle.setAttribute("cy", py(y)); });
      text.setAttribute("x", Math.max(14, Math.min(SIZE - 14, px(x) + 20 * x / away)));
      text.setAttribute("y", Math.max(16, Math.min(SIZE - 6, py(y) - 20 * y / away + 5)));
      group.setAttribute("aria-valuenow", x);
      group.setAttribute("aria-valuetext", `x ${number(x)}, y ${number(y)}`);
    };
  };

  // ---- explorable: demonstrations as fast weights ----------------------------------------------

  const MOST = 5;
  const SPARE = [  // key and value of a second, third, fourth and fifth demonstration
    [[-1.2, -0.7], [0.4, 0.9]], [[0.5, -1.3], [1.3, 0.4]], [[-0.9, 0.4], [0.7, -1.2]], [[1.4, 1.1], [-0.5, 0.3]],
  ];
  const K = (i) => `<i>k</i><sub>${i}</sub>`, V = (i) => `<i>v</i><sub>${i}</sub>`;
  const ZSL = "<i>W</i><sub>ZSL</sub>", ICL = "Δ<i>W</i><sub>ICL</sub>", Q = "<i>q</i>";
  const swatch = (cls, text) =>
    `<li><svg viewBox="0 0 28 10" aria-hidden="true"><path class="${cls}" d="M2,5H26"/></svg><span>${text}</span></li>`;

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

  const matrixHtml = (name, matrix, cls) => `
    <span class="matrix ${cls}"><span class="matrix-name">${name}</span>
    <span class="matrix-body">${matrix.map((row) => row.map((value) => `<span>${number(value)}</span>`).join("")).join("")}</span></span>`;

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
        outside: svg("text", { x: SIZE / 2, y: SIZE - 8, "text-anchor": "middle" }, right.picture),
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
      parts.handles.forEach((place) => place());
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
      const outside = Math.max(...prediction.map(Math.abs)) > right.reach + MARGIN;
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
    root.prepend(view);
    root.querySelector("details.numbers").open = false;
  });

  // ---- explorable: GD++ through the eigenvalues of X X^T ------------------------------------------

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
  };

  // A picture with two axes; `hold` keeps what lies outside at its edge.
  const chart = ({ title, x: [x0, x1], y: [y0, y1], xs, ys, xLabel }) => {
    const [width, height, left, right, top, bottom] = [340, 250, 34, 10, 10, 38];
    const px = (x) => left + (width - left - right) * (x - x0) / (x1 - x0);
    const py = (y) => height - bottom - (height - top - bottom) * (y - y0) / (y1 - y0);
    const hold = (y) => py(Math.max(y0, Math.min(y1, y)));
    const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title });
    xs.forEach((x) => {
      svg("path", { class: "grid", d: `M${px(x)},${py(y0)}V${py(y1)}` }, picture);
      svg("text", { class: "tick", x: px(x), y: height - bottom + 14, "text-anchor": "middle" }, picture, x);
    });
    ys.forEach((y) => {
      svg("path", { class: y ? "grid" : "axis", d: `M${px(x0)},${py(y)}H${px(x1)}` }, picture);
      svg("text", { class: "tick", x: left - 6, y: py(y) + 4, "text-anchor": "end" }, picture, String(y).replace("-", "−"));
    });
    svg("text", { class: "tick", x: px(x1), y: height - 6, "text-anchor": "end" }, picture, xLabel);
    const path = (cls) => svg("path", { class: cls }, picture);
    const curve = (f, count = 160) => Array.from({ length: count + 1 }, (_, i) => x0 + (x1 - x0) * i / count)
      .map((x, i) => `${i ? "L" : "M"}${px(x).toFixed(1)},${hold(f(x)).toFixed(1)}`).join("");
    const rug = (values) => values.map((x) => `M${px(x).toFixed(1)},${py(y0)}v-8`).join("");
    const sideRug = (values) => values.map((y) => `M${px(x0)},${hold(y).toFixed(1)}h8`).join("");
    return { picture, px, hold, path, curve, rug, sideRug };
  };

  // A button for the start and for each preset, which move the sliders; then the first picture.
  const presetButtons = (view, inputs, state, update) => {
    const set = (values) => {
      Object.entries(inputs).forEach(([name, input]) => { input.value = values[name]; });
      update();
    };
    [{ ...state, name: "Start again" }, ...state.presets].forEach((preset) => {
      const button = element('<button type="button"></button>');
      button.textContent = preset.name;
      button.addEventListener("click", () => set(preset));
      view.querySelector(".buttons").append(button);
    });
    view.addEventListener("input", update);
    set(state);
  };

  const amount = (value) => (value >= 1000 ? value.toExponential(0).replace("e+", "e") : value.toPrecision(3));
  const LAMBDA = "<i>λ</i>";

  const GDPP = `
    <div class="sliding gdpp">
      <div class="sliders">
        <label><span>learning rate <i>η</i></span> <input type="range" name="eta" min="0" max="40" step="0.1"> <output></output></label>
        <label><span><i>γ</i> (0 is plain GD)</span> <input type="range" name="gamma" min="0" max="0.3" step="0.001"> <output></output></label>
        <label><span>layers</span> <input type="range" name="layers" min="1" max="${DEEPEST}" step="1"> <output></output></label>
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
      <table class="losses">
        <caption>Loss after each layer; the bar ends at the loss of answering zero</caption>
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
    const inputs = Object.fromEntries([...view.querySelectorAll("input")].map((input) => [input.name, input]));
    const zero = gdpp.loss(state.contexts, 0, 0, state, 1);

    const update = () => {
      const [eta, gamma, layers] = ["eta", "gamma", "layers"].map((name) => inputs[name].valueAsNumber);
      const shown = { eta: eta.toFixed(1), gamma: gamma.toFixed(3), layers: String(layers) };
      Object.entries(inputs).forEach(([name, input]) => { input.parentElement.querySelector("output").value = shown[name]; });

      const change = (lam) => gdpp.changeEigenvalue(lam, gamma);
      const rest = (lam) => gdpp.residual(lam, eta, gamma, state.N, layers);
      parts.changed.plain.setAttribute("d", changed.curve((lam) => lam));
      parts.changed.plus.setAttribute("d", changed.curve(change));
      parts.changed.sample.setAttribute("d", changed.rug(all) + changed.sideRug(all.map(change)));
      parts.left.plain.setAttribute("d", left.curve((lam) => gdpp.residual(lam, eta, 0, state.N, layers)));
      parts.left.plus.setAttribute("d", left.curve(rest));
      parts.left.sample.setAttribute("d", left.rug(all));
      const top = gamma ? 1 / (3 * gamma) : Infinity;
      peak.textContent = top < 4.5 ? `highest at 1/(3γ) = ${number(top)}` : "";
      peak.setAttribute("x", Math.max(100, Math.min(250, changed.px(Math.min(top, 5)))));
      peak.setAttribute("y", changed.hold(change(Math.min(top, 5))) - 8);

      const rows = Array.from({ length: DEEPEST }, (_, i) => [0, gamma].map((g) => gdpp.loss(state.contexts, eta, g, state, i + 1)));
      find("tbody").innerHTML = rows.map(([plain, plus], i) => `
        <tr class="${i + 1 === layers ? "chosen" : ""}"><th scope="row">${i + 1}</th><td>${amount(plain)}</td><td>${amount(plus)}</td>
        <td aria-hidden="true"><span class="track"><span class="plain" style="width:${100 * Math.min(1, plain / zero)}%"></span>
        <span class="plus" style="width:${100 * Math.min(1, plus / zero)}%"></span></span></td></tr>`).join("");
      const [plain, plus] = rows[layers - 1];
      find("[aria-live]").textContent = `Loss after ${layers} layers: GD ${amount(plain)}, GD++ ${amount(plus)}.`;
    };

    presetButtons(view, inputs, state, update);
    root.prepend(view);
    root.querySelector("details.numbers").open = false;
  });

  // ---- explorable: what normalising before the difference makes of noise -------------------------

  const noise = {
    // expected cosine of the normalised updates of orthogonal noises of this size
    chance: (rho) => (1 - 1 / Math.hypot(1, rho)) / 2,
    // cosines of two updates of length rho of a unit vector z: of the plain ones, and of the changes
    // of the sums brought to length 1; only the products u·z, v·z and u·v of directions count
    cosines: (rho, [uz, vz, uv]) => {
      const [toU, toV] = [uz, vz].map((along) => Math.sqrt(1 + 2 * rho * along + rho * rho));
      const [x, y] = [(1 + rho * uz) / toU, (1 + rho * vz) / toV];  // cosines of the sums with z
      const both = (1 + rho * (uz + vz) + rho * rho * uv) / (toU * toV);
      return { plain: uv, normalised: (1 + both - x - y) / (2 * Math.sqrt((1 - x) * (1 - y))) };
    },
    // the products of random directions in d dimensions, the same ones for the same seed
    draw: (d, count, seed) => {
      const uniform = () => {  // mulberry32
        seed = (seed + 0x6D2B79F5) | 0;
        let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
      };
      const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
      const direction = () => {
        const vector = Array.from({ length: d }, normal);
        return scale(vector, 1 / Math.hypot(...vector));
      };
      return Array.from({ length: count }, () => {
        const [u, v] = [direction(), direction()];
        return [u[0], v[0], dot(u, v)];  // z is the first axis
      });
    },
  };

  // z stands upright on the centre of the unit sphere; noise orthogonal to it lies in a disc at its tip.
  const tent = () => {
    const [width, height, unit, tilt] = [340, 200, 52, 0.5];
    const [upright, depth] = [Math.cos(tilt), Math.sin(tilt)];
    const at = ([right, near, up]) => [width / 2 + unit * right, 130 - unit * (up * upright - near * depth)];
    const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "A vector and two updates of it" });
    const [cx, cy] = at([0, 0, 0]);
    svg("circle", { class: "sphere", cx, cy, r: unit }, picture);
    const [tipX, tipY] = at([0, 0, 1]);
    const disc = svg("ellipse", { class: "disc", cx: tipX, cy: tipY }, picture);
    const grow = (rho) => { disc.setAttribute("rx", unit * rho); disc.setAttribute("ry", unit * rho * depth); };
    const arrow = (from, to) => arrowPath(at(from), at(to));
    const line = (from, to) => `M${at(from)}L${at(to)}`;
    const path = (cls) => svg("path", { class: cls }, picture);
    const name = (text, cls = "") => svg("text", { class: cls, "text-anchor": "middle" }, picture, text);
    const put = (node, point, [dx, dy]) => {
      const [x, y] = at(point);
      node.setAttribute("x", Math.max(10, Math.min(width - 10, x + dx)));
      node.setAttribute("y", y + dy);
    };
    return { picture, arrow, line, path, name, put, grow };
  };

  const NOISE = `
    <div class="sliding noise">
      <div class="sliders">
        <label><span>size of the noise <i>ρ</i></span> <input type="range" name="rho" min="0.05" max="3" step="0.01"> <output></output></label>
        <label><span>their angle</span> <input type="range" name="angle" min="0" max="180" step="1"> <output></output></label>
        <label><span>dimensions</span> <input type="range" name="power" min="1" max="10" step="1"> <output></output></label>
      </div>
      <p class="buttons"></p>
      <div class="planes">
        <div class="tent">
          <p class="title">Two updates of a vector <i>z</i></p>
          <ul class="legend">
            ${swatch("plain", "plain updates, at a right angle to <i>z</i>")}
            ${swatch("normalised", "after normalising: from <i>z</i> to points of the sphere")}
          </ul>
        </div>
        <div class="cosine">
          <p class="title">Cosine of the two updates</p>
          <ul class="legend">
            ${swatch("plain", "plain, at this angle; dots: random noise")}
            ${swatch("normalised", "normalised, at this angle; dots: the same noise")}
            ${swatch("chance", "chance: normalised, at a right angle")}
          </ul>
        </div>
      </div>
      <table class="losses">
        <caption>Cosine of the two updates; for random noise the mean of the dots</caption>
        <thead><tr><th scope="col">updates</th><th scope="col">at this angle</th><th scope="col">random noise</th><th scope="col">chance</th></tr></thead>
        <tbody></tbody>
      </table>
      <p class="unseen" aria-live="polite"></p>
    </div>`;

  register("noise", (root, state) => {
    const view = element(NOISE);
    const find = (selector) => view.querySelector(selector);
    const left = tent();
    const right = chart({
      title: "Cosine against the size of the noise", x: [0, 3], y: [-1, 1], xs: [0, 1, 2, 3], ys: [-1, -0.5, 0, 0.5, 1], xLabel: "size ρ",
    });
    find(".tent .title").after(left.picture);
    find(".cosine .title").after(right.picture);
    const parts = {
      z: left.path("vector"), sums: left.path("sums"), plain: left.path("plain"), normalised: left.path("normalised"),
      chance: right.path("chance"), plainCurve: right.path("plain"), curve: right.path("normalised"),
      plainDots: right.path("dots plain"), dots: right.path("dots normalised"),
    };
    const names = ["z", "u", "v"].map((text) => left.name(text));
    parts.chance.setAttribute("d", right.curve(noise.chance));
    const inputs = Object.fromEntries([...view.querySelectorAll("input")].map((input) => [input.name, input]));
    const kept = {};
    const drawn = (d) => (kept[d] ||= noise.draw(d, state.count, state.seed));

    const update = () => {
      const [rho, angle, power] = ["rho", "angle", "power"].map((name) => inputs[name].valueAsNumber);
      const d = 2 ** power, half = angle / 360 * Math.PI, uv = Math.cos(2 * half);
      const shown = { rho: rho.toFixed(2), angle: `${angle}°`, power: String(d) };
      Object.entries(inputs).forEach(([name, input]) => {
        input.parentElement.querySelector("output").value = shown[name];
        input.setAttribute("aria-valuetext", shown[name]);
      });

      const tip = [0, 0, 1], sums = [-1, 1].map((side) => [side * rho * Math.sin(half), rho * Math.cos(half), 1]);
      const units = sums.map((sum) => scale(sum, 1 / Math.hypot(...sum)));
      left.grow(rho);
      parts.z.setAttribute("d", left.arrow([0, 0, 0], tip));
      parts.sums.setAttribute("d", sums.map((sum) => left.line([0, 0, 0], sum)).join(""));
      parts.plain.setAttribute("d", sums.map((sum) => left.arrow(tip, sum)).join(""));
      parts.normalised.setAttribute("d", units.map((unit) => left.arrow(tip, unit)).join(""));
      [tip, ...sums].forEach((point, i) => left.put(names[i], point, [[0, -8], [-10, 12], [10, 12]][i]));

      const here = noise.cosines(rho, [0, 0, uv]);
      const random = drawn(d).map((products) => noise.cosines(rho, products));
      parts.plainCurve.setAttribute("d", right.curve(() => uv, 1));
      parts.curve.setAttribute("d", right.curve((size) => noise.cosines(Math.max(size, 0.01), [0, 0, uv]).normalised));
      const column = (values, shift) => values.map((y, i) =>
        `M${(right.px(rho) + shift + 6 * (i % 5 - 2) / 2).toFixed(1)},${right.hold(y).toFixed(1)}h0`).join("");
      parts.plainDots.setAttribute("d", column(random.map((pair) => pair.plain), -10));
      parts.dots.setAttribute("d", column(random.map((pair) => pair.normalised), 10));

      const mean = (key) => random.reduce((sum, pair) => sum + pair[key], 0) / random.length;
      const rows = [["plain", "plain", 0], ["normalised", "normalised", noise.chance(rho)]];
      find("tbody").innerHTML = rows.map(([key, name, chance]) => `
        <tr><th scope="row">${name}</th><td>${number(here[key])}</td><td>${number(mean(key))}</td><td>${number(chance)}</td></tr>`).join("");
      find("[aria-live]").textContent = `At this angle plain ${number(here.plain)}, normalised ${number(here.normalised)}. `
        + `Random noise in ${d} dimensions: plain ${number(mean("plain"))}, normalised ${number(mean("normalised"))}.`;
    };

    presetButtons(view, inputs, state, update);
    root.prepend(view);
    root.querySelector("details.numbers").open = false;
  });

  // ---- explorable: the patch of one question, on another -----------------------------------------

  const rankOne = {
    // how much of its change the patch gives to z: (z0 . z) / |z0|^2
    share: (z0, z) => dot(z0, z) / (dot(z0, z0) || 1),
    // W (zC - z0) z0^T / |z0|^2
    patch: (W, z0, zC) => {
      const change = apply(W, add(zC, scale(z0, -1)));
      return change.map((value) => scale(z0, value / (dot(z0, z0) || 1)));
    },
    // (W + patch) z
    patched: (W, z0, zC, z) => apply(rankOne.patch(W, z0, zC).map((row, i) => add(row, W[i])), z),
  };

  const Z0 = "<i>z</i><sub>0</sub>", ZC = "<i>z</i><sub>C</sub>", Z = "<i>z</i>", MLP = "<i>W</i>", PATCH = "Δ<i>W</i>";
  const RANK_ONE = `
    <div class="fast-weights rank-one">
      <div class="planes">
        <div class="inputs">
          <p class="title">Drag what the MLP reads: ${Z0}, ${ZC}, and another question's ${Z}</p>
          <ul class="legend">
            ${swatch("weight", `${Z} projected on ${Z0}`)}
            ${swatch("chain", `the change ${ZC} − ${Z0}, and what ${Z} gets of it`)}
          </ul>
        </div>
        <div class="outputs">
          <p class="title">What the first matrix makes of it</p>
          <ul class="legend">
            ${swatch("chain", `the patch's own question: ${MLP} ${Z0} to ${MLP} ${ZC}`)}
            ${swatch("zero-shot", `without the patch: ${MLP} ${Z}`)}
            ${swatch("update", `what the patch adds: ${PATCH} ${Z}`)}
            ${swatch("prediction", `with the patch: (${MLP} + ${PATCH}) ${Z}`)}
          </ul>
        </div>
      </div>
      <div class="readings">
        <p><strong>Share of the change</strong> <span data-reading="share"></span></p>
        <p><strong>Without the patch</strong> <span data-reading="without"></span></p>
        <p class="trained"><strong>With the patch</strong> <span data-reading="with"></span></p>
      </div>
      <div class="quantities"><div class="matrices"></div></div>
      <p class="buttons">
        <button type="button" data-do="own">${Z} = ${Z0}, its own question</button>
        <button type="button" data-do="right">${Z} at a right angle to ${Z0}</button>
        <button type="button" data-do="reset">Start again</button>
      </p>
      <p class="hint">With a keyboard: Tab to a point, then the arrow keys; hold Shift for larger steps.</p>
      <p class="unseen" aria-live="polite"></p>
    </div>`;

  register("rank-one", (root, state) => {
    const view = element(RANK_ONE);
    const find = (selector) => view.querySelector(selector);
    const left = plane("What the MLP reads", 2), right = plane("What the first matrix gives", 3);
    find(".inputs .title").after(left.picture);
    find(".outputs .title").after(right.picture);
    const parts = {
      ray: left.path("ray"), foot: left.path("weight"), change: left.path("chain"), gets: left.path("chain"),
      own: right.path("chain"), zeroShot: right.path("zero-shot"), update: right.path("update"), prediction: right.path("prediction"),
    };
    let now;
    const point = (role, name, label, key) => handle(left, {
      role, name, label, get: () => now[key], set: (value) => { now[key] = value; update(); },
    });
    const handles = [
      point("context", "z with the context", "zC", "zC"),
      point("zero", "z without the context", "z₀", "z0"),
      point("query", "z of another question", "z", "z"),
    ];

    const update = () => {
      const { W, z0, zC, z } = now;
      const share = rankOne.share(z0, z), patch = rankOne.patch(W, z0, zC);
      const [before, after] = [apply(W, z), rankOne.patched(W, z0, zC, z)];
      const moved = add(z, scale(add(zC, scale(z0, -1)), share)), foot = scale(z0, share);
      const far = scale(z0, 2 * left.reach / (Math.hypot(...z0) || 1));
      handles.forEach((place) => place());
      parts.ray.setAttribute("d", left.line(scale(far, -1), far));
      parts.foot.setAttribute("d", left.line(z, foot));
      parts.change.setAttribute("d", left.arrow(z0, zC));
      parts.gets.setAttribute("d", left.arrow(z, moved));
      parts.own.setAttribute("d", right.arrow(apply(W, z0), apply(W, zC)));
      parts.zeroShot.setAttribute("d", right.arrow([0, 0], before));
      parts.update.setAttribute("d", right.arrow(before, after));
      parts.prediction.setAttribute("d", right.arrow([0, 0], after, 12));

      find("[data-reading=share]").innerHTML = `(${Z0}·${Z}) / |${Z0}|² = <b>${number(share)}</b>`;
      find("[data-reading=without]").innerHTML = `${MLP} ${Z} = <b>${pair(before)}</b>`;
      find("[data-reading=with]").innerHTML = `${MLP} ${Z} + ${number(share)} ${MLP} (${ZC} − ${Z0}) = <b>${pair(after)}</b>`;
      find(".matrices").innerHTML = matrixHtml(MLP, W, "zero") + "<span>+</span>" + matrixHtml(PATCH, patch, "trained")
        + "<span>=</span>" + matrixHtml(`${MLP} + ${PATCH}`, patch.map((row, i) => add(row, W[i])), "");
      find("[aria-live]").textContent = `Share ${number(share)}. Without the patch ${pair(before)}, with it ${pair(after)}.`;
    };

    const actions = {
      own: () => { now.z = [...now.z0]; update(); },
      right: () => { now.z = [-now.z0[1], now.z0[0]]; update(); },
      reset: () => { now = structuredClone(state); update(); },
    };
    view.addEventListener("click", (event) => actions[event.target.closest("button")?.dataset.do]?.());
    actions.reset();
    root.prepend(view);
    root.querySelector("details.numbers").open = false;
  });

  const start = (scope = document) => {
    scope.querySelectorAll("figure.frames:not([data-ready])").forEach((figure) => {
      figure.dataset.ready = "";
      startFrames(figure);
    });
    scope.querySelectorAll(".explorable:not([data-ready])").forEach((root) => {
      root.dataset.ready = "";
      explorables[root.dataset.explorable](root, JSON.parse(root.dataset.state));
    });
  };

  window.iclbook = { fastWeights, gdpp, noise, rankOne, start };
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", () => start());
  else start();
})();
