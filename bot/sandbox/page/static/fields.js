// The fields of a command's options, one class for each way to fill them in.

import { complaintAbout, read } from "./checks.js";
import { ATTACHMENT, BOOLEAN, CHANNEL, MENTIONABLE, ROLE, STRING, USER } from "./commands.js";
import { make } from "./dom.js";
import { sizeOf } from "./media.js";
import { act, upload } from "./requests.js";
import { store } from "./store.js";
import { ownerOf, suggest } from "./suggestions.js";

const DEBOUNCE_MS = 250;
const SHOWN = 25;

/** What all fields have in common; `form` is the command that is being filled in. */
class Field {
  constructor(option, form) {
    this.option = option;
    this.form = form;
    this.control = this.makeControl();
    this.control.dataset.option = option.name;
    this.control.setAttribute("aria-label", `${option.name}: ${option.description}`);
    const name = make("span", { class: "field-name" }, option.name);
    this.element = make(
      "div",
      { class: "option-field", data: { field: option.name } },
      name,
      this.holder ?? this.control,
    );
    name.addEventListener("click", () => this.focus());
  }

  get isEmpty() {
    return this.control.value === "";
  }

  focus() {
    this.control.focus();
  }

  /** Show or take away that the value is wrong. */
  mark(isWrong) {
    this.element.classList.toggle("wrong", isWrong);
    this.control.setAttribute("aria-invalid", String(isWrong));
  }

  complaint() {
    return "";
  }

  onFocus() {}

  onInput() {}
}

class TextField extends Field {
  makeControl() {
    const isText = this.option.type === STRING;
    const props = {
      class: "option-input",
      autocomplete: "off",
      spellcheck: isText ? null : "false",
    };
    if (isText) return make("textarea", { ...props, rows: "1" });
    return make("input", { ...props, type: "text", inputmode: "decimal" });
  }

  get value() {
    return read(this.option, this.control.value);
  }

  set(text) {
    this.control.value = text;
  }

  complaint() {
    return complaintAbout(this.option, this.value);
  }
}

/** Something out of a list: choices, yes or no, people, places, roles. */
class ChoiceField extends Field {
  picked = null;

  makeControl() {
    return make("input", {
      class: "option-input",
      type: "text",
      autocomplete: "off",
      spellcheck: "false",
      role: "combobox",
      "aria-expanded": "false",
      "aria-controls": "suggestions",
      "aria-autocomplete": "list",
    });
  }

  get value() {
    return this.#chosen()?.value;
  }

  #chosen() {
    const typed = [this.control.value.toLowerCase(), asName(this.control.value)];
    return (
      this.picked ?? listed(this.option).find((one) => typed.includes(one.name.toLowerCase()))
    );
  }

  set(text) {
    this.control.value = text;
  }

  complaint() {
    return this.#chosen() ? "" : "takes one of the list";
  }

  onFocus() {
    this.offer(true);
  }

  onInput() {
    this.picked = null;
    this.offer(false);
  }

  offer(isWhole) {
    const typed = isWhole || this.picked ? "" : asName(this.control.value);
    const fitting = listed(this.option).filter((choice) =>
      choice.name.toLowerCase().includes(typed),
    );
    this.show(fitting);
  }

  show(choices) {
    const entries = choices
      .slice(0, SHOWN)
      .map((choice) => ({ title: choice.name, detail: choice.detail, key: choice.name, choice }));
    suggest(this.control, entries, {
      heading: `${this.option.name} — ${this.option.description}`,
      first: this.picked ? -1 : 0, // Tab passes over what is chosen
      onPick: ({ choice }) => this.pick(choice),
    });
  }

  pick(choice) {
    this.picked = choice;
    this.control.value = choice.name;
    this.mark(false);
    this.form.goOn(this);
  }
}

/** Something that the bot proposes while one types; any other text is taken too. */
class ProposalField extends ChoiceField {
  #timer = 0;
  #asked = 0;

