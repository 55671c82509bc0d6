// Figures as people read them, and elements without markup: text from outside is text.

export const NONE = "–";

export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function count(value) {
  if (value === null || value === undefined) return NONE;
  const size = Math.abs(value);
  if (size >= 1e9) return `${(value / 1e9).toPrecision(3)} G`;
  if (size >= 1e6) return `${(value / 1e6).toPrecision(3)} M`;
  if (size >= 1e4) return `${(value / 1e3).toPrecision(3)} k`;
  if (size >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return value.toFixed(size >= 10 ? 1 : 2);
}

export function plain(value) {
  if (typeof value !== "number") return value === null || value === undefined ? NONE : String(value);
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

export function seconds(value) {
  if (value === null || value === undefined) return NONE;
  if (value < 0.001) return `${(value * 1e6).toFixed(0)} µs`;
  if (value < 1) return `${(value * 1e3).toPrecision(value < 0.1 ? 2 : 3)} ms`;
  return value < 120 ? `${value.toPrecision(3)} s` : `${Math.round(value / 60)} min`;
}

export function span(ms) {
  const total = Math.max(0, Math.round(ms / 1000));
  if (total < 60) return `${total} s`;
  if (total < 3600) return `${Math.floor(total / 60)} min`;
  if (total < 172800) return `${Math.floor(total / 3600)} h ${Math.floor((total % 3600) / 60)} min`;
  return `${Math.floor(total / 86400)} d`;
}

export function percent(share, digits = 1) {
  return share === null || share === undefined ? NONE : `${(share * 100).toFixed(digits)} %`;
}

export function availability(share) {
  if (share === null || share === undefined) return NONE;
  if (share >= 1) return "100 %";
  // Never rounded up to all.
  return `${(Math.floor(share * 1e5) / 1e3).toFixed(share > 0.999 ? 3 : 2)} %`;
}

export function clock(ms) {
  return Number.isFinite(ms) ? new Date(ms).toISOString().slice(11, 19) : "";
}

export function moment(text) {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

export function setText(id, text) {
  put(document.getElementById(id), text);
}

// One child for each item, known by its key: it stays the same element as long as the item is there, so that focus,
// selection and what a screen reader reads stay too. `update` writes what has changed into it.
export function keyed(parent, items, keyOf, make, update) {
  const before = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let child = before.get(key);
    before.delete(key);
    if (!child) {
      child = make(item);
      child.dataset.key = key;
    }
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
    update(child, item);
  }
  for (const child of before.values()) child.remove();
  // What was moved to another place has lost the focus.
  if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Replaces the children only where they changed, so that focus and selection stay.
export function fill(parent, children) {
  const fresh = el("div", {}, children);
  if (fresh.innerHTML !== parent.dataset.shown) {
    parent.dataset.shown = fresh.innerHTML;
    parent.replaceChildren(...fresh.childNodes);
  }
}
