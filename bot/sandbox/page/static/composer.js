// Where one writes: plain text, or `/` and a command that becomes a form.

import { complain } from "./banner.js";
import { CommandForm } from "./command_form.js";
import { findCommand, matching, slashCommands } from "./commands.js";
import { at, make } from "./dom.js";
import { followAgain } from "./log.js";
import { act } from "./requests.js";
import { store } from "./store.js";
import { handleKey, hideSuggestions, ownerOf, suggest } from "./suggestions.js";

const EXAMPLE = {
  command: "video",
  option: "prompt",
  text: "a red circle moving left on a blue background",
};

let form = null;
let isSending = false;
let draftPlace = null; // whose, and of which channel, the text in the field is
const drafts = new Map();

const field = () => at("composer");
const say = (words) => {
  at("composer-error").textContent = words;
};

// Plain text and the list of commands

function grow() {
  field().style.height = "auto";
  field().style.height = `${Math.min(field().scrollHeight, innerHeight / 3)}px`;
}

function onInput() {
  grow();
  say("");
  at("command-help").hidden = true;
  const text = field().value;
  const typed = /^\/([^:\n]*)$/.exec(text);
  if (!typed) return hideSuggestions();
  const [, words] = typed;
  const whole = words.endsWith(" ") && findCommand(words.trim());
  return whole ? openCommand(whole) : offerCommands(words);
}

function offerCommands(typed) {
  const found = matching(typed);
  const entries = found.map((c) => ({
    title: `/${c.path}`,
    detail: c.description,
    note: required(c),
    key: `/${c.path}`,
    command: c,
  }));
  const heading = found.length ? "Commands" : "";
  if (!found.length && typed) return hideSuggestions();
  if (!found.length) entries.push({ title: nothingThere(), isDisabled: true });
  return suggest(field(), entries, { heading, onPick: ({ command }) => openCommand(command) });
}

const required = (command) =>
  command.options
    .filter((o) => o.required)
    .map((o) => o.name)
    .join(", ");
const nothingThere = () =>
  store.status.is_connected
    ? "You may not use commands here."
    : "No commands yet: the bot is not connected.";

// A command

function openCommand(command, values = {}) {
  leaveCommand({ refocus: false });
  hideSuggestions();
  say("");
  if (!command.options.length) return nameCommand(command);
  field().value = "";
  grow();
  field().hidden = true;
  form = new CommandForm(command, { onLeave: leaveCommand });
  document.body.dataset.command = command.path;
  for (const [name, text] of Object.entries(values)) form.add(name).set(text);
  form.focus();
  drawHint();
  return undefined;
}

/** Leave a command without options as text: Enter sends it. */
function nameCommand(command) {
  field().value = `/${command.path} `;
  grow();
  field().focus();
  at("command-help").replaceChildren(make("b", {}, `/${command.path}`), ` ${command.description}`);
  at("command-help").hidden = false;
}

function leaveCommand({ refocus = true } = {}) {
  form?.close();
  form = null;
  delete document.body.dataset.command;
  field().hidden = false;
  grow();
  say("");
  drawHint();
  if (refocus) field().focus();
}

function focusedField(event) {
  return form?.fields.find((one) => one.control === event.target);
}

function onKey(event) {
  if (event.isComposing) return;
  if (ownerOf() === event.target && handleKey(event)) {
    event.preventDefault();
    event.stopPropagation();
    return;
  }
  if (
    event.key === "Enter" &&
    !event.shiftKey &&
    event.target.matches("textarea, input:not([type=file])")
  ) {
    event.preventDefault();
    submit();
  } else if (event.key === "Escape" && form) {
    leaveCommand();
  } else if (event.key === "Backspace" && form) {
    onBackspace(event);
  } else if (form && event.target.matches("#send, .more-options") && isLetter(event)) {
    form.beginOption(event.key); // the letter itself goes where the focus is now
  } else if (event.key === "ArrowDown" && focusedField(event)) {
    focusedField(event).onFocus();
  }
}

const isLetter = (event) =>
  /^\w$/.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey;

/** Backspace in an empty field takes the option away, and in the first one the command. */
function onBackspace(event) {
  const here = focusedField(event);
  if (!here?.isEmpty && event.target !== form.more && event.target !== form.name) return;
  event.preventDefault();
  if (here && !here.option.required) form.remove(here);
  else if (form.fields.every((one) => one.isEmpty)) leaveCommand();
}

