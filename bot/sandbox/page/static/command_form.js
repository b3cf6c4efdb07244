// A command that is being filled in: its name, its fields in place, and the options to be added.

import { limitsOf } from "./checks.js";
import { at, make } from "./dom.js";
import { FileField, fieldFor } from "./fields.js";
import { store } from "./store.js";
import { hideSuggestions, suggest } from "./suggestions.js";

const ATTACHMENT = 11;

export class CommandForm {
  /** Show `command`; `onLeave` is called when the reader goes back to plain text. */
  constructor(command, { onLeave }) {
    this.command = command;
    this.onLeave = onLeave;
    this.fields = [];
    this.more = make("button", {
      type: "button",
      class: "more-options",
      "aria-haspopup": "listbox",
      "aria-expanded": "false",
      data: { testid: "more-options" },
      on: { click: () => this.offerOptions() },
    });
    const leave = {
      type: "button",
      class: "command-name",
      title: "Leave the command (Escape)",
      on: { click: () => onLeave() },
    };
    this.name = make(
      "button",
      { ...leave, "aria-label": `/${command.path}: leave the command` },
      `/${command.path}`,
      make("span", { class: "cross", "aria-hidden": "true" }, "×"),
    );
    this.element = at("command-line");
    this.element.replaceChildren(this.name, this.more);
    this.element.hidden = false;
    for (const option of command.options.filter((o) => o.required)) this.add(option.name);
    this.drawMore();
    this.explain(null);
  }

  // Fields

  get unused() {
    const used = new Set(this.fields.map((field) => field.option.name));
    return this.command.options.filter((option) => !used.has(option.name));
  }

  field(name) {
    return this.fields.find((field) => field.option.name === name);
  }

  /** Put an option in place, or find it there. */
  add(name) {
    const there = this.field(name);
    if (there) return there;
    const option = this.command.options.find((o) => o.name === name);
    const field = fieldFor(option, this);
    this.fields.push(field);
    this.element.insertBefore(field.element, this.more);
    this.#listenTo(field);
    this.drawMore();
    return field;
  }

  remove(field) {
    const index = this.fields.indexOf(field);
    this.fields.splice(index, 1);
    hideSuggestions();
    field.element.remove();
    this.drawMore();
    (this.fields[Math.max(0, index - 1)] ?? this.more).focus();
  }

  #listenTo(field) {
    field.control.addEventListener("focus", () => {
      hideSuggestions();
      this.explain(field.option);
      field.onFocus();
    });
    field.control.addEventListener("blur", () => {
      hideSuggestions();
      if (!field.isEmpty) field.mark(Boolean(field.complaint()));
    });
    field.control.addEventListener("input", () => {
      field.mark(false);
      this.say("");
      if (!(field instanceof FileField) && this.#jumpFrom(field)) return;
      field.onInput();
    });
  }

  /** Where the name of another option and a colon are typed, go on in that one. */
  #jumpFrom(field) {
    const { value } = field.control;
    if (value === " ") field.control.value = ""; // of "name: value", when a whole line is typed
    const found = /(?:^|\s)([-\w]+):$/.exec(value);
    const option = found && this.command.options.find((o) => o.name === found[1]);
    if (!option || (option === field.option && found.index > 0)) return false;
    field.control.value = value.slice(0, found.index).trimEnd();
    if (option === field.option) return false;
    this.add(option.name).focus();
    return true;
  }

  drawMore() {
    const count = this.unused.length;
    this.more.hidden = count === 0;
    this.more.textContent = `+${count} optional`;
  }

  offerOptions() {
    this.more.focus();
    const entries = this.unused.map((o) => ({
      title: o.name,
      detail: o.description,
      note: limitsOf(o),
      key: o.name,
    }));
    suggest(this.more, entries, {
      heading: `Options of /${this.command.path}`,
      onPick: (entry) => this.add(entry.key).focus(),
    });
  }

  /** Go to an option whose name somebody begins to type where there is no field yet. */
  beginOption(letter) {
    const option = this.unused.find((o) => o.name.startsWith(letter));
    if (option) this.add(option.name).focus();
  }

  /** Go to the next thing to fill in after a field was filled by its list. */
  goOn(field) {
    const next = this.fields.slice(this.fields.indexOf(field) + 1).find((other) => other.isEmpty);
    (next ?? field).control.focus();
    hideSuggestions();
    next?.onFocus();
  }

  focus() {
    const first = this.fields.find((field) => field.isEmpty) ?? this.fields[0];
    if (first) first.focus();
    else at("send").focus(); // nothing must be filled in: Enter sends
  }

  explain(option) {
    const words = option
      ? [make("b", {}, option.name), ` ${option.description}`]
      : [make("b", {}, `/${this.command.path}`), ` ${this.command.description}`];
    const limits = option && limitsOf(option);
    at("command-help").replaceChildren(
      ...words,
      limits ? make("span", { class: "faint" }, ` · ${limits}`) : "",
    );
    at("command-help").hidden = false;
  }

  /** Take a dropped file into the first attachment option that is free. */
  takeFile(file) {
    const free = this.fields.find((field) => field instanceof FileField && field.isEmpty);
    const name =
      free?.option.name ?? this.unused.find((option) => option.type === ATTACHMENT)?.name;
    if (!name) return false;
    this.add(name).take(file);
    return true;
  }

  // Sending

  say(words) {
    at("composer-error").textContent = words;
  }

  /** Say what is wrong first; returns whether nothing is. */
  check() {
    for (const field of this.fields) {
      const isMissing = field.isEmpty && field.option.required;
      const words = isMissing ? "is required" : (!field.isEmpty && field.complaint()) || "";
      field.mark(Boolean(words));
      if (!words) continue;
      this.say(/^[A-Z]|\.$/.test(words) ? words : `${field.option.name} ${words}.`);
      return field;
    }
    this.say("");
    return null;
  }

  /** Describe the command for the sandbox, as far as it is filled in without a mistake. */
  described(except = null) {
    const good = this.fields.filter(
      (f) => f !== except && !f.isEmpty && !f.complaint() && !(f instanceof FileField),
    );
    const options = Object.fromEntries(good.map((field) => [field.option.name, field.value]));
    return { channel: store.channel.id, name: this.command.path, options };
  }

  /** Describe it with its files, which may still be on their way. */
  async whole() {
    const asked = this.described();
    for (const field of this.fields) {
      if (field instanceof FileField && !field.isEmpty)
        asked.options[field.option.name] = await field.value;
    }
    return asked;
  }

  close() {
    hideSuggestions();
    this.element.hidden = true;
    this.element.replaceChildren();
    at("command-help").hidden = true;
  }
}
