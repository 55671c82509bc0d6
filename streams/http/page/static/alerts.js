// Alerts: the list, the lanes under the drift chart, and what is said of each.

import { edges } from "./charts.js";
import { el, keyed, moment, percent, plain, put, span } from "./format.js";

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
  const { statistic, baseline, level } = record.evidence ?? {};
  if (effect.unit === "share" && [baseline, level].every((share) => share >= 0 && share <= 1)) {
    const what = statistic.startsWith("share:") ? `class ${statistic.slice("share:".length)}` : statistic.replaceAll("_", " ");
    return `${what}: ${percent(baseline)} → ${percent(level)}`;
  }
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
  keyed(parent, sorted(alerts).slice(0, MOST_LISTED), idOf, (alert) => entry(alert, open), (item, alert) => {
    const { record } = alert;
    const button = item.firstElementChild;
    button.className = `alert ${kind(alert)}`;
    const write = (name, text) => put(button.querySelector(name), text);
    button.querySelector(".badge").className = `badge ${kind(alert)}`;
    write(".badge", stands(alert) ? String(record.severity) : "resolved");
    write("strong", subject(record));
    write(".size", size(record));
    const said = stands(alert) ? since(alert, now) : `${record.resolved_reason ?? "over"} ${span(now - alert.changed)} ago`;
    write(".note", `${record.model} ${record.version} · ${said}`);
    const by = stands(alert) && record.acknowledged_by ? `looked after by ${record.acknowledged_by}` : "";
    write(".by", by);
    button.querySelector(".by").hidden = !by;
  });
}

const idOf = (alert) => alert.record.alert_id;

function entry(alert, open) {
  const part = (kind) => el("span", { class: kind });
  const what = el("span", { class: "what" }, el("strong"), part("size"));
  return el("li", {}, el("button", { type: "button", onclick: () => open(idOf(alert)) }, part("badge"), what, part("note"), part("by")));
}

// When it began, by the time of events.
export function began(alert) {
  return moment(alert.record.onset?.at) ?? alert.told;
}

const REPLAYED_MS = 600e3;

// Whether its events were old when it was told: of a replay, or of a drift worker that was far behind.
export function isReplayed(alert) {
  const detected = moment(alert.record.detected_at);
  return detected !== null && alert.changed - detected > REPLAYED_MS;
}

export function since(alert, now) {
  const text = `since ${span(now - began(alert))}`;
  return isReplayed(alert) ? `${text} by the time of its events, told ${span(now - alert.told)} ago` : text;
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
  const lane = () => el("div", { class: "lane", role: "listitem" });
  keyed(parent, [...rows.values()], (own) => own[0].record.dedupe_key, lane, (row, own) =>
    keyed(row, own, idOf, (alert) => bar(alert, open), (each, alert) => {
      const { record } = alert;
      const label = `${subject(record)} ${size(record)}`;
      each.className = `bar ${kind(alert)}`;
      each.setAttribute("aria-label", `${record.severity}, ${record.state}: ${label}, model ${record.model}. Open the card.`);
      put(each.querySelector(".label"), label);
    }));
  const width = parent.clientWidth - edges.left - edges.right;
  const place = (ms) => edges.left + (Math.min(1, Math.max(0, (ms / 1000 - from) / (to - from))) * width);
  for (const each of parent.querySelectorAll("button")) {
    const alert = shown.find((one) => one.record.alert_id === each.dataset.id);
    const start = place(began(alert));
    each.classList.toggle("clipped", began(alert) / 1000 < from);
    const end = stands(alert) ? place(to * 1000) : place(alert.changed);
    each.style.left = `${start}px`;
    each.style.width = `${Math.max(6, end - start)}px`;
    const [label, pin] = [each.querySelector(".label"), Math.max(0, place(alert.told) - start)];
    const outside = end - start < 150 && start > 180;
    label.classList.toggle("before", outside);
    // Where there is no room behind the pin, the label stands before it.
    const before = !outside && end - start - pin < 160 && pin > 160;
    label.style.left = outside ? "" : before ? "auto" : `${pin + 8}px`;
    label.style.right = before ? `${end - start - pin - 8}px` : "";
    each.querySelector(".pin").style.left = `${pin}px`;
    each.querySelector(".pin").hidden = alert.told / 1000 < from;
  }
}

function bar(alert, open) {
  return el("button", { type: "button", "data-id": idOf(alert), onclick: () => open(idOf(alert)) },
    el("span", { class: "pin" }), el("span", { class: "label" }));
}
