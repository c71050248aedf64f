// Explorable: what normalising before the difference makes of noise.
{
  const { arrowPath, chart, dot, element, mean, number, place, register, rowsHtml, scale, sliderHtml, sliders, svg, swatch, within } = iclbook;

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
  iclbook.noise = noise;

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
      node.setAttribute("x", within(10, x + dx, width - 10));
      node.setAttribute("y", y + dy);
    };
    return { picture, arrow, line, path, name, put, grow };
  };

  const NOISE = `
    <div class="noise">
      <div class="sliders">
        ${sliderHtml("rho", "size of the noise <i>ρ</i>", [0.05, 3, 0.01])}
        ${sliderHtml("angle", "their angle", [0, 180, 1])}
        ${sliderHtml("power", "dimensions", [1, 10, 1])}
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
      <table class="live">
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
    const kept = {};
    const drawn = (d) => (kept[d] ||= noise.draw(d, state.count, state.seed));

    const update = ({ rho, angle, power }) => {
      const d = 2 ** power, half = angle / 360 * Math.PI, uv = Math.cos(2 * half);

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
        `M${(right.px(rho) + shift + 6 * (i % 5 - 2) / 2).toFixed(1)},${right.py(y).toFixed(1)}h0`).join("");
      parts.plainDots.setAttribute("d", column(random.map((pair) => pair.plain), -10));
      parts.dots.setAttribute("d", column(random.map((pair) => pair.normalised), 10));

      const average = (key) => mean(random.map((pair) => pair[key]));
      const rows = [["plain", "plain", 0], ["normalised", "normalised", noise.chance(rho)]];
      find("tbody").innerHTML = rowsHtml(rows.map(([key, name, chance]) =>
        [name, number(here[key]), number(average(key)), number(chance)]));
      find("[aria-live]").textContent = `At this angle plain ${number(here.plain)}, normalised ${number(here.normalised)}. `
        + `Random noise in ${d} dimensions: plain ${number(average("plain"))}, normalised ${number(average("normalised"))}.`;
    };

    const shown = { rho: (value) => value.toFixed(2), angle: (value) => `${value}°`, power: (value) => String(2 ** value) };
    sliders(view, state, shown, update);
    place(root, view);
  });
}
