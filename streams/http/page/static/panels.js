// Tiles, tables and lists.

import { stands } from "./alerts.js";
import { classes, histogram, key, meter } from "./bars.js";
import { NONE, availability, clock, count, el, fill, keyed, percent, plain, put, seconds, setText, span } from "./format.js";

const at = (id) => document.getElementById(id);

let isLinked = null;

export function linked(yes, now) {
  if (isLinked === yes) return;
  isLinked = yes;
  at("dot").className = yes ? "dot on" : "dot off";
  setText("link-text", yes ? "live" : "not connected, trying again");
  document.body.classList.toggle("stale", !yes);
  if (!yes) summary([{ about: "link", words: now ? `Not connected: all this is as of ${clock(now)} UTC` : "Not connected", level: "warn", runbook: WORKER }]);
}

const WORKER = "docs/runbooks/worker.md";

export function show(told, card) {
  tiles(told);
  summary(told.verdict, told.idle);
  workers(told);
  models(told, card);
  silences(told, card);
  reasons(told);
  partitions(told);
  outputs(told);
  at("problem").hidden = !told.problem;
  setText("problem", told.problem ?? "");
}

// What the list of alerts is worth, where it is not simply what is so.
export function alertsNote(told, alerts) {
  const source = told?.sources.alerts ?? { is: "reading" };
  const watched = !told?.verdict.some((finding) => ["no-drift", "nobody"].includes(finding.about));
  const words = {
    read: alerts.some(stands) ? "" : watched ? "Nothing drifts." : "Nothing is watched: no drift worker runs.",
    reading: "Alerts are still being read.",
    stale: "Nothing new can be read: alerts are as they were.",
    unreadable: `Alerts cannot be read${alerts.length ? " now, these are as they were" : ""}: ${source.why}`,
  }[source.is];
  setText("no-alerts", words);
  at("no-alerts").hidden = !words;
  at("no-alerts").classList.toggle("unsure", source.is !== "read" || !watched);
}

function tiles({ totals, workers: all, lag, verdict: findings }) {
  setText("tile-answered", `${count(totals.answered)}/s`);
  setText("tile-answered-note", totals.degraded > 0 ? `${count(totals.degraded)}/s from the fallback` : totals.requests > 0 ? `HTTP ${count(totals.requests)}/s` : totals.answered > 0 ? "all by the model" : "nothing in the last minute");
  setText("tile-latency", seconds(totals.p99));
  setText("tile-latency-note", `p50 ${seconds(totals.p50)}`);
  setText("tile-lag", count(totals.lag));
  const worst = lag.reduce((most, row) => Math.max(most, row.records), 0);
  setText("tile-lag-note", totals.answered > 0 && totals.lag > totals.answered ? `${span((totals.lag / totals.answered) * 1000)} to drain` : `largest partition ${count(worst)}`);
  setText("tile-dead", `${count(totals.dead)}/s`);
  setText("tile-dead-note", totals.answered + totals.dead > 0 ? `${percent(totals.dead / (totals.answered + totals.dead), 2)} of events` : "no events");
  setText("tile-availability", availability(totals.availability));
  const door = totals.http_availability;
  setText("tile-availability-note", door !== null ? `HTTP ${availability(door)}` : `well-formed events, ${span(totals.over_s * 1000)}`);
  const present = all.filter((each) => !["gone", "stopped"].includes(each.state));
  const ready = present.filter((each) => each.state === "ready").length;
  const gone = all.filter((each) => each.state === "gone").length;
  setText("tile-workers", `${ready} ready`);
  setText("tile-workers-note", [present.length > ready ? `${present.length - ready} not ready` : "", gone ? `${gone} gone` : ""].filter(Boolean).join(", ") || "none missing");
  for (const tile of ["answered", "latency", "lag", "dead", "availability", "workers"]) {
    const levels = findings.filter((finding) => finding.tile === tile).map((finding) => finding.level);
    at(`tile-${tile}`).classList.toggle("bad", levels.includes("bad"));
    at(`tile-${tile}`).classList.toggle("warn", levels.includes("warn") && !levels.includes("bad"));
  }
}

function summary(findings, idle = false) {
  const level = findings.some((finding) => finding.level === "bad") ? "bad" : findings.length ? "warn" : idle ? "idle" : "good";
  const quiet = { about: "well", words: idle ? "Nothing comes in, and nothing is wrong" : "All is well", level };
  const shown = findings.length ? findings : [quiet];
  const item = ({ runbook }) => (runbook ? el("a", { target: "_blank", rel: "noopener" }) : el("span"));
  keyed(at("summary"), shown, (finding) => finding.about, item, (each, finding) => {
    put(each, finding.words);
    each.className = finding.level;
    if (finding.runbook) each.href = `/page/runbooks/${finding.runbook.split("/").pop()}`;
  });
  at("summary").className = level;
  document.title = findings.length ? `(${findings.length}) Weir` : "Weir";
}

