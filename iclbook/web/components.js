// Components of the book's pages: the slider over stored frames, values of a picture to point at, and
// what the pictures share that a reader moves. Each of those has a file of its own, which registers itself here. Plain JavaScript
// without dependencies. The site loads these files; a live notebook inlines them.
// Arithmetic stands in pure functions under window.iclbook and is tested against the Python package.
(() => {
  "use strict";

  // ---- arithmetic: vectors are arrays, matrices arrays of rows ---------------------------------

  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const add = (a, b) => a.map((value, i) => value + b[i]);
  const scale = (a, factor) => a.map((value) => value * factor);
  const apply = (matrix, vector) => matrix.map((row) => dot(row, vector));
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const within = (low, value, high) => Math.max(low, Math.min(high, value));

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
  const number = (value, digits = 2) =>
    (Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value).toFixed(digits).replace("-", "−");
  const pair = (vector) => `(${vector.map((value) => number(value)).join(", ")})`;
  const swatch = (cls, text) =>
    `<li><svg viewBox="0 0 28 10" aria-hidden="true"><path class="${cls}" d="M2,5H26"/></svg><span>${text}</span></li>`;
  const matrixHtml = (name, matrix, cls) => `
    <span class="matrix ${cls}"><span class="matrix-name">${name}</span>
    <span class="matrix-body">${matrix.map((row) => row.map((value) => `<span>${number(value)}</span>`).join("")).join("")}</span></span>`;
  const rowsHtml = (rows) => rows.map(([name, ...cells]) =>
    `<tr><th scope="row">${name}</th>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`).join("");

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

  // ---- values of a picture to point at ---------------------------------------------------------

  // The picture is the last one before; the values are places in percent of it, with a text each.
  const startPointing = (line) => {
    const image = [...document.querySelectorAll("img")].findLast((img) =>
      img.compareDocumentPosition(line) & Node.DOCUMENT_POSITION_FOLLOWING);
    const points = JSON.parse(line.dataset.points);
    const stage = element('<span class="pointing-stage" tabindex="0" role="group" aria-label="Values of the figure: point at them, or use the arrow keys"><span class="pointing-mark" hidden></span></span>');
    const mark = stage.firstElementChild;
    image.before(stage);
    stage.prepend(image);
    stage.after(line);
    let chosen = -1;
    const choose = (i) => {
      chosen = i;
      const [left, top, text] = points[i];
      Object.assign(mark.style, { left: `${left}%`, top: `${top}%` });
      mark.hidden = false;
      line.textContent = text;
    };
    const nearest = (event) => {
      const { left, top, width, height } = image.getBoundingClientRect();
      const away = points.map(([x, y]) => Math.hypot(x / 100 * width - event.clientX + left, y / 100 * height - event.clientY + top));
      const closest = Math.min(...away);
      if (closest < 40) choose(away.indexOf(closest));
    };
    ["pointermove", "pointerdown"].forEach((kind) => stage.addEventListener(kind, nearest));
    arrowKeys(stage, ([dx, dy], far) => choose(within(0, chosen + (dx - dy) * (far ? 10 : 1), points.length - 1)));
    line.textContent = "Point at the figure to read its values; with a keyboard, use the arrow keys on it.";
    line.setAttribute("role", "status");
    line.hidden = false;
  };

  // ---- what can be dragged ---------------------------------------------------------------------

  // Follow a mouse or a finger that holds an element. A finger drags and does not scroll, unless the
  // element's own `touch-action` says how; inside of an SVG that has no effect.
  const drag = (held, follow, scrolls = false) => {
    if (!scrolls) held.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    held.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault();
      held.focus();
      held.setPointerCapture(event.pointerId);
    });
    held.addEventListener("pointermove", (event) => {
      if (held.hasPointerCapture(event.pointerId)) follow(event);
    });
  };

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

  // Call `move` with a step for each arrow key: longer with Shift.
  const arrowKeys = (held, move) => held.addEventListener("keydown", (event) => {
    if (!ARROWS[event.key]) return;
    event.preventDefault();
    move(ARROWS[event.key], event.shiftKey);
  });

  // Where an event is, in the units of a picture's view box.
  const locate = (picture, event) =>
    new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());

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
    const at = (event) => {
      const { x, y } = locate(picture, event);
      return [(x - SIZE / 2) / unit, (SIZE / 2 - y) / unit];
    };
    const path = (cls) => svg("path", { class: cls }, picture);
    return { picture, reach, size: SIZE, px, py, line, arrow, at, path };
  };

  // A handle: drag it with mouse or finger, or focus it and press arrow keys (Shift: larger steps).
  const handle = ({ picture, reach, px, py, line, at }, { role, name, label, get, set }) => {
    const group = svg("g", {
      class: `point ${role}`, tabindex: 0, role: "slider", "aria-label": name,
      "aria-roledescription": "point in the plane", "aria-valuemin": -reach, "aria-valuemax": reach,
    }, picture);
    const shaft = svg("path", { class: "shaft" }, group);
    const circles = [["touch", 22], ["ring", 12], ["dot", 7]].map(([cls, r]) =>
      svg("circle", { class: cls, r }, group));
    const text = svg("text", { class: "name", "text-anchor": "middle" }, group, label);
    const move = (point) => set(point.map((value) => Math.round(within(-reach, value, reach) * 100) / 100));

    drag(group, (event) => move(at(event)));
    arrowKeys(group, (step, far) => move(add(get(), scale(step, far ? 0.5 : 0.1))));

    return () => {
      const [x, y] = get();
      const away = Math.hypot(x, y) || 1;
      shaft.setAttribute("d", line([0, 0], [x, y]));
      circles.forEach((circle) => { circle.setAttribute("cx", px(x)); circle.setAttribute("cy", py(y)); });
      text.setAttribute("x", within(14, px(x) + 20 * x / away, SIZE - 14));
      text.setAttribute("y", within(16, py(y) - 20 * y / away + 5, SIZE - 6));
      group.setAttribute("aria-valuenow", x);
      group.setAttribute("aria-valuetext", `x ${number(x)}, y ${number(y)}`);
    };
  };

  // ---- a picture with two axes -----------------------------------------------------------------

  // What lies outside of the axes is cut off at their edge.
  const chart = ({ title, x: [x0, x1], y: [y0, y1], xs, ys, xLabel }) => {
    const [width, height, left, right, top, bottom] = [340, 250, 34, 16, 10, 38];
    const far = (value) => within(-1e5, value, 1e5);  // far outside, and still a number to draw
    const px = (x) => left + (width - left - right) * (x - x0) / (x1 - x0);
    const py = (y) => far(height - bottom - (height - top - bottom) * (y - y0) / (y1 - y0));
    const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title });
    xs.forEach((x) => {
      svg("path", { class: "grid", d: `M${px(x)},${py(y0)}V${py(y1)}` }, picture);
      svg("text", { class: "tick", x: px(x), y: height - bottom + 14, "text-anchor": "middle" }, picture, String(x).replace("-", "−"));
    });
    ys.forEach((y) => {
      svg("path", { class: y ? "grid" : "axis", d: `M${px(x0)},${py(y)}H${px(x1)}` }, picture);
      svg("text", { class: "tick", x: left - 6, y: py(y) + 4, "text-anchor": "end" }, picture, String(y).replace("-", "−"));
    });
    svg("text", { class: "tick", x: px(x1), y: height - 6, "text-anchor": "end" }, picture, xLabel);
    const [w, h] = [width - left - right, height - top - bottom];
    const inside = svg("svg", { x: left, y: top, width: w, height: h, viewBox: `${left} ${top} ${w} ${h}` }, picture);

    const path = (cls) => svg("path", { class: cls }, inside);
    const curve = (f, count = 160) => Array.from({ length: count + 1 }, (_, i) => x0 + (x1 - x0) * i / count)
      .map((x, i) => `${i ? "L" : "M"}${px(x).toFixed(1)},${py(f(x)).toFixed(1)}`).join("");
    const upright = (x) => `M${px(x).toFixed(1)},${py(y0)}V${py(y1)}`;
    const dots = (points) => points.map(([x, y]) => `M${px(x).toFixed(1)},${py(y).toFixed(1)}h0`).join("");
    // Press or drag anywhere to choose an x.
    const choose = (set) => {
      const follow = (event) => set(within(x0, x0 + (x1 - x0) * (locate(picture, event).x - left) / w, x1));
      picture.addEventListener("pointerdown", follow);
      drag(picture, follow, true);
    };
    return { picture, inside, px, py, path, curve, dots, upright, choose };
  };

  // ---- sliders ---------------------------------------------------------------------------------

  const sliderHtml = (name, label, [min, max, step]) => `
    <label><span>${label}</span> <input type="range" name="${name}" min="${min}" max="${max}" step="${step}"> <output></output></label>`;

  // Connect a view's sliders, with a button for the start and for each preset that sets them.
  // `shown` says a slider's value in words; `update` is given all values, and what was chosen last: another
  // object after every press of a button.
  const sliders = (view, state, shown, update) => {
    const inputs = Object.fromEntries([...view.querySelectorAll("input[type=range]")].map((input) => [input.name, input]));
    let chosen = state;
    const read = () => {
      const values = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.valueAsNumber]));
      Object.entries(inputs).forEach(([name, input]) => {
        const text = shown[name](values[name]);
        input.parentElement.querySelector("output").value = text;
        input.setAttribute("aria-valuetext", text);
      });
      update(values, chosen);
    };
    const set = (values) => {
      Object.entries(values).forEach(([name, value]) => { if (inputs[name]) inputs[name].value = value; });
      read();
    };
    [{ ...state, name: "Start again" }, ...state.presets].forEach((preset) => {
      const button = element('<button type="button"></button>');
      button.textContent = preset.name;
      button.addEventListener("click", () => { chosen = { ...preset }; set(preset); });
      view.querySelector(".buttons").append(button);
    });
    view.addEventListener("input", read);
    set(state);
    return set;
  };

  // ---- what is on the page ---------------------------------------------------------------------

  const explorables = {};

  // Put a view before the table of an explorable, which is folded then.
  const place = (root, view) => {
    root.prepend(view);
    root.querySelector("details.numbers").open = false;
  };

  const start = () => {
    document.querySelectorAll("figure.frames:not([data-ready])").forEach((figure) => {
      figure.dataset.ready = "";
      startFrames(figure);
    });
    document.querySelectorAll(".pointing:not([data-ready])").forEach((line) => {
      line.dataset.ready = "";
      startPointing(line);
    });
    document.querySelectorAll(".explorable:not([data-ready])").forEach((root) => {
      const build = explorables[root.dataset.explorable];
      if (!build) return;  // its file comes later
      root.dataset.ready = "";
      build(root, JSON.parse(root.dataset.state));
    });
  };
  const whenRead = () => (document.readyState === "loading" ? addEventListener("DOMContentLoaded", start, { once: true }) : start());
  const register = (name, build) => { explorables[name] = build; whenRead(); };

  window.iclbook = {
    add, apply, arrowKeys, arrowPath, chart, dot, drag, element, handle, locate, matrixHtml, mean, number, pair, place, plane,
    register, rowsHtml, scale, sliderHtml, sliders, svg, swatch, within,
  };
  whenRead();
})();
