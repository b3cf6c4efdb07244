// Shows embeds. Source: Discord's "Message" resource, Embed Object.

import { make } from "./dom.js";
import { inline, link, markdown } from "./markdown.js";
import { media } from "./media.js";

export function embed(e) {
  const title =
    e.title &&
    make("div", { class: "embed-title" }, e.url ? link(e.url, inline(e.title)) : inline(e.title));
  const author =
    e.author?.name &&
    make(
      "div",
      { class: "embed-author" },
      e.author.url ? link(e.author.url, e.author.name) : e.author.name,
    );
  const fields = (e.fields ?? []).map((f) =>
    make(
      "div",
      { class: f.inline ? "field inline" : "field" },
      make("b", {}, inline(f.name)),
      markdown(f.value),
    ),
  );
  const words = make(
    "div",
    { class: "grow" },
    author,
    title,
    e.description && markdown(e.description),
    fields.length ? make("div", { class: "fields" }, fields) : null,
    e.image && media(e.image),
    e.footer?.text && make("small", { class: "faint" }, e.footer.text),
  );
  const box = make(
    "div",
    { class: "container embed accented" },
    words,
    e.thumbnail && media(e.thumbnail, { small: true }),
  );
  if (e.color != null) box.style.setProperty("--bar", `#${e.color.toString(16).padStart(6, "0")}`);
  return box;
}
