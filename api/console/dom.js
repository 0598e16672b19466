/** Small helpers to build the page: no templates, no inline styles, text is always text. */

/** An element. Props: `class`, `data` (an object), `on` (an object of listeners), other keys are attributes. */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

const SVG = "http://www.w3.org/2000/svg";

/** The same for SVG. */
export function s(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(node, props, children) {
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") for (const [name, listener] of Object.entries(value)) node.addEventListener(name, listener);
    else if (key === "data") mark(node, value);
    else if (key === "value") node.value = value;
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  append(node, children);
  return node;
}

function mark(node, values) {
  for (const [key, value] of Object.entries(values))
    if (value !== null && value !== undefined) node.dataset[key] = value;
}

function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child);
  }
}

/** Put other children in place of those that are there. */
export function put(node, ...children) {
  node.replaceChildren();
  append(node, children);
  return node;
}

/** `work` soon, once for many calls of it within `wait` milliseconds. Gives the asking, and `asking.cancel()`. */
export function soon(work, wait) {
  let timer = null;
  const ask = () => {
    timer ??= setTimeout(() => {
      timer = null;
      work();
    }, wait);
  };
  ask.cancel = () => clearTimeout(timer);
  return ask;
}

/** Set text only where it differs, so that a screen reader is not told twice. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Keep a list of nodes in step with a list of items without rebuilding those that stay.
 * `make(item)` gives a node; `change(node, item)` brings it up to date.
 */
export function keep(parent, items, key, make, change) {
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let cursor = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let node = old.get(name);
    old.delete(name);
    if (!node) {
      node = make(item);
      node.dataset.key = name;
    }
    change(node, item);
    if (node === cursor) cursor = cursor.nextElementSibling;
    else parent.insertBefore(node, cursor);
  }
  for (const node of old.values()) node.remove();
}
