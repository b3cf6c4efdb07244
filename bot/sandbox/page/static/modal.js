// Shows the form that a bot answered with, checks it as Discord's client does, and sends it.
// Source: Discord's "Component Reference" (Text Input, Label and what can stand in it).

import { at, make } from "./dom.js";
import { choices, STRING_SELECT } from "./components.js";
import { markdown } from "./markdown.js";
import { act, upload } from "./requests.js";
import { store } from "./store.js";

const TEXT_INPUT = 4;
const TEXT_DISPLAY = 10;
const FILE_UPLOAD = 19;
const RADIO_GROUP = 21;
const CHECKBOX_GROUP = 22;
const CHECKBOX = 23;

const FAILED = "The bot did not answer. Send it again, or close the form.";

let shown = null;
let kept = {}; // what was typed, for a form that comes back because it failed

// Building

function part(c) {
  if (c.type === TEXT_DISPLAY) return markdown(c.content);
  if (c.component) return labelled(c.label, c.description, c.component);
  return (c.components ?? []).map((input) => labelled(input.label, null, input));
}

function labelled(label, description, c) {
  const id = `modal-${c.custom_id}`;
  const isRequired = c.required !== false && c.type !== CHECKBOX;
  const star = isRequired ? make("span", { class: "required", "aria-hidden": "true" }, " *") : null;
  const title = make("span", { class: "modal-label" }, label, star);
  const note = description
    ? make("small", { class: "faint", id: `${id}-note` }, description)
    : null;
  const isGroup =
    [RADIO_GROUP, CHECKBOX_GROUP].includes(c.type) || (c.max_values > 1 && c.type !== FILE_UPLOAD);
  if (isGroup)
    return make(
      "fieldset",
      { class: "modal-field", data: { type: c.type } },
      make("legend", {}, title),
      note,
      group(c),
    );
  const control = input(c, id);
  if (note) control.setAttribute("aria-describedby", note.id);
  if (c.type === CHECKBOX)
    return make("label", { class: "modal-field tick", for: id }, control, title, note);
  return make("label", { class: "modal-field", for: id }, title, note, control);
}

function input(c, id) {
  const common = { id, name: c.custom_id };
  const required = c.required !== false;
  if (c.type === TEXT_INPUT) return textInput(c, { ...common, required });
  if (c.type === FILE_UPLOAD)
    return make("input", { ...common, type: "file", required, multiple: (c.max_values ?? 1) > 1 });
  if (c.type === CHECKBOX)
    return make("input", { ...common, type: "checkbox", checked: Boolean(c.default) });
  const empty = make("option", { value: "" }, c.placeholder ?? "Make a selection");
  const options = choices(c).map((o) =>
    make(
      "option",
      { value: o.value, selected: o.isDefault },
      o.description && c.type === STRING_SELECT ? `${o.label} — ${o.description}` : o.label,
    ),
  );
  return make("select", { ...common, required }, empty, options);
}

function textInput(c, common) {
  const limits = {
    minlength: c.min_length ?? null,
    maxlength: c.max_length ?? 4000,
    placeholder: c.placeholder,
  };
  if (c.style === 2) return make("textarea", { ...common, ...limits, rows: "4" }, c.value ?? "");
  return make("input", {
    ...common,
    ...limits,
    type: "text",
    value: c.value ?? null,
    autocomplete: "off",
  });
}

function group(c) {
  const type = c.type === RADIO_GROUP ? "radio" : "checkbox";
  const listed =
    c.type === RADIO_GROUP || c.type === CHECKBOX_GROUP
      ? c.options.map((o) => ({ ...o, isDefault: Boolean(o.default) }))
      : choices(c);
  return listed.map((o) =>
    make(
      "label",
      { class: "choice" },
      make("input", { type, name: c.custom_id, value: o.value, checked: o.isDefault }),
      make(
        "span",
        {},
        o.label,
        o.description ? make("small", { class: "faint" }, o.description) : null,
      ),
    ),
  );
}

