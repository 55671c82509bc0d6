// Two distributions over the same bins or classes: before as an area, now as bars.

import { el, percent, plain, svg } from "./format.js";

const HEIGHT = 150;
const FOOT = 18;

const LABEL_WIDTH = 64;

// Densities over bins: the area of a bar is its share, so that narrow bins are not seen as low ones. `walls` has one more
// entry than `now`, `labels` a text for each of them.
export function histogram(now, before, labels, description, walls = labels.map((_, place) => place)) {
  const width = matchMedia("(max-width: 560px)").matches ? 340 : 640;
  const x = (place) => ((walls[place] - walls[0]) / (walls[walls.length - 1] - walls[0])) * width;
  const dense = (shares) => shares.map((share, place) => share / Math.max(x(place + 1) - x(place), 1e-9));
  const [high, highBefore] = [dense(now), dense(before)];
  const top = Math.max(...high, ...highBefore, 1e-12) * 1.06;
  const y = (density) => (HEIGHT * (1 - density / top)).toFixed(2);
  const drawn = svg("svg", {
    viewBox: `0 0 ${width} ${HEIGHT + FOOT}`, class: "histogram", role: "img", "aria-label": description,
  });
  if (before.length) {
    const steps = highBefore.map((density, place) => `V${y(density)}H${x(place + 1).toFixed(2)}`).join("");
    drawn.append(svg("path", { d: `M0 ${HEIGHT}${steps}V${HEIGHT}Z`, class: "before" }));
  }
  now.forEach((share, place) => {
    const step = x(place + 1) - x(place);
    const bar = svg("rect", {
      x: (x(place) + step * 0.16).toFixed(2), width: (step * 0.68).toFixed(2), y: y(high[place]),
      height: Math.max(0, HEIGHT - Number(y(high[place]))).toFixed(2), class: "now", rx: Math.min(1.5, step * 0.2).toFixed(2),
    });
    const then = before.length ? `, before ${percent(before[place])}` : "";
    bar.append(svg("title", {}, `${labels[place] || "below"} to ${labels[place + 1] || "above"}: now ${percent(share)}${then}`));
    drawn.append(bar);
  });
  drawn.append(svg("line", { x1: 0, x2: width, y1: HEIGHT, y2: HEIGHT, class: "base" }));
  let free = 0;
  labels.forEach((label, place) => {
    const at = x(place);
    if (label === "" || at < free) return;
    free = at + LABEL_WIDTH;
    const anchor = place === 0 ? "start" : place === now.length ? "end" : "middle";
    drawn.append(svg("text", { x: at.toFixed(2), y: HEIGHT + 14, "text-anchor": anchor }, label));
  });
  return drawn;
}

// Rows of {name, now, reference}: shares.
export function classes(rows) {
  const top = Math.max(...rows.map((row) => Math.max(row.now, row.reference ?? 0)), 1e-9);
  return el("div", { class: "shares", role: "list" }, rows.map((row) => {
    const track = el("span", { class: "track" }, bar("before", (row.reference ?? 0) / top), bar("now", row.now / top));
    const before = row.reference === null ? "no reference" : `${percent(row.reference)} before`;
    return el("div", { class: "share", role: "listitem" },
      el("span", { class: "name", title: row.name }, row.name), track,
      el("span", { class: "number" }, percent(row.now)), el("span", { class: "number muted" }, before));
  }));
}

function bar(kind, share) {
  // The width is set by a drawing, as the page allows no style in markup.
  const drawn = svg("svg", { class: kind, viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
  drawn.append(svg("rect", { x: 0, y: 0, height: 10, width: (100 * Math.min(1, Math.max(0, share))).toFixed(2) }));
  return drawn;
}

export function meter(share, kind = "now") {
  return el("span", { class: "meter" }, bar(kind, share));
}

export function key(before = "training") {
  return el("p", { class: "key" }, el("span", { class: "swatch now" }), "now", el("span", { class: "swatch before" }), before);
}

// Counts of an alert's summaries, neighbours merged so that each bar can be seen. The outer bins are open: they are drawn
// as wide as the ones beside them.
export function merged(reference, current, most = 24) {
  const group = Math.ceil(reference.counts.length / most);
  const merge = (counts) => {
    const total = counts.reduce((sum, each) => sum + each, 0) || 1;
    const shares = [];
    for (let place = 0; place < counts.length; place += group) {
      shares.push(counts.slice(place, place + group).reduce((sum, each) => sum + each, 0) / total);
    }
    return shares;
  };
  const edges = [];
  for (let place = group; place < reference.counts.length; place += group) edges.push(reference.edges[place - 1]);
  const last = edges.length - 1;
  const walls = last < 1 ? [...Array(edges.length + 2).keys()]
    : [2 * edges[0] - edges[1], ...edges, 2 * edges[last] - edges[last - 1]];
  return { before: merge(reference.counts), now: merge(current.counts), labels: ["", ...edges.map(plain3), ""], walls };
}

function plain3(value) {
  return plain(Number(value.toPrecision(3)));
}
