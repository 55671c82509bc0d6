// The card of one alert, and what can be done about it.

import { began, isReplayed, kind, named, size, stands, subject } from "./alerts.js";
import { classes, histogram, key, merged } from "./bars.js";
import { clock, el, moment, percent, plain, span } from "./format.js";

const SILENCES = [[30, "30 minutes"], [120, "2 hours"], [480, "8 hours"], [1440, "a day"], [0, "end the silence"]];
const TOAST_MS = 8000;

export class Card {
  constructor(dialog, confirm, toast) {
    Object.assign(this, { dialog, confirm, toast, shown: null });
    for (const each of [dialog, confirm]) {
      // A click beside it closes it, as Escape does.
      each.addEventListener("click", (event) => event.target === each && each.close());
    }
    dialog.addEventListener("close", () => (this.shown = null));
  }

  open(alert, state) {
    this.shown = alert.record.alert_id;
    this.draw(alert, state);
    if (!this.dialog.open) this.dialog.showModal();
    this.dialog.scrollTop = 0;
  }

  // The alert may have changed while its card is open.
  refresh(alerts, state) {
    const found = this.shown && alerts.find((alert) => alert.record.alert_id === this.shown);
    if (found && found.changed !== this.drawn) this.draw(found, state);
  }

  // What the page was told last.
  tell(told) {
    this.told = told;
  }

  rollback(name) {
    const model = this.told?.models.find((each) => each.name === name);
    if (!model?.previous) return;
    this.ask(`Roll back to version ${model.previous}`, `All workers answer with version ${model.previous} of ${name} instead of ${model.chosen}, from their next batch on.`,
      { action: "rollback", model: name, expected_revision: model.revision }, "danger");
  }

  endSilence({ model, signal }) {
    this.ask("End the silence", `Alerts of ${signal ?? "all signals"} of ${model} call people again.`, { action: "silence", model, signal, minutes: 0 });
  }