  get value() {
    return this.picked?.value ?? read(this.option, this.control.value);
  }

  complaint() {
    return this.picked ? "" : complaintAbout(this.option, this.value);
  }

  offer() {
    clearTimeout(this.#timer);
    if (ownerOf() !== this.control) this.#say("Asking the bot…");
    this.#timer = setTimeout(() => this.#ask(), DEBOUNCE_MS);
  }

  async #ask() {
    this.#asked += 1;
    const number = this.#asked;
    const value = this.picked ? "" : this.control.value;
    try {
      const { choices } = await act("autocomplete", {
        ...this.form.described(this),
        focused: this.option.name,
        value,
      });
      if (number !== this.#asked || document.activeElement !== this.control) return;
      if (choices.length) this.show(choices);
      else this.#say("The bot proposes nothing for this.");
    } catch {
      if (number === this.#asked && document.activeElement === this.control)
        this.#say("Loading options failed.");
    }
  }

  #say(title) {
    const heading = `${this.option.name} — ${this.option.description}`;
    suggest(this.control, [{ title, isDisabled: true }], { heading, onPick: () => {} });
  }
}

/** A file, handed over as soon as it is chosen. */
class FileField extends Field {
  #upload = null;
  #problem = "";

  makeControl() {
    const control = make("input", { type: "file", class: "visually-hidden" });
    this.label = make("span", { class: "file-choice" }, "Choose a file, or drop one here");
    this.holder = make("label", { class: "file-field" }, control, this.label);
    control.addEventListener("change", () => this.take(control.files[0]));
    return control;
  }

  get isEmpty() {
    return this.#upload === null && !this.#problem;
  }

  get value() {
    return this.#upload; // a promise of the upload's id
  }

  complaint() {
    return this.#problem;
  }

  async take(file) {
    if (!file) return;
    this.#problem = "";
    this.label.textContent = `${file.name} · ${sizeOf(file.size)} …`;
    const sending = upload(file);
    this.#upload = sending;
    try {
      await sending;
      this.label.textContent = `${file.name} · ${sizeOf(file.size)}`;
      this.mark(false);
    } catch (error) {
      this.#upload = null;
      this.#problem = error.message;
      this.label.textContent = file.name;
      this.mark(true);
    }
    this.form.say(this.#problem);
  }
}

/** Read a name as people type it: with the sign before it that it has in a message, or without. */
function asName(typed) {
  return typed.toLowerCase().replace(/^[@#]/, "");
}

/** List what a field of choices offers. */
function listed(option) {
  if (option.choices?.length) return option.choices;
  if (option.type === BOOLEAN)
    return [
      { name: "True", value: true },
      { name: "False", value: false },
    ];
  const { guild } = store;
  const people = guild.members.map((m) => ({
    name: m.name,
    value: m.id,
    detail: m.bot ? "app" : "member",
  }));
  const roles = guild.roles.map((r) => ({ name: r.name, value: r.id, detail: "role" }));
  const kinds = option.channel_types ?? [];
  const channels = store
    .channels(guild.id)
    .filter((c) => !kinds.length || kinds.includes(c.parent ? 11 : 0));
  const places = channels.map((c) => ({
    name: c.name,
    value: c.id,
    detail: c.parent ? "thread" : "channel",
  }));
  return (
    { [USER]: people, [ROLE]: roles, [MENTIONABLE]: [...people, ...roles], [CHANNEL]: places }[
      option.type
    ] ?? []
  );
}

/** Make the field that an option needs. */
export function fieldFor(option, form) {
  if (option.type === ATTACHMENT) return new FileField(option, form);
  if (option.autocomplete) return new ProposalField(option, form);
  const isList =
    option.choices?.length || [BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE].includes(option.type);
  return isList ? new ChoiceField(option, form) : new TextField(option, form);
}

export { FileField };
