// The operators' page: one stream of events in, everything on the page out of it.

import * as alerts from "./alerts.js";
import { Card } from "./card.js";
import { Chart, History, SERIES, tell, units } from "./charts.js";
import { clock, setText } from "./format.js";
import * as panels from "./panels.js";

const history = new History();
const state = { now: 0, told: null, alerts: null };
const known = new Set();

const charts = {
  drift: new Chart(document.getElementById("chart-drift"), {
    format: units.count, describe: tell(units.count), draw: drawDrift, floor: 1.3,
  }),
  throughput: new Chart(document.getElementById("chart-throughput"), { format: units.count, describe: tell(units.count), floor: 5 }),
  latency: new Chart(document.getElementById("chart-latency"), { format: units.seconds, describe: tell(units.seconds), floor: 0.01 }),
  lag: new Chart(document.getElementById("chart-lag"), { format: units.count, describe: tell(units.count), floor: 10 }),
};
const card = new Card(document.getElementById("card"), document.getElementById("confirm"), document.getElementById("toast"));
const open = (id) => {
  const found = state.alerts?.find((alert) => alert.record.alert_id === id);
  if (found) card.open(found, state);
};

function drawDrift(plot, css) {
  const { ctx, bbox } = plot;
  const line = (x1, y1, x2, y2, color, dash) => {
    ctx.save();
    ctx.strokeStyle = color;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash(dash.map((each) => each * devicePixelRatio));
    ctx.beginPath();
    ctx.moveTo(x1, y1);
    ctx.lineTo(x2, y2);
    ctx.stroke();
    ctx.restore();
  };
  const level = plot.valToPos(1, "y", true);
  line(bbox.left, level, bbox.left + bbox.width, level, css("--muted"), [4, 4]);
  const [from, to] = [plot.scales.x.min, plot.scales.x.max];
  for (const alert of state.alerts ?? []) {
    const at = alert.told / 1000;
    if (at < from || at > to) continue;
    const x = plot.valToPos(at, "x", true);
    line(x, bbox.top, x, bbox.top + bbox.height, css(`--${alerts.kind(alert)}`), [2, 3]);
  }
}

function show() {
  const window = history.window(state.now);
  const column = (name, label, color, fill) => ({ name: label, color, fill, values: history.columns[name] ?? [] });
  charts.throughput.show(window, history.at, [
    column("answered", "answered", "--s1", true),
    column("degraded", "degraded", "--s3"),
    column("dead", "dead letters", "--s4"),
  ]);
  charts.latency.show(window, history.at, [
    column("p99", "p99", "--s5"), column("p95", "p95", "--s2"), column("p50", "p50", "--s1"),
  ]);
  charts.lag.show(window, history.at, [column("lag", "lag", "--s1", true)]);
  const signals = Object.keys(history.distance).sort();
  const several = new Set(signals.map((name) => name.split("/")[0])).size > 1;
  const label = (name) => (several ? `${name.split("/")[0]} ` : "") + alerts.named(name.slice(name.indexOf("/") + 1));
  charts.drift.show(window, history.at, signals.length
    ? signals.map((name, place) => ({ name: label(name), color: SERIES[place % SERIES.length], values: history.distance[name] }))
    : [{ name: "no signal yet", color: "--muted", values: history.at.map(() => null) }]);
  showAlerts();
}

function showAlerts() {
  if (!state.alerts) return;
  alerts.list(document.getElementById("alerts"), state.alerts, state.now, open);
  panels.alertsNote(state.told, state.alerts);
  alerts.lanes(document.getElementById("lanes"), state.alerts, history.window(state.now), open);
}

const takes = {
  points(points) {
    history.take(points);
    show();
  },
  alerts(told) {
    const first = state.alerts === null;
    state.alerts = told;
    for (const alert of told) {
      const id = `${alert.record.alert_id} ${alert.record.state}`;
      if (!first && !known.has(id) && alert.record.state !== "updated") {
        card.say(`${alert.record.state}: ${alerts.subject(alert.record)} ${alerts.size(alert.record)}`);
      }
      known.add(id);
    }
    card.refresh(told, state);
    show();
  },
  state(told) {
    state.now = told.now;
    state.told = told;
    card.tell(told);
    panels.show(told, card);
    panels.alertsNote(told, state.alerts ?? []);
  },
  time(now) {
    state.now = now;
    if (now) setText("clock", `${clock(now)} UTC`);
  },
};

// The server tells the time twice a second. Without a word for so long the connection is dead, whatever its state says.
const SILENT_MS = 5000;
let source = null;
let heard = 0;

function connect() {
  source?.close();
  heard = performance.now();
  const own = new EventSource("/page/stream");
  source = own;
  for (const [event, take] of Object.entries(takes)) {
    own.addEventListener(event, (message) => {
      heard = performance.now();
      panels.linked(true);
      take(JSON.parse(message.data));
    });
  }
  own.onerror = () => panels.linked(false, state.now);
}

setInterval(() => {
  if (performance.now() - heard < SILENT_MS) return;
  panels.linked(false, state.now);
  connect();
}, 1000);

addEventListener("resize", showAlerts);
connect();