function workers({ workers: all, now }) {
  const rows = all.map((each) => {
    const there = !["gone", "stopped"].includes(each.state);
    const state = el("span", { class: `state ${each.state.replace(" ", "-")}`, title: each.why }, each.state);
    const why = each.heard ? ` ${span(now - each.heard)} ago` : each.why ? `: ${each.why}` : "";
    const busy = there ? [meter(each.busy), el("span", { class: "number" }, percent(each.busy, 0)), each.held > 0.05 ? el("span", { class: "note" }, `held up ${percent(each.held, 0)}`) : null] : [NONE];
    const versions = Object.entries(each.models).map(([name, version]) => `${name} ${version}`).join(", ");
    return el("tr", {},
      el("th", { scope: "row" }, each.slot, each.host && each.host !== each.slot ? el("span", { class: "note" }, ` ${each.host}`) : null),
      el("td", { class: "wrap" }, state, el("span", { class: "note" }, why)),
      el("td", { class: "muted" }, each.roles.join(", ")),
      el("td", { class: "number" }, there ? count(each.answered) : NONE), el("td", { class: "number" }, seconds(each.p99)),
      el("td", { class: "busy" }, busy),
      el("td", { class: "number" }, there ? String(each.partitions) : NONE), el("td", {}, versions || NONE),
      el("td", { class: "number" }, there ? span(now - each.started) : NONE));
  });
  fill(at("workers"), rows);
}

function models({ models: served }, card) {
  at("no-models").hidden = served.length > 0;
  const make = (model) => el("div", { class: "model" }, el("div", {}),
    el("button", { type: "button", class: "small danger", onclick: () => card.rollback(model.name) }));
  keyed(at("models"), served, (model) => model.name, make, (item, model) => {
    fill(item.firstElementChild, versions(model));
    const button = item.lastElementChild;
    button.hidden = !model.previous;
    put(button, `Roll back ${model.name} to ${model.previous}`);
  });
}

function versions(model) {
  const shown = Object.entries(model.versions).map(([version, n]) => `version ${version} on ${n} worker${n > 1 ? "s" : ""}`).join(", ");
  const rungs = Object.entries(model.rungs);
  const others = rungs.reduce((sum, [, share]) => sum + share, 0);
  const ladder = [["model", 1 - others], ...rungs.sort((a, b) => b[1] - a[1])];
  return [
    el("p", {}, el("strong", {}, model.name), " ", el("span", { class: "muted" }, shown || "no worker answers with it"),
      model.previous ? el("span", { class: "muted" }, `, before it ${model.previous}`) : null,
      model.challenger ? el("span", { class: "tag" }, `challenger ${model.challenger}`) : null,
      model.spared ? el("span", { class: "tag bad" }, `spared on ${model.spared}`) : null),
    shown ? el("p", { class: "ladder" }, ladder.map(([rung, share], place) => el("span", { class: place && share ? "rung bad" : "rung" }, `${rung} `, el("b", {}, percent(share))))) : null,
  ];
}

function silences({ silences: all, now }, card) {
  at("silences-part").hidden = !all.length;
  const make = (each) => el("li", {}, el("span", {}),
    el("button", { type: "button", class: "small", onclick: () => card.endSilence(each) }, "End"));
  keyed(at("silences"), all, (each) => `${each.model} ${each.signal}`, make, (item, each) => {
    put(item.firstElementChild, `${each.model} ${each.signal ?? "all signals"}, ${span(each.until - now)} more, by ${each.author}${each.reason ? `: ${each.reason}` : ""}`);
    item.lastElementChild.setAttribute("aria-label", `End the silence of ${each.model} ${each.signal ?? "all signals"}`);
  });
}

function reasons({ reasons: all }) {
  const top = Math.max(...all.map((row) => row.count), 1);
  fill(at("reasons"), all.length ? el("div", { class: "shares", role: "list" }, all.map((row) => el("div", { class: "share", role: "listitem" },
    el("span", { class: "name", title: row.meaning }, row.reason, row.ours ? el("span", { class: "tag bad", title: "No fault of the event" }, "ours") : null),
    meter(row.count / top, row.ours ? "bad" : "muted"),
    el("span", { class: "number" }, count(row.count)), el("span", { class: "number muted" }, `${count(row.rate)}/s`))))
    : el("p", { class: "quiet" }, "No event was turned away."));
}

function partitions({ lag }) {
  const topics = new Map();
  for (const row of lag) topics.set(row.topic, [...(topics.get(row.topic) ?? []), row]);
  const top = Math.max(...lag.map((row) => row.records), 1000);
  fill(at("partitions"), topics.size ? [...topics].map(([topic, rows]) => el("div", { class: "topic" },
    el("span", { class: "name" }, topic),
    el("ol", { class: "cells" }, rows.map((row) => el("li", { class: `cell heat-${Math.min(4, Math.ceil((4 * row.records) / top - 0.2))}`, title: `partition ${row.partition}, at ${row.slot}` },
      el("span", { class: "muted" }, row.partition), el("b", {}, count(row.records))))))) : el("p", { class: "quiet" }, "No partition is assigned."));
}

function outputs({ outputs: all }) {
  fill(at("outputs"), all.length ? all.flatMap((each) => {
    const shown = [];
    if (each.score) {
      const labels = each.score.bounds.map(plain);
      shown.push(el("h3", {}, `${each.model} ${each.version}: score`), histogram(each.score.now, each.score.reference, labels, `Scores of ${each.model} now and in training`));
    }
    if (each.classes) shown.push(el("h3", {}, `${each.model} ${each.version}: class`), classes(each.classes));
    return [...shown, key()];
  }) : el("p", { class: "quiet" }, "Nothing was answered in the last 5 minutes."));
}
