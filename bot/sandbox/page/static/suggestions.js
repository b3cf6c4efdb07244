// The list above the composer: commands, options, choices. One field at a time has it; the focus
// stays in the field, and the field says which entry is meant (WAI-ARIA, "Combobox Pattern").

import { at, make } from "./dom.js";

const list = () => at("suggestions");
let items = [];
let active = -1;
let owner = null;
let pick = () => {};

const isOpen = () => owner !== null;
export const ownerOf = () => owner;

/** Show entries `{title, note, detail, isDisabled, …}` for a field; `onPick` hears the chosen one. */
export function suggest(field, entries, { onPick, heading, first = 0 }) {
  release();
  if (!entries.length) return hideSuggestions();
  [owner, items, pick] = [field, entries, onPick];
  const nodes = entries.map((entry, index) => optionNode(entry, index));
  at("suggestions-heading").textContent = heading ?? "";
  list().replaceChildren(...nodes);
  list().setAttribute("aria-label", heading ?? "Suggestions");
  at("suggestions-box").hidden = false;
  field.setAttribute("aria-expanded", "true");
  mark(entries[first]?.isDisabled ? -1 : first);
  return undefined;
}

export function hideSuggestions() {
  release();
  [owner, items, active] = [null, [], -1];
  at("suggestions-box").hidden = true;
  list().replaceChildren();
}

function release() {
  owner?.setAttribute("aria-expanded", "false");
  owner?.removeAttribute("aria-activedescendant");
}

function optionNode(entry, index) {
  const title = make("span", { class: "suggestion-title" }, entry.title);
  const detail = entry.detail ? make("span", { class: "faint cut" }, entry.detail) : null;
  const note = entry.note ? make("span", { class: "suggestion-note" }, entry.note) : null;
  const props = {
    role: "option",
    id: `suggestion-${index}`,
    "aria-selected": "false",
    "aria-disabled": entry.isDisabled ? "true" : null,
    data: { index: String(index), value: entry.key ?? entry.title },
  };
  return make(
    "div",
    props,
    entry.icon ?? null,
    make("span", { class: "grow" }, title, detail),
    note,
  );
}

function mark(index) {
  list().children[active]?.setAttribute("aria-selected", "false");
  active = index;
  const node = list().children[active];
  if (!node) {
    owner?.removeAttribute("aria-activedescendant");
    return;
  }
  node.setAttribute("aria-selected", "true");
  node.scrollIntoView({ block: "nearest" });
  owner.setAttribute("aria-activedescendant", node.id);
}

function pickAt(index) {
  const entry = items[index];
  if (!entry || entry.isDisabled) return false;
  const chosen = pick;
  hideSuggestions();
  chosen(entry);
  return true;
}

/** Use a key for the list; tells whether that was its meaning. */
export function handleKey(event) {
  if (!isOpen() || event.isComposing) return false;
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  if (event.key in steps) {
    const from = active < 0 && event.key === "ArrowUp" ? 0 : active;
    mark((from + steps[event.key] + items.length) % items.length);
    return true;
  }
  if (event.key === "Escape") {
    hideSuggestions();
    return true;
  }
  const picks =
    (event.key === "Enter" && !event.shiftKey) || (event.key === "Tab" && !event.shiftKey);
  return picks && active >= 0 && pickAt(active);
}

export function startSuggestions() {
  list().addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
  list().addEventListener("click", (event) => {
    const node = event.target.closest("[role=option]");
    if (node) pickAt(Number(node.dataset.index));
  });
  list().addEventListener("pointermove", (event) => {
    const node = event.target.closest("[role=option]");
    if (node && Number(node.dataset.index) !== active) mark(Number(node.dataset.index));
  });
}