  draw(alert, state) {
    const { record } = alert;
    this.drawn = alert.changed;
    const close = el("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => this.dialog.close() }, "×");
    this.dialog.replaceChildren(el("article", { class: "card" },
      el("header", {},
        el("span", { class: `badge ${kind(alert)}` }, stands(alert) ? record.severity : "resolved"),
        el("h2", { id: "card-title" }, subject(record), " ", el("span", { class: "size" }, size(record))),
        el("span", { class: "muted" }, `model ${record.model} ${record.version}`), close),
      record.likely ? el("p", { class: "likely" }, sentence(record.likely)) : null,
      facts(alert, state.now),
      picture(record),
      figures(record),
      el("section", {}, el("h3", {}, "What to do"), el("p", {}, record.suggested_action ?? ""), runbook(record)),
      replay(record, (text) => this.copy(text)),
      stands(alert) ? this.actions(alert, state) : el("p", { class: "quiet" }, `Resolved: ${record.resolved_reason ?? ""}`)));
  }

  actions(alert, state) {
    const { record } = alert;
    const signal = record.dedupe_key.slice(record.model.length + 1);
    const model = state.told?.models.find((each) => each.name === record.model);
    const about = { model: record.model, signal };
    const minutes = el("select", { "aria-label": "How long" }, SILENCES.map(([value, text]) => el("option", { value }, text)));
    minutes.value = "120";
    const button = (text, run, more = {}) => el("button", { type: "button", onclick: run, ...more }, text);
    return el("section", { class: "actions", "aria-label": "Actions" },
      button("Acknowledge", () => this.ask("Acknowledge", `You look after it. The alert goes on firing, and says by whom it is looked after.`, { action: "acknowledge", ...about, alert_id: record.alert_id }), { class: "first" }),
      el("span", { class: "pair" }, button("Silence", () => this.ask("Silence", Number(minutes.value) ? `Alerts of ${signal} call nobody for ${minutes.selectedOptions[0].text}; they still change state.` : `Alerts of ${signal} call people again.`, { action: "silence", ...about, minutes: Number(minutes.value) })), minutes),
      button("Rebaseline", () => this.ask("Rebaseline", `The level since the onset becomes the one that ${signal} is compared with, and the alert resolves. Do this if the change is here to stay.`, { action: "rebaseline", ...about, expected_revision: this.told.models.find((each) => each.name === record.model)?.baseline_revision ?? 0 }),
        state.told?.sources.control.is === "read" ? {} : { disabled: true, title: "What was decided so far cannot be read" }),
      button("Roll back", () => this.rollback(record.model),
        model?.previous ? { class: "danger" } : { class: "danger", disabled: true, title: "No other version answered before this one" }));
  }

  // Nothing is done before somebody says so.
  ask(title, text, order, tone = "first") {
    const author = el("input", { id: "author", required: true, maxlength: 256, autocomplete: "username", value: localStorage.getItem("weir.author") ?? "" });
    const reason = el("input", { id: "reason", maxlength: 1000, autocomplete: "off", placeholder: "for whoever reads it later" });
    const go = el("button", { type: "submit", class: tone }, title);
    const wrong = el("p", { class: "wrong", role: "alert", hidden: true });
    const form = el("form", { method: "dialog" }, el("h2", { id: "confirm-title" }, `${title}?`), el("p", {}, text),
      el("label", { for: "author" }, "Your name"), author, el("label", { for: "reason" }, "Reason"), reason, wrong,
      el("div", { class: "buttons" }, el("button", { type: "button", onclick: () => this.confirm.close() }, "Cancel"), go));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      localStorage.setItem("weir.author", author.value);
      go.disabled = true;
      go.textContent = "Waiting for the answer";
      wrong.hidden = true;
      const refused = await this.send({ ...order, author: author.value, reason: reason.value });
      if (refused === null) return this.confirm.close();
      go.disabled = false;
      go.textContent = title;
      wrong.textContent = refused;
      wrong.hidden = false;
    });
    this.confirm.replaceChildren(form);
    this.confirm.showModal();
    (author.value ? reason : author).focus();
  }

  // Null when it was done, else why not.
  async send(order) {
    try {
      const answer = await fetch("/page/orders", {
        method: "POST", headers: { "Content-Type": "application/json", "X-Weir-Page": "1" }, body: JSON.stringify(order),
      });
      const told = await answer.json();
      if (!answer.ok) return told.detail ?? `refused (${answer.status})`;
      this.say(`${told.outcome}: ${told.why}`);
      return null;
    } catch (error) {
      return `this worker did not answer (${error.message}); look at weir status`;
    }
  }

  async copy(text) {
    await navigator.clipboard.writeText(text);
    this.say("copied");
  }

  say(text) {
    // Shown anew each time: so it lies above whatever dialog is open.
    this.toast.hidePopover();
    this.toast.showPopover();
    this.toast.textContent = text;
    clearTimeout(this.hiding);
    this.hiding = setTimeout(() => this.toast.hidePopover(), TOAST_MS);
  }
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (text.endsWith(".") ? "" : ".");
}

function facts(alert, now) {
  const { record } = alert;
  const effect = record.effect;
  const onset = moment(record.onset?.at);
  const between = record.onset?.interval?.map((each) => each.slice(11, 19)).join(" and ");
  const moved = (record.impact?.answers ?? []).filter((each) => each.material)
    .map((each) => `${each.metric} ${each.statistic} ${plain(Number(each.size.toPrecision(3)))} (${each.interval.map((bound) => plain(Number(bound.toPrecision(3)))).join(" to ")})`);
  const impact = !record.impact ? "" : moved.length ? moved.join("; ") : "answers are as in training";
  const evidence = record.evidence;
  const rows = [
    ["How much", effect ? `${size(record)}, 95 % between ${plain(effect.interval[0])} and ${plain(effect.interval[1])}` : ""],
    ["What", evidence ? `${evidence.statistic} from ${plain(evidence.baseline)} to ${plain(evidence.level)} on ${evidence.events} events` : ""],
    ["Since", onset !== null ? `${record.onset.at.slice(0, 10)} ${clock(onset)} UTC, ${span(now - began(alert))} ago${isReplayed(alert) ? `, by the time of its events: told ${span(now - alert.told)} ago` : ""}${between ? `; it may have begun between ${between}` : ""}` : ""],
    ["Why", record.severity_reason],
    ["Moving too", (record.also_drifting ?? []).map(named).join(", ") || "nothing else"],
    ["Impact", impact],
    ["Found by", record.detector ? `${record.detector.name}, in ${record.blocks} blocks` : ""],
    ["Looked after", record.acknowledged_by],
  ];
  return el("dl", {}, rows.filter(([, text]) => text).flatMap(([name, text]) => [el("dt", {}, name), el("dd", {}, text)]));
}

