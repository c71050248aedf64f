// Previews: what a link leads to, an equation, a figure, a theorem, a term or a paper, shown beside the link.
// It comes by mouse and by keyboard and goes with Escape; a finger follows the link. What stands on another page
// lies in a template at the end of this one (tools/previews.py).
(() => {
  "use strict";

  const DELAY = 200, GRACE = 300; // milliseconds: until it comes, and to move the pointer onto it
  const GAP = 6, EDGE = 8; // pixels: to the link, and to the edge of the window
  const PARTS = { // what is shown of a place; a place of another kind has no preview
    "div.math, div.proof": (place) => [place],
    "div.citation": (place) => place.querySelectorAll("p"),
    "figure": (place) => [place.querySelector("img:not([hidden])"), place.querySelector("figcaption")],
    "dt:not(.sig)": (place) => {
      let meaning = place;
      while (meaning && meaning.tagName !== "DD") meaning = meaning.nextElementSibling;
      const list = document.createElement("dl");
      list.append(place.cloneNode(true), meaning?.cloneNode(true) ?? "");
      return [list];
    },
  };

  const elsewhere = new Map();
  const target = (link) => {
    const address = link.getAttribute("href");
    return address[0] === "#" ? document.getElementById(address.slice(1)) : elsewhere.get(address);
  };
  const parts = (place) => {
    const kind = place && Object.keys(PARTS).find((selector) => place.matches(selector));
    return kind ? [...PARTS[kind](place)].filter(Boolean).map((part) => part.cloneNode(true)) : [];
  };

  // Nothing in it can be reached with a key, and nothing has a second identifier.
  const plain = (part) => {
    part.querySelectorAll(".headerlink, button").forEach((e) => e.remove());
    part.querySelectorAll("a").forEach((link) => link.replaceWith(...link.childNodes));
    for (const e of [part, ...part.querySelectorAll("*")]) {
      ["id", "tabindex", "loading"].forEach((name) => e.removeAttribute(name));
    }
    return part;
  };

  const box = document.createElement("div");
  box.id = "preview";
  box.setAttribute("role", "tooltip");
  box.hidden = true;
  let owner = null, timer = null;

  const position = () => {
    if (!owner) return;
    const line = owner.getClientRects()[0], { width, height } = box.getBoundingClientRect();
    const under = line.bottom + GAP + height <= innerHeight || line.top < height + GAP;
    const x = Math.max(EDGE, Math.min(line.left, document.documentElement.clientWidth - width - EDGE));
    box.style.left = `${x + scrollX}px`;
    box.style.top = `${(under ? line.bottom + GAP : line.top - GAP - height) + scrollY}px`;
  };
  const hide = () => {
    clearTimeout(timer);
    owner?.removeAttribute("aria-describedby");
    owner = null;
    box.hidden = true;
  };
  const show = (link) => {
    hide();
    const content = parts(target(link)).map(plain);
    if (!content.length) return;
    owner = link;
    link.removeAttribute("title"); // or the browser shows it too
    link.setAttribute("aria-describedby", box.id);
    box.replaceChildren(...content);
    box.hidden = false;
    position();
    box.querySelectorAll("img").forEach((picture) => picture.addEventListener("load", position));
  };
  const after = (wait, action) => {
    clearTimeout(timer);
    timer = setTimeout(action, wait);
  };

  const start = () => {
    document.querySelectorAll("template#places").forEach(({ content }) => {
      [...content.children].forEach((kept) => elsewhere.set(kept.dataset.place, kept.firstElementChild));
    });
    document.querySelector("main").append(box);
    const linkAt = ({ target: e }) => e.closest?.(".bd-article a.reference.internal[href*='#']");
    document.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "mouse") return;
      const link = linkAt(event);
      if (owner && (link === owner || box.contains(event.target))) clearTimeout(timer);
      else if (link) after(DELAY, () => show(link));
      else after(GRACE, hide);
    });
    document.addEventListener("focusin", (event) => {
      const link = linkAt(event);
      if (link?.matches(":focus-visible")) show(link);
      else hide();
    });
    document.addEventListener("focusout", hide);
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
    document.addEventListener("click", (event) => { if (!box.contains(event.target)) hide(); });
  };

  addEventListener("load", start);
})();