function show(modal) {
  shown = modal;
  const dialog = at("modal");
  const form = at("modal-form");
  at("modal-title").textContent = modal.title;
  at("modal-app").textContent = store.status.bot;
  at("modal-error").textContent = modal.has_failed ? FAILED : "";
  at("modal-fields").replaceChildren(...modal.components.flatMap(part));
  if (kept.id === modal.id) refill(kept.values);
  if (!dialog.open) dialog.showModal();
  (form.querySelector("#modal-fields :is(input, textarea, select)") ?? form).focus();
}

/** Put back what was typed; files have to be chosen again. */
function refill(values) {
  for (const node of at("modal-form").elements) {
    const value = values[node.name];
    if (value === undefined || node.type === "file") continue;
    if (node.type === "checkbox" || node.type === "radio")
      node.checked = value === true || [value].flat().includes(node.value);
    else node.value = [value].flat()[0] ?? "";
  }
}

// Reading and sending

/** List the inputs of the form, wherever they stand, each with its label. */
const inputs = (components) =>
  components.flatMap((c) =>
    c.component ? [{ ...c.component, label: c.label }] : (c.components ?? []),
  );
const nodesOf = (c) => [...at("modal-form").elements].filter((node) => node.name === c.custom_id);

async function values() {
  const read = {};
  for (const c of inputs(shown.components)) {
    read[c.custom_id] = await value(c, nodesOf(c));
  }
  return read;
}

async function value(c, nodes) {
  const [first] = nodes;
  if (c.type === TEXT_INPUT) return first.value;
  if (c.type === FILE_UPLOAD) return Promise.all([...first.files].map(upload));
  if (c.type === CHECKBOX) return first.checked;
  const ticked = nodes.filter((node) => node.checked).map((node) => node.value);
  if (c.type === RADIO_GROUP) return ticked[0] ?? null;
  if (first.tagName === "SELECT") return first.value ? [first.value] : [];
  return ticked;
}

/** Find the first list in which too little or too much is chosen: what the browser cannot check. */
function miscounted(read) {
  for (const c of inputs(shown.components)) {
    const chosen = c.type === RADIO_GROUP ? [read[c.custom_id] ?? []].flat() : read[c.custom_id];
    if (!Array.isArray(chosen) || (!chosen.length && c.required === false)) continue;
    const most = c.max_values ?? (c.type === CHECKBOX_GROUP ? c.options.length : 1);
    const least = c.min_values ?? 1;
    if (chosen.length >= least && chosen.length <= most) continue;
    const range = least === most ? least : `${least} to ${most}`;
    return { field: c, words: `${c.label}: choose ${most === 1 ? "one" : range}.` };
  }
  return null;
}

async function submit(event) {
  event.preventDefault();
  const button = at("modal-submit");
  button.disabled = true;
  try {
    const { id } = shown;
    const read = await values();
    const wrong = miscounted(read);
    if (wrong) {
      nodesOf(wrong.field)[0].focus();
      at("modal-error").textContent = wrong.words;
      return;
    }
    kept = { id, values: read };
    await act("modal", { interaction: id, values: read });
    if (shown?.id === id) close(); // the sandbox may have said sooner that it is closed
  } catch (error) {
    at("modal-error").textContent = error.message;
  } finally {
    button.disabled = false;
  }
}

function close() {
  shown = null;
  at("modal").close();
  const focused = document.activeElement; // not where it was before, if that has gone meanwhile
  if (focused === document.body || at("modal").contains(focused)) at("composer").focus();
}

function cancel() {
  if (shown) act("put-away", { id: shown.id }).catch(() => {});
  close();
}

export function startModal() {
  at("modal-form").addEventListener("submit", submit);
  at("modal-cancel").addEventListener("click", cancel);
  at("modal-close").addEventListener("click", cancel);
  at("modal").addEventListener("cancel", (event) => {
    event.preventDefault();
    cancel();
  });
  store.onChange((keys) => {
    if (![...keys].some((key) => key.startsWith("modal:"))) return;
    if (shown && !store.get(`modal:${shown.id}`)) close();
    // A form opens where one asked for it, not in every tab of the account.
    const newest = store.all("modal").findLast((modal) => store.deeds.has(modal.id));
    if (newest && newest.id !== shown?.id) show(newest);
  });
}
