// Shows message components, old and new.
// Source: Discord's "Component Reference".

import { make } from "./dom.js";
import { markdown } from "./markdown.js";
import { fileCard, media } from "./media.js";
import { store } from "./store.js";

export const STRING_SELECT = 3;
const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link", 6: "primary" };
const SHOWN = {
  1: (c, message) => make("div", { class: "row" }, all(c.components, message)),
  2: button,
  3: select,
  5: select,
  6: select,
  7: select,
  8: select,
  9: section,
  10: (c) => markdown(c.content),
  11: (c) => media(c.media, { alt: c.description, isSpoiler: c.spoiler, small: true }),
  12: gallery,
  13: (c) => fileCard(c.file),
  14: (c) => make("hr", { class: `gap-${c.spacing ?? 1}${c.divider === false ? " bare" : ""}` }),
  17: container,
};

/** Show a list of components of a message. */
export const all = (components, message) => (components ?? []).map((c) => one(c, message));

const one = (c, message) => (SHOWN[c.type] ?? unknown)(c, message);
const unknown = (c) => make("p", { class: "faint" }, `(a component of type ${c.type})`);

function container(c, message) {
  const box = make(
    "div",
    { class: `container${c.spoiler ? " hidden-container" : ""}` },
    all(c.components, message),
  );
  if (c.accent_color != null) {
    box.classList.add("accented");
    box.style.setProperty("--bar", `#${c.accent_color.toString(16).padStart(6, "0")}`);
  }
  return box;
}

function section(c, message) {
  const words = make("div", { class: "grow" }, all(c.components, message));
  return make(
    "div",
    { class: "section" },
    words,
    make("div", { class: "accessory" }, one(c.accessory, message)),
  );
}

function gallery(c) {
  const shown = c.items.map((item) =>
    media(item.media, { alt: item.description, isSpoiler: item.spoiler }),
  );
  return make("div", { class: "gallery", data: { count: String(c.items.length) } }, shown);
}

/** Find what the reader did with a component and the bot has not answered yet. */
const pending = (c, message) =>
  store
    .all("use")
    .find((use) => use.message === message.id && use.custom_id === c.custom_id && !use.has_failed);

function button(c, message) {
  const content = [emoji(c.emoji), c.label ? make("span", {}, c.label) : null];
  const name = `button ${STYLES[c.style] ?? "secondary"}`;
  if (c.url && !c.disabled && /^(?:https?|discord):/.test(c.url)) {
    const out = make("span", { class: "out", "aria-hidden": "true" }, "↗");
    const inside = /discord\.com\/channels\/\d+\/(\d+)(?:\/(\d+))?/.exec(c.url);
    if (inside) {
      const data = { action: "jump", channel: inside[1], target: inside[2], key: c.url };
      return make("a", { class: name, href: `#${inside[1]}`, data }, content);
    }
    return make(
      "a",
      {
        class: name,
        href: c.url,
        target: "_blank",
        rel: "noreferrer noopener",
        data: { key: c.url },
      },
      content,
      out,
    );
  }
  const isWaiting = Boolean(pending(c, message));
  const props = {
    type: "button",
    class: name,
    disabled: Boolean(c.disabled),
    "aria-label": c.label ? null : (c.emoji?.name ?? "button"),
    "aria-busy": isWaiting ? "true" : null,
    data: { action: "press", customId: c.custom_id, key: c.custom_id },
  };
  return make("button", props, content);
}

export const emoji = (e) =>
  e?.name
    ? make("span", { class: "emoji", "aria-hidden": "true" }, e.id ? `:${e.name}:` : e.name)
    : null;

const PLACEHOLDERS = {
  3: "Make a selection",
  5: "Choose people",
  6: "Choose roles",
  7: "Choose people or roles",
  8: "Choose channels",
};

function select(c, message) {
  const chosen = (c.options ?? []).filter((option) => option.default).map((option) => option.label);
  const text = chosen.join(", ") || c.placeholder || PLACEHOLDERS[c.type];
  const props = {
    type: "button",
    class: `select${chosen.length ? "" : " empty"}`,
    disabled: Boolean(c.disabled),
    "aria-haspopup": "listbox",
    "aria-busy": pending(c, message) ? "true" : null,
    data: { action: "select", customId: c.custom_id, key: c.custom_id },
  };
  return make(
    "button",
    props,
    make("span", { class: "grow" }, text),
    make("span", { class: "arrow", "aria-hidden": "true" }, "⌄"),
  );
}

/** Find a component of a message by its custom id. */
export function findComponent(components, customId) {
  for (const c of components ?? []) {
    if (c.custom_id === customId) return c;
    const inside = findComponent(
      [...(c.components ?? []), ...(c.accessory ? [c.accessory] : [])],
      customId,
    );
    if (inside) return inside;
  }
  return null;
}

/** List what can be chosen in a select, as `{value, label, description, emoji, isDefault}`. */
export function choices(c) {
  if (c.type === STRING_SELECT) {
    return c.options.map((o) => ({ ...o, isDefault: Boolean(o.default) }));
  }
  const { guild } = store;
  const defaults = new Set((c.default_values ?? []).map((value) => value.id));
  const people = guild.members.map((m) => ({
    value: m.id,
    label: m.name,
    description: m.bot ? "app" : "member",
  }));
  const roles = guild.roles.map((r) => ({
    value: r.id,
    label: `@${r.name.replace(/^@/, "")}`,
    description: "role",
  }));
  const kinds = c.channel_types ?? [];
  const channels = store
    .channels(guild.id)
    .filter((ch) => !kinds.length || kinds.includes(ch.parent ? 11 : 0))
    .map((ch) => ({ value: ch.id, label: `#${ch.name}` }));
  const listed = { 5: people, 6: roles, 7: [...people, ...roles], 8: channels }[c.type] ?? [];
  return listed.map((choice) => ({ ...choice, isDefault: defaults.has(choice.value) }));
}