function picture(record) {
  const { reference, current } = record;
  if (reference?.histogram && current?.histogram && reference.histogram.counts.length === current.histogram.counts.length) {
    const { now, before, labels, walls } = merged(reference.histogram, current.histogram);
    return el("section", {}, el("h3", {}, "Before and after ", el("span", { class: "unit" }, "share of events by area")),
      histogram(now, before, labels, `Distribution of ${subject(record)}: before and now`, walls), key("reference"));
  }
  if (reference?.shares && current?.shares) {
    const names = [...new Set([...Object.keys(reference.shares), ...Object.keys(current.shares)])];
    const rows = names.map((name) => ({ name, now: current.shares[name] ?? 0, reference: reference.shares[name] ?? 0 }));
    return el("section", {}, el("h3", {}, "Before and after"), classes(rows.sort((a, b) => b.reference - a.reference)), key("reference"));
  }
  return null;
}

const MEASURES = [["n", "events"], ["mean", "mean"], ["sd", "standard deviation"], ["null_rate", "nulls"], ["out_of_range_rate", "out of range"],
  ["unseen_rate", "unseen"], ["per_window", "events a window"]];

function figures(record) {
  const { reference = {}, current = {} } = record;
  const shown = (name, value) => (value === undefined || value === null ? "–" : name.endsWith("_rate") ? percent(value, 2) : plain(value));
  const rows = MEASURES.filter(([name]) => reference[name] || current[name]).map(([name, label]) =>
    el("tr", {}, el("th", { scope: "row" }, label), el("td", { class: "number" }, shown(name, reference[name])), el("td", { class: "number" }, shown(name, current[name]))));
  for (const pair of Object.keys(current.correlations ?? {}).slice(0, 8)) {
    rows.push(el("tr", {}, el("th", { scope: "row" }, pair), el("td", { class: "number" }, plain(reference.correlations?.[pair])), el("td", { class: "number" }, plain(current.correlations[pair]))));
  }
  return el("table", { class: "figures" }, el("thead", {}, el("tr", {}, el("th", {}), el("th", { scope: "col", class: "number" }, "reference"), el("th", { scope: "col", class: "number" }, "now"))), el("tbody", {}, rows));
}

function runbook(record) {
  const name = String(record.runbook ?? "").match(/^docs\/runbooks\/([\w-]+\.md)(#[\w-]+)?$/);
  return name ? el("p", {}, el("a", { href: `/page/runbooks/${name[1]}`, target: "_blank", rel: "noopener" }, `Runbook: ${record.runbook}`)) : null;
}

function replay(record, copy) {
  if (!record.replay) return null;
  const command = `weir replay --alert ${record.alert_id} --drift`;
  const places = Object.entries(record.replay.partitions).map(([partition, [first, last]]) => `${partition}: ${first} to ${last}`).join(", ");
  return el("section", {}, el("h3", {}, "Its events again"),
    el("p", { class: "command" }, el("code", {}, command), el("button", { type: "button", class: "small", onclick: () => copy(command) }, "Copy")),
    el("p", { class: "note" }, `${record.replay.topic}, partition and offsets ${places}`));
}
