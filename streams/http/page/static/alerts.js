// Alerts: the list, the lanes under the drift chart, and what is said of each.

import { edges } from "./charts.js";
import { el, fill, moment, plain, span } from "./format.js";

export const stands = (alert) => ["firing", "updated"].includes(alert.record.state);
const ORDER = { page: 0, ticket: 1, log: 2 };

export function subject(record) {
  const signal = record.signal ?? {};
  return signal.feature ?? (signal.metric ? named(`metric/${signal.metric}`) : record.kind ?? "alert");
}

const METRICS = { joint: "pairs of features", volume: "number of events", error: "errors, by labels" };
const ANSWERS = ["score", "class", "prediction"];

// What a signal goes by among people.
export function named(key) {
  const metric = key.startsWith("metric/") ? key.slice("metric/".length) : null;
  if (metric === null) return key;
  return ANSWERS.includes(metric) ? `answers: ${metric}` : METRICS[metric] ?? metric;
}

export function size(record) {
  const effect = record.effect;
  if (!effect) return "";
  const sign = effect.size > 0 ? "+" : "";
  return `${sign}${plain(Number(effect.size.toPrecision(3)))} ${effect.unit}`;
}

export function kind(alert) {
  return stands(alert) ? String(alert.record.severity) : "over";
}

export function sorted(alerts) {
  return [...alerts].sort((a, b) =>
    stands(b) - stands(a) || (stands(a) ? (ORDER[a.record.severity] ?? 9) - (ORDER[b.record.severity] ?? 9) : 0) || b.changed - a.changed);
}

const MOST_LISTED = 30;

export function list(parent, alerts, now, open) {
  fill(parent, sorted(alerts).slice(0, MOST_LISTED).map((alert) => el("li", {}, button(alert, now))));
  for (const each of parent.querySelectorAll("button")) each.onclick = () => open(each.dataset.id);
}

function button(alert, now) {
  const { record } = alert;
  const said = stands(alert) ? `since ${span(now - began(alert))}` : `${record.resolved_reason ?? "over"} ${span(now - alert.changed)} ago`;
  const by = stands(alert) && record.acknowledged_by ? el("span", { class: "by" }, `looked after by ${record.acknowledged_by}`) : null;
  return el("button", { type: "button", class: `alert ${kind(alert)}`, "data-id": record.alert_id },
    el("span", { class: `badge ${kind(alert)}` }, stands(alert) ? String(record.severity) : "resolved"),
    el("span", { class: "what" }, el("strong", {}, subject(record)), el("span", { class: "size" }, size(record))),
    el("span", { class: "note" }, `${record.model} ${record.version} · ${said}`), by);
}

// When it began, or when it was told where that lies before what was told (a replay of old events).
export function began(alert) {
  const onset = moment(alert.record.onset?.at);
  return onset !== null && onset < alert.told && alert.told - onset < 3600e3 ? onset : alert.told;
}

const MOST_LANES = 8;

export function lanes(parent, alerts, [from, to], open) {
  const shown = alerts
    .filter((alert) => stands(alert) || alert.changed / 1000 > from)
    .sort((a, b) => began(a) - began(b))
    .slice(-MOST_LANES);
  const rows = new Map();
  for (const alert of shown) {
    const name = alert.record.dedupe_key;
    rows.set(name, [...(rows.get(name) ?? []), alert]);
  }
  fill(parent, [...rows.values()].map((own) => el("div", { class: "lane", role: "listitem" }, own.map((alert) => bar(alert)))));
  const width = parent.clientWidth - edges.left - edges.right;
  const place = (ms) => edges.left + (Math.min(1, Math.max(0, (ms / 1000 - from) / (to - from))) * width);
  for (const each of parent.querySelectorAll("button")) {
    const alert = shown.find((one) => one.record.alert_id === each.dataset.id);
    const start = place(began(alert));
    const end = stands(alert) ? place(to * 1000) : place(alert.changed);
    each.style.left = `${start}px`;
    each.style.width = `${Math.max(6, end - start)}px`;
    const [label, pin] = [each.querySelector(".label"), Math.max(0, place(alert.told) - start)];
    const outside = end - start < 150 && start > 180;
    label.classList.toggle("before", outside);
    label.style.left = outside ? "" : `${pin + 8}px`;
    each.querySelector(".pin").style.left = `${pin}px`;
    each.onclick = () => open(each.dataset.id);
  }
}

function bar(alert) {
  const { record } = alert;
  const label = `${subject(record)} ${size(record)}`;
  return el("button", {
    type: "button", class: `bar ${kind(alert)}`, "data-id": record.alert_id,
    "aria-label": `${record.severity}, ${record.state}: ${label}, model ${record.model}. Open the card.`,
  }, el("span", { class: "pin" }), el("span", { class: "label" }, label));
}
