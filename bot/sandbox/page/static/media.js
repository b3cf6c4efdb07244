// Shows files: a player for videos, pictures, and a card to download anything else.

import { make } from "./dom.js";
import { link } from "./markdown.js";

const CALM = matchMedia("(prefers-reduced-motion: reduce)");

/** Write a size for people. */
export function sizeOf(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  const [size, unit] = bytes < 2 ** 20 ? [bytes / 1024, "KiB"] : [bytes / 2 ** 20, "MiB"];
  return `${size.toFixed(size < 10 ? 1 : 0)} ${unit}`;
}

/** Show one file where it is watched or seen; `alt` is what a component says of it. */
export function media(file, { alt, isSpoiler, small } = {}) {
  if (!file.src) return external(file);
  const words = alt ?? file.alt;
  const hidden = isSpoiler || file.spoiler;
  let shown = fileCard(file);
  if (file.type.startsWith("video/")) shown = player(file, words);
  else if (file.type.startsWith("image/")) shown = picture(file, words, small);
  if (!hidden) return shown;
  const label = "Spoiler: press to show";
  const veil = { type: "button", class: "veil", "aria-label": label, data: { action: "unveil" } };
  const data = { key: `veil-${file.src}` };
  return make("div", { class: "veiled", data }, shown, make("button", veil, "Spoiler"));
}

function player(file, words) {
  const props = {
    src: file.src,
    controls: true,
    loop: true,
    muted: true,
    playsinline: true,
    autoplay: !CALM.matches,
    preload: "metadata",
    "aria-label": words ?? file.name,
    title: words ?? file.name,
    data: { key: file.src },
  };
  return make(
    "figure",
    { class: "video", data: { key: `figure-${file.src}` } },
    make("video", props),
    caption(file),
  );
}

function caption(file) {
  const save = make(
    "a",
    { href: file.src, download: file.name, title: `Save ${file.name}` },
    `${file.name}`,
  );
  return make("figcaption", {}, save, make("span", { class: "faint" }, sizeOf(file.size)));
}

function picture(file, words, small) {
  const { width, height } = file;
  const props = {
    src: file.src,
    alt: words ?? "",
    title: words,
    width,
    height,
    loading: "lazy",
    data: { key: file.src },
  };
  if (small) return make("img", { ...props, class: "thumbnail" });
  const open = {
    href: file.src,
    target: "_blank",
    class: "picture",
    data: { key: `open-${file.src}` },
  };
  return make("a", open, make("img", props));
}

export function fileCard(file) {
  if (!file.src) return external(file);
  const name = make("a", { href: file.src, download: file.name }, file.name);
  const words = make(
    "span",
    { class: "file-words" },
    name,
    make("span", { class: "faint" }, sizeOf(file.size)),
  );
  return make(
    "div",
    { class: "file", data: { key: file.src } },
    make("span", { class: "file-sign", "aria-hidden": "true" }, "▤"),
    words,
  );
}

/** The page loads nothing from elsewhere: what lies outside the sandbox stays a link. */
function external(file) {
  if (!/^https?:/.test(file.href ?? ""))
    return make("p", { class: "faint" }, "(a file that is not there)");
  return make("p", {}, link(file.href, file.href));
}
