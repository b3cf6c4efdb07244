// Opens one small thing at a time beside what was pressed: a menu, a list. Escape, a press outside
// or leaving it by Tab closes it, and the focus goes back to where it was.

import { make } from "./dom.js";

let open = null;

export function closePopup({ refocus = true } = {}) {
  if (!open) return;
  const { box, anchor, onClose } = open;
  open = null;
  const hadFocus = box.contains(document.activeElement);
  box.remove();
  anchor.setAttribute("aria-expanded", "false");
  if (refocus && hadFocus && anchor.isConnected) anchor.focus();
  onClose?.();
}

export const popupAnchor = () => open?.anchor ?? null;

/** Show `content` beside `anchor`; `above` prefers the side above it. */
export function openPopup(anchor, content, { onClose, above = false, name = "" } = {}) {
  closePopup({ refocus: false });
  const box = make("div", { class: `popup ${name}` }, content);
  (anchor.closest("dialog") ?? document.body).append(box); // a dialog lies above everything else
  open = { box, anchor, onClose };
  anchor.setAttribute("aria-expanded", "true");
  place(box, anchor, above);
  return box;
}

function place(box, anchor, above) {
  const [a, b] = [anchor.getBoundingClientRect(), box.getBoundingClientRect()];
  const margin = 8;
  const fitsAbove = a.top - b.height - margin > 0;
  const fitsBelow = a.bottom + b.height + margin < innerHeight;
  const top = (above ? fitsAbove : !fitsBelow && fitsAbove) ? a.top - b.height - 4 : a.bottom + 4;
  const clamp = (value, most) => Math.max(margin, Math.min(value, most));
  box.style.left = `${clamp(a.left, innerWidth - b.width - margin)}px`;
  box.style.top = `${clamp(top, innerHeight - b.height - margin)}px`;
  box.style.minWidth = `${Math.min(a.width, innerWidth - 2 * margin)}px`;
}

/** Show a menu of entries: `{label, note, run, isChecked, isDanger, data}`; arrows move in it. */
export function openMenu(anchor, label, entries, options = {}) {
  const items = entries.map((entry) => {
    const role = entry.isChecked == null ? "menuitem" : "menuitemradio";
    const run = () => {
      closePopup();
      entry.run();
    };
    const props = {
      type: "button",
      role,
      class: entry.isDanger ? "danger" : "",
      tabindex: "-1",
      "aria-checked": entry.isChecked == null ? null : String(entry.isChecked),
      data: entry.data,
      on: { click: run },
    };
    const note = entry.note ? make("span", { class: "faint" }, entry.note) : null;
    return make(
      "button",
      props,
      entry.icon ?? null,
      make("span", { class: "grow" }, entry.label),
      note,
    );
  });
  const menu = make("div", { role: "menu", "aria-label": label }, items);
  menu.addEventListener("keydown", (event) => moveIn(event, items));
  openPopup(anchor, menu, { ...options, name: "menu" });
  (items.find((item) => item.ariaChecked === "true") ?? items[0])?.focus();
}

/** Move the focus among `items` by arrows, Home and End. */
export function moveIn(event, items) {
  const here = items.indexOf(document.activeElement);
  const steps = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: items.length - 1 };
  if (!(event.key in steps)) return;
  event.preventDefault();
  items.at(steps[event.key] % items.length)?.focus();
}

/** Have the keyboard and presses elsewhere close what is open. */
export function watchPopups() {
  document.addEventListener("pointerdown", (event) => {
    if (open && !open.box.contains(event.target) && !open.anchor.contains(event.target))
      closePopup();
  });
  document.addEventListener(
    "keydown",
    (event) => {
      if (!open || (event.key !== "Escape" && event.key !== "Tab")) return;
      if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
      }
      closePopup();
    },
    { capture: true },
  );
  addEventListener("resize", () => closePopup());
}
