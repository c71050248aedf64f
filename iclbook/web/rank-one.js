// Explorable: the patch of one question, on another. What a weight matrix is given so that one input
// without the context yields what the context made of it, and what that does to any other input.
{
  const { add, apply, dot, element, handle, matrixHtml, number, pair, place, plane, register, scale, swatch } = iclbook;

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
  iclbook.rankOne = rankOne;

  const Z0 = "<i>z</i><sub>0</sub>", ZC = "<i>z</i><sub>C</sub>", Z = "<i>z</i>", MLP = "<i>W</i>", PATCH = "Δ<i>W</i>";
  const RANK_ONE = `
    <div class="rank-one">
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
      handles.forEach((draw) => draw());
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
    place(root, view);
  });
}
