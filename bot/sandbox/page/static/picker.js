// A list to choose from, beside a select. One choice is sent at once; several when the list closes.

import { emoji } from "./components.js";
import { make } from "./dom.js";
import { closePopup, moveIn, openPopup } from "./popup.js";

/** Open the list; `onChosen` hears the values, unless nothing was changed. */
export function openPicker(anchor, { label, choices, least, most, onChosen }) {
  const chosen = new Set(
    choices.filter((choice) => choice.isDefault).map((choice) => choice.value),
  );
  const before = [...chosen].join();
  const isSingle = most === 1;
  const items = choices.map((choice) => option(choice, chosen.has(choice.value)));

  function toggle(item) {
    const { value } = item.dataset;
    if (isSingle) {
      chosen.clear();
      chosen.add(value);
      closePopup();
      return;
    }
    if (chosen.has(value)) chosen.delete(value);
    else if (chosen.size < most) chosen.add(value);
    item.setAttribute("aria-selected", String(chosen.has(value)));
  }

  function finish() {
    const values = choices.map((choice) => choice.value).filter((value) => chosen.has(value));
    const isChanged = isSingle ? values.length === 1 : [...chosen].join() !== before;
    if (isChanged && values.length >= least) onChosen(values);
  }

  const list = make(
    "div",
    { role: "listbox", "aria-label": label, "aria-multiselectable": isSingle ? null : "true" },
    items,
  );
  list.addEventListener("keydown", (event) => {
    moveIn(event, items);
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      toggle(document.activeElement);
    }
  });
  list.addEventListener("click", (event) => {
    const item = event.target.closest("[role=option]");
    if (item) toggle(item);
  });
  const note = isSingle
    ? null
    : make("p", { class: "faint" }, `Choose ${least} to ${most}; closing the list sends it.`);
  openPopup(anchor, [list, note].filter(Boolean).length > 1 ? make("div", {}, note, list) : list, {
    onClose: finish,
    name: "picker",
  });
  (items.find((item) => item.ariaSelected === "true") ?? items[0])?.focus();
}

function option(choice, isChosen) {
  const words = make(
    "span",
    { class: "grow" },
    choice.label,
    choice.description ? make("small", { class: "faint" }, choice.description) : null,
  );
  const props = {
    role: "option",
    tabindex: "-1",
    "aria-selected": String(isChosen),
    data: { value: choice.value },
  };
  return make(
    "div",
    props,
    emoji(choice.emoji),
    words,
    make("span", { class: "check", "aria-hidden": "true" }),
  );
}
