// Lines over the last quarter of an hour, drawn by uPlot (MIT, beside this file).

import { clock, count, seconds } from "./format.js";

const WINDOW_S = 900;
const LEAST_S = 120;
const HEIGHT = 150;
const LEFT = 46;
const RIGHT = 18;
const MINUTES = [60, 120, 180, 300];

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const SERIES = ["--s1", "--s2", "--s3", "--s4", "--s5", "--s6"];

export class History {
  // Columns by time; those that are told again replace what was told before.
  constructor() {
    this.clear();
  }

  clear() {
    this.at = [];
    this.columns = {};
    this.distance = {};
  }

  take(points) {
    if (points.all) this.clear();
    const { at, distance, all, ...columns } = points;
    if (!at.length) return;
    const kept = this.at.findIndex((time) => time >= at[0]);
    const length = kept < 0 ? this.at.length : kept;
    const join = (old, fresh) => [...(old ?? Array(length).fill(null)).slice(0, length), ...fresh];
    const before = this.at;
    this.at = join(before, at);
    for (const [name, values] of Object.entries(columns)) this.columns[name] = join(this.columns[name], values);
    const nothing = at.map(() => null);
    for (const name of new Set([...Object.keys(this.distance), ...Object.keys(distance)])) {
      this.distance[name] = join(this.distance[name], distance[name] ?? nothing);
    }
    const stale = this.at.findIndex((time) => time >= this.at[this.at.length - 1] - WINDOW_S * 1000);
    if (stale > 0) {
      this.at = this.at.slice(stale);
      for (const table of [this.columns, this.distance]) {
        for (const name of Object.keys(table)) table[name] = table[name].slice(stale);
      }
      for (const [name, values] of Object.entries(this.distance)) {
        if (values.every((value) => value === null)) delete this.distance[name];
      }
    }
  }

  // Begin and end of what is shown, in seconds.
  window(now) {
    const first = this.at.length ? this.at[0] / 1000 : now / 1000;
    return [Math.max(now / 1000 - WINDOW_S, Math.min(first, now / 1000 - LEAST_S)), now / 1000];
  }
}

export class Chart {
  // `series`: [{name, color, fill}]; `format` of the values; `label` tells those who cannot see it.
  constructor(element, { format, describe, draw = null, floor = 1 }) {
    this.element = element;
    this.format = format;
    this.describe = describe;
    this.draw = draw;
    this.floor = floor;
    this.names = null;
    element.setAttribute("role", "img");
    new ResizeObserver(() => this.resize()).observe(element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.names = null;
      if (this.last) this.show(...this.last);
    });
  }

  show(range, at, series) {
    this.last = [range, at, series];
    this.range = range;
    const data = [at.map((time) => time / 1000), ...series.map((each) => each.values)];
    const names = JSON.stringify(series.map((each) => each.name));
    if (names !== this.names) {
      this.names = names;
      this.plot?.destroy();
      this.plot = new uPlot(this.options(series), data, this.element);
    } else {
      this.plot.setData(data);
    }
    // Without a pointer over it the legend tells the newest values.
    if (this.plot.cursor.idx === null || this.plot.cursor.idx === undefined) this.plot.setLegend({ idx: at.length - 1 });
    this.element.setAttribute("aria-label", this.describe(series));
  }

  options(series) {
    const grid = { stroke: css("--grid"), width: 1 };
    const axis = { stroke: css("--muted"), font: "11px system-ui, sans-serif", grid, ticks: { show: false } };
    return {
      width: this.element.clientWidth || 300,
      height: HEIGHT,
      padding: [8, RIGHT, 0, 0],
      cursor: { sync: { key: "weir" }, points: { size: 5 }, drag: { x: false, y: false } },
      legend: { live: true },
      scales: {
        x: { time: true, range: () => this.range },
        y: { range: (_plot, _low, high) => [0, Math.max(this.floor, (high ?? 0) * 1.12)] },
      },
      axes: [
        { ...axis, size: 24, space: 56, incrs: MINUTES, values: (_plot, ticks) => ticks.map((tick) => clock(tick * 1000).slice(0, 5)) },
        { ...axis, size: LEFT, space: 34, values: (_plot, ticks) => ticks.map((tick) => this.format(tick)) },
      ],
      series: [
        { label: "", value: (_plot, value) => (value === null ? "" : clock(value * 1000)) },
        ...series.map((each) => ({
          label: each.name,
          stroke: css(each.color),
          fill: each.fill ? css(`${each.color}-fill`) : undefined,
          width: 1.5,
          points: { show: false },
          value: (_plot, value) => (value === null ? "–" : this.format(value)),
        })),
      ],
      hooks: this.draw ? { draw: [(plot) => this.draw(plot, css)] } : {},
    };
  }

  resize() {
    const width = this.element.clientWidth;
    if (this.plot && width && width !== this.plot.width) this.plot.setSize({ width, height: HEIGHT });
  }
}

export const tell = (format) => (series) =>
  series.map((each) => `${each.name} ${format(last(each.values))}`).join(", ");

function last(values) {
  for (let place = values.length - 1; place >= 0; place -= 1) if (values[place] !== null) return values[place];
  return null;
}

export const units = { count, seconds };
export const edges = { left: LEFT, right: RIGHT };
