// Tiles, tables and lists.

import { stands } from "./alerts.js";
import { classes, histogram, key, meter } from "./bars.js";
import { NONE, availability, count, el, fill, percent, plain, seconds, setText, span } from "./format.js";

const at = (id) => document.getElementById(id);

export function linked(yes) {
  at("dot").className = yes ? "dot on" : "dot off";
  setText("link-text", yes ? "live" : "not connected, trying again");
  document.body.classList.toggle("stale", !yes);
}

export function show(told, alerts) {
  tiles(told);
  summary(told, alerts);
  workers(told);
  models(told);
  reasons(told);
  partitions(told);
  outputs(told);
  at("problem").hidden = !told.problem;
  setText("problem", told.problem ?? "");
}

function tiles({ totals, workers: all, lag }) {
  setText("tile-answered", `${count(totals.answered)}/s`);
  setText("tile-answered-note", totals.degraded > 0 ? `${count(totals.degraded)}/s from the fallback` : totals.requests > 0 ? `HTTP ${count(totals.requests)}/s` : "all by the model");
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
  at("tile-workers").classList.toggle("bad", gone > 0 || ready < present.length);
  at("tile-dead").classList.toggle("bad", totals.dead > 0.01 * (totals.answered + totals.dead));
  at("tile-availability").classList.toggle("bad", totals.availability !== null && totals.availability < 0.999);
}

export function summary({ workers: all, models: served }, alerts) {
  const wrong = [];
  const firing = alerts.filter(stands);
  const pages = firing.filter((alert) => alert.record.severity === "page").length;
  if (pages) wrong.push(`${pages} page${pages > 1 ? "s" : ""}`);
  if (firing.length - pages) wrong.push(`${firing.length - pages} alert${firing.length - pages > 1 ? "s" : ""}`);
  for (const state of ["gone", "stuck", "not ready"]) {
    const those = all.filter((each) => each.state === state).length;
    if (those) wrong.push(`${those} worker${those > 1 ? "s" : ""} ${state}`);
  }
  const degraded = served.filter((model) => Object.values(model.rungs).some((share) => share > 0.001));
  if (degraded.length) wrong.push(`${degraded.map((model) => model.name).join(", ")} degraded`);
  const text = !all.length ? "No worker has told anything yet" : wrong.length ? wrong.join(" · ") : "All is well";
  setText("summary", text);
  at("summary").className = pages || all.some((each) => ["gone", "stuck"].includes(each.state)) ? "bad" : wrong.length ? "warn" : "good";
  document.title = firing.length ? `(${firing.length}) Weir` : "Weir";
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

function models({ models: served }) {
  fill(at("models"), served.length ? served.map((model) => {
    const versions = Object.entries(model.versions).map(([version, n]) => `version ${version} on ${n} worker${n > 1 ? "s" : ""}`).join(", ");
    const rungs = Object.entries(model.rungs);
    const others = rungs.reduce((sum, [, share]) => sum + share, 0);
    const ladder = [["model", 1 - others], ...rungs.sort((a, b) => b[1] - a[1])];
    return el("div", { class: "model" },
      el("p", {}, el("strong", {}, model.name), " ", el("span", { class: "muted" }, versions || "no worker answers with it"),
        model.previous ? el("span", { class: "muted" }, `, before it ${model.previous}`) : null,
        model.challenger ? el("span", { class: "tag" }, `challenger ${model.challenger}`) : null,
        model.spared ? el("span", { class: "tag bad" }, `spared on ${model.spared}`) : null),
      versions ? el("p", { class: "ladder" }, ladder.map(([rung, share], place) => el("span", { class: place && share ? "rung bad" : "rung" }, `${rung} `, el("b", {}, percent(share))))) : null);
  }) : el("p", { class: "quiet" }, "No model is loaded."));
}

function reasons({ reasons: all }) {
  const top = Math.max(...all.map((row) => row.count), 1);
  fill(at("reasons"), all.length ? el("div", { class: "shares", role: "list" }, all.map((row) => el("div", { class: "share", role: "listitem" },
    el("span", { class: "name" }, row.reason, row.ours ? el("span", { class: "tag bad", title: "No fault of the event" }, "ours") : null),
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
