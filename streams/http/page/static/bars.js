// Two distributions over the same bins or classes: before as an area, now as bars.

import { el, percent, plain, svg } from "./format.js";

const HEIGHT = 150;
const FOOT = 18;

// `labels` has one more entry than `now`: the bounds of the bins.
export function histogram(now, before, labels, description) {
  const top = Math.max(...now, ...before, 1e-9) * 1.06;
  const width = matchMedia("(max-width: 560px)").matches ? 340 : 640;
  const step = width / now.length;
  const y = (share) => (HEIGHT * (1 - share / top)).toFixed(2);
  const drawn = svg("svg", {
    viewBox: `0 0 ${width} ${HEIGHT + FOOT}`, class: "histogram", role: "img", "aria-label": description,
  });
  if (before.length) {
    const steps = before.map((share, place) => `V${y(share)}H${((place + 1) * step).toFixed(2)}`).join("");
    drawn.append(svg("path", { d: `M0 ${HEIGHT}${steps}V${HEIGHT}Z`, class: "before" }));
  }
  now.forEach((share, place) => {
    const bar = svg("rect", {
      x: (place * step + step * 0.16).toFixed(2), width: (step * 0.68).toFixed(2), y: y(share),
      height: Math.max(0, HEIGHT - Number(y(share))).toFixed(2), class: "now", rx: 1.5,
    });
    const then = before.length ? `, before ${percent(before[place])}` : "";
    bar.append(svg("title", {}, `${labels[place] ?? ""} to ${labels[place + 1] ?? ""}: now ${percent(share)}${then}`));
    drawn.append(bar);
  });
  drawn.append(svg("line", { x1: 0, x2: width, y1: HEIGHT, y2: HEIGHT, class: "base" }));
  const every = Math.ceil(labels.length / (width / 70));
  labels.forEach((label, place) => {
    if (label === "" || place % every) return;
    const anchor = place === 0 ? "start" : place === now.length ? "end" : "middle";
    drawn.append(svg("text", { x: (place * step).toFixed(2), y: HEIGHT + 14, "text-anchor": anchor }, label));
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

// Counts of an alert's summaries, neighbours merged so that each bar can be seen.
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
  const labels = [""];
  for (let place = group; place < reference.counts.length; place += group) labels.push(plain3(reference.edges[place - 1]));
  return { before: merge(reference.counts), now: merge(current.counts), labels: [...labels, ""] };
}

function plain3(value) {
  return plain(Number(value.toPrecision(3)));
}