// Sending

async function submit() {
  if (isSending) return;
  hideSuggestions();
  isSending = true;
  at("send").disabled = true;
  try {
    await (form ? submitCommand() : submitText());
  } catch (error) {
    say(error.message);
  } finally {
    isSending = false;
    at("send").disabled = false;
  }
}

async function submitCommand() {
  const wrong = form.check();
  if (wrong) {
    wrong.control.focus();
    hideSuggestions();
    return;
  }
  await act("command", await form.whole());
  store.hasTried = true;
  store.remember();
  leaveCommand();
  followAgain();
}

async function submitText() {
  const text = field().value.trim();
  if (!text) return;
  const asked = { channel: store.channel.id };
  if (text.startsWith("/")) await sendLine(text, asked);
  else await act("say", { ...asked, text });
  store.hasTried ||= text.startsWith("/");
  store.remember();
  field().value = "";
  at("command-help").hidden = true;
  grow();
  followAgain();
  drawHint();
}

/** Send a whole command as it was typed or pasted; the sandbox reads its options. */
async function sendLine(line, asked) {
  const known = slashCommands();
  const isKnown = known.some(({ path }) => `${line} `.startsWith(`/${path} `));
  if (!isKnown) throw new Error(known.length ? "There is no such command." : nothingThere());
  await act("line", { ...asked, line });
}

// Around it

function drawHint() {
  const command = findCommand(EXAMPLE.command);
  at("hint").hidden = store.hasTried || Boolean(form) || !command;
  at("hint-line").textContent = `/${EXAMPLE.command} ${EXAMPLE.option}: ${EXAMPLE.text}`;
}

function drawField() {
  const { channel } = store;
  const isOpenHere = Boolean(channel?.can_speak && !channel.locked);
  const sign = channel?.parent ? "" : "#";
  const words = isOpenHere ? `Message ${sign}${channel.name}, or type /` : "You cannot write here";
  field().placeholder = words;
  field().setAttribute("aria-label", words);
  field().disabled = !isOpenHere && !slashCommands().length;
}

/** Keep what was written but not sent for when one comes back. */
function changeDraft() {
  const place = `${store.account}:${store.channel?.id}`;
  if (place === draftPlace) return;
  drafts.set(draftPlace, field().value);
  draftPlace = place;
  field().value = drafts.get(place) ?? "";
  if (ownerOf() === field()) hideSuggestions();
  say("");
  grow();
}

function onChange(keys) {
  changeDraft();
  const hasMoved = keys.has("place") || keys.has("status");
  const commandsKey = `commands:${store.channel?.guild}`;
  if (form && (hasMoved || keys.has(commandsKey)) && !findCommand(form.command.path))
    leaveCommand({ refocus: false });
  if (hasMoved || keys.has(commandsKey) || [...keys].some((key) => key.startsWith("channel:"))) {
    drawField();
    drawHint();
  }
  if (ownerOf() === field() && keys.has(commandsKey)) onInput();
}

function takeDrop(event) {
  document.body.removeAttribute("data-dropping");
  const [file] = event.dataTransfer?.files ?? [];
  if (!file) return;
  event.preventDefault();
  if (!form?.takeFile(file)) complain("Choose a command that takes a file first, then drop it.");
}

function watchDrops() {
  addEventListener("dragover", (event) => {
    if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
    event.preventDefault();
    document.body.toggleAttribute("data-dropping", true);
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.removeAttribute("data-dropping");
  });
  addEventListener("drop", takeDrop);
}

export function startComposer() {
  const box = at("composer-form");
  box.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  box.addEventListener("keydown", onKey);
  field().addEventListener("input", onInput);
  field().addEventListener("blur", () => {
    if (ownerOf() === field()) hideSuggestions();
  });
  at("slash").addEventListener("click", () => {
    leaveCommand();
    if (!field().value.startsWith("/")) field().value = "/";
    onInput();
  });
  at("try").addEventListener("click", () => {
    openCommand(findCommand(EXAMPLE.command), { [EXAMPLE.option]: EXAMPLE.text });
    at("send").focus();
  });
  addEventListener("resize", grow); // on a narrow screen the letters are larger
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input, textarea, select, button, a, dialog, [role]");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) field().focus();
  });
  watchDrops();
  store.onChange(onChange);
}
