// Shows one message, and what the reader did that the bot has not answered.

import { avatar } from "./avatars.js";
import { all as components } from "./components.js";
import { make } from "./dom.js";
import { embed } from "./embeds.js";
import { markdown } from "./markdown.js";
import { media } from "./media.js";
import { store } from "./store.js";
import { said, whole } from "./time.js";

const TOGETHER_MS = 7 * 60_000;

/** Whether a message stands below another of the same author without a head of its own. */
export function isGrouped(message, before) {
  if (!before || message.reply || message.used || before.ephemeral !== message.ephemeral)
    return false;
  const gap = new Date(message.time) - new Date(before.time);
  return before.author.id === message.author.id && gap < TOGETHER_MS;
}

export function article(message, { grouped }) {
  const names = [
    "message",
    grouped && "grouped",
    message.ping && "ping",
    message.ephemeral && "ephemeral",
  ];
  const data = {
    key: message.id,
    message: message.id,
    author: message.author.name,
    ephemeral: message.ephemeral ? "true" : null,
    ping: message.ping ? "true" : null,
    loading: message.loading ? "true" : null,
  };
  const props = { class: names.filter(Boolean).join(" "), tabindex: "-1", data };
  return make(
    "article",
    props,
    above(message),
    avatar(message.author),
    head(message),
    body(message),
    failures(message),
    foot(message),
    more(),
  );
}

function above(message) {
  const { reply, used } = message;
  if (reply?.deleted)
    return make("div", { class: "above" }, make("em", {}, "The message it replied to is gone"));
  if (reply) {
    const data = { action: "jump", target: reply.id };
    const label = `Replies to ${reply.author.name}: show that message`;
    return make(
      "button",
      { type: "button", class: "above", "aria-label": label, data },
      make("b", {}, reply.author.name),
      make("span", { class: "cut" }, reply.text),
    );
  }
  if (used)
    return make(
      "div",
      { class: "above" },
      make("b", {}, used.name),
      " used ",
      make("span", { class: "command" }, `/${used.command}`),
    );
  return null;
}

function head(message) {
  const date = new Date(message.time);
  const tag = message.author.bot ? make("span", { class: "tag", title: "An app" }, "BOT") : null;
  const time = make("time", { datetime: message.time, title: whole(date) }, said(date));
  return make(
    "header",
    {},
    name(message.author),
    tag,
    time,
  );
}

function name(author) {
  const props = {
    type: "button",
    class: author.bot ? "name bot" : "name",
    title: `About ${author.name}`,
    "aria-haspopup": "menu",
    data: { action: "who", person: author.id },
  };
  return make("button", props, author.name);
}

function body(message) {
  const parts = [
    message.loading && !message.has_failed && thinking(`${message.author.name} is thinking`),
    message.has_failed && make("p", { class: "failure" }, "⚠ The application did not respond."),
    message.content && markdown(message.content),
    ...message.embeds.map(embed),
    ...message.files.map((file) => media(file)),
    ...components(message.components, message),
    message.edited && !message.loading && make("small", { class: "edited" }, "(edited)"),
  ];
  return make("div", { class: message.v2 ? "body v2" : "body" }, parts);
}

const thinking = (words) =>
  make(
    "p",
    { class: "thinking" },
    make("span", { class: "dots", "aria-hidden": "true" }, make("i"), make("i"), make("i")),
    `${words}…`,
  );

function failures(message) {
  return store
    .all("use")
    .filter((use) => use.message === message.id && use.has_failed)
    .map((use) =>
      failure("This interaction failed: the bot did not answer within three seconds.", use.id),
    );
}

function failure(words, id) {
  const dismiss = make(
    "button",
    { type: "button", class: "plain", data: { action: "dismiss", id } },
    "Dismiss",
  );
  return make("p", { class: "failure", data: { key: `failure-${id}` } }, `⚠ ${words} `, dismiss);
}

function foot(message) {
  if (!message.ephemeral) return null;
  const dismiss = make(
    "button",
    { type: "button", class: "plain", data: { action: "dismiss", id: message.id } },
    "Dismiss message",
  );
  return make("footer", {}, "Only you can see this · ", dismiss);
}

const more = () =>
  make(
    "button",
    {
      type: "button",
      class: "more",
      title: "More",
      "aria-label": "More about this message",
      "aria-haspopup": "menu",
      data: { action: "more" },
    },
    "⋯",
  );

/** Show a command that was sent: until the bot acknowledges it, or because it never did. */
export function pendingArticle(use) {
  const { status } = store;
  const bot = { id: "bot", name: status.bot, bot: true };
  const me = store.get(`account:${store.account}`)?.name ?? "";
  const what =
    use.kind === "modal"
      ? make("span", {}, " sent a form")
      : make("span", {}, " used ", make("span", { class: "command" }, `/${use.command}`));
  const state = use.has_failed
    ? failure("The application did not respond.", use.id)
    : thinking("Sending");
  return make(
    "article",
    { class: "message pending", data: { key: `use-${use.id}`, use: use.id, ephemeral: "true" } },
    make("div", { class: "above" }, make("b", {}, me), what),
    avatar(bot),
    make(
      "header",
      {},
      make("b", { class: "name bot" }, bot.name),
      make("span", { class: "tag" }, "BOT"),
    ),
    make("div", { class: "body" }, state),
  );
}
