// Makes elements, and changes those that stand to look like new ones: a video that plays goes on
// playing, a button that has the focus keeps it. Text only ever becomes text nodes.

export const at = (id) => document.getElementById(id);

/** Make an element: `class`, `data` (an object), `on` (listeners), properties, attributes. */
export function make(tag, { class: name, data, on, ...rest } = {}, ...children) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  for (const [key, value] of Object.entries(data ?? {}))
    if (value != null) node.dataset[key] = value;
  for (const [event, listener] of Object.entries(on ?? {})) node.addEventListener(event, listener);
  for (const [key, value] of Object.entries(rest)) set(node, key, value);
  node.append(...children.flat().filter((child) => child != null && child !== false));
  return node;
}

function set(node, key, value) {
  if (value == null || value === false) return;
  node.setAttribute(key, value === true ? "" : value);
  if (key === "muted") node.muted = true; // the attribute alone counts only in parsed HTML
}

/** Turn `old` into `fresh` where it stands, and return what stands there now. */
function morph(old, fresh) {
  if (!isSameThing(old, fresh)) {
    old.replaceWith(fresh);
    return fresh;
  }
  if (old.isEqualNode(fresh)) return old;
  if (old.nodeType === Node.TEXT_NODE) old.data = fresh.data;
  if (old.nodeType !== Node.ELEMENT_NODE) return old;
  morphAttributes(old, fresh);
  morphChildren(old, [...fresh.childNodes]);
  return old;
}

const keyOf = (node) => node.dataset?.key;
const isSameThing = (a, b) => a.nodeName === b.nodeName && keyOf(a) === keyOf(b);
const isLive = (name) => name.startsWith("data-live"); // what the reader did, e.g. opened a spoiler

function morphAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !isLive(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (name === "style")
      old.style.cssText = fresh.style.cssText; // the policy forbids the attribute
    else if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

function morphChildren(parent, fresh) {
  let next = parent.firstChild;
  for (const child of fresh) {
    const found = sameAmong(next, child);
    if (!found) {
      parent.insertBefore(child, next);
      continue;
    }
    if (found !== next) parent.insertBefore(found, next);
    next = morph(found, child).nextSibling;
  }
  while (next) {
    const gone = next;
    next = next.nextSibling;
    gone.remove();
  }
}

function sameAmong(node, wanted) {
  if (node && isSameThing(node, wanted)) return node;
  if (!keyOf(wanted)) return null;
  for (let other = node; other; other = other.nextSibling)
    if (isSameThing(other, wanted)) return other;
  return null;
}

/** Keep a container's children in step with keyed items, touching only those that differ. */
export function reconcile(parent, nodes) {
  morphChildren(parent, nodes);
}
