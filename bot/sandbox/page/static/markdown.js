// Writes Discord's markdown as elements. Nothing is ever parsed as HTML.
// Source: Discord's "Message Formatting" and its help page "Markdown Text 101".

import { make } from "./dom.js";
import { store } from "./store.js";
import { styled, whole } from "./time.js";

const INLINE = new RegExp(
  [
    String.raw`\\([^\sA-Za-z0-9])`, // 1 escaped
    "(`+)([^]*?[^`])\\2(?!`)", // 2, 3 code
    String.raw`\|\|([^]+?)\|\|`, // 4 spoiler
    String.raw`\*\*\*([^]+?)\*\*\*`, // 5 bold and italic
    String.raw`\*\*([^]+?)\*\*`, // 6 bold
    String.raw`__([^]+?)__`, // 7 underlined
    String.raw`~~([^]+?)~~`, // 8 struck
    String.raw`\*(?!\s)([^*]+?)\*`, // 9 italic
    String.raw`(?<!\w)_([^_]+?)_(?!\w)`, // 10 italic
    String.raw`\[([^\]]+)\]\(<?(https?:\/\/[^)\s>]+)>?\)`, // 11, 12 link with a text
    String.raw`<?(https?:\/\/[^\s<>]*[^\s<>.,:;"')\]])>?`, // 13 link
    String.raw`<t:(-?\d+)(?::([tTdDfFRsS]))?>`, // 14, 15 moment
    String.raw`<@!?(\d+)>`, // 16 person
    String.raw`<@&(\d+)>`, // 17 role
    String.raw`<#(\d+)>`, // 18 channel
    String.raw`<a?:(\w+):\d+>`, // 19 custom emoji
    String.raw`<\/([^:>]+):\d+>`, // 20 command
    String.raw`(@everyone|@here)\b`, // 21
  ].join("|"),
);

/** Write one run of text; marks can stand inside each other. */
export function inline(text) {
  const nodes = [];
  let rest = text;
  for (let found = INLINE.exec(rest); found; found = INLINE.exec(rest)) {
    if (found.index) nodes.push(rest.slice(0, found.index));
    nodes.push(marked(found));
    rest = rest.slice(found.index + found[0].length);
  }
  if (rest) nodes.push(rest);
  return nodes;
}

function marked(m) {
  if (m[1]) return m[1];
  if (m[3] != null) return make("code", {}, m[3].trim() || m[3]);
  if (m[4]) return spoiler(inline(m[4]));
  if (m[5]) return make("strong", {}, make("em", {}, inline(m[5])));
  if (m[6]) return make("strong", {}, inline(m[6]));
  if (m[7]) return make("u", {}, inline(m[7]));
  if (m[8]) return make("s", {}, inline(m[8]));
  if (m[9] || m[10]) return make("em", {}, inline(m[9] ?? m[10]));
  if (m[11]) return link(m[12], inline(m[11]));
  if (m[13]) return link(m[13], m[13]);
  if (m[14]) return moment(new Date(Number(m[14]) * 1000), m[15] ?? "f");
  return mention(m);
}

function mention(m) {
  if (m[16])
    return pill(`@${store.person(m[16])?.name ?? "unknown-user"}`, m[16] === store.account);
  if (m[17])
    return pill(`@${store.guild?.roles.find((role) => role.id === m[17])?.name ?? "deleted-role"}`);
  if (m[18]) return place(m[18]);
  if (m[19]) return `:${m[19]}:`;
  if (m[20]) return pill(`/${m[20]}`);
  return pill(m[21]);
}

const pill = (text, isMe = false) => make("span", { class: isMe ? "mention me" : "mention" }, text);

function place(id) {
  const channel = store.get(`channel:${id}`);
  if (!channel) return pill("#unknown");
  return make("a", { class: "mention", href: `#${id}` }, `#${channel.name}`);
}

/** Make a link out of the page; where it leads within this sandbox, it stays inside. */
export function link(url, content, name = "") {
  const inside = /^https?:\/\/(?:\w+\.)?discord\.com\/channels\/\d+\/(\d+)(?:\/(\d+))?/.exec(url);
  if (inside) {
    const data = { action: "jump", channel: inside[1], target: inside[2] };
    return make("a", { href: `#${inside[1]}`, class: name, data }, content);
  }
  const rel = "noreferrer noopener";
  return make("a", { href: url, target: "_blank", rel, class: name, title: url }, content);
}

function spoiler(content) {
  const label = "Spoiler: press to show";
  return make(
    "button",
    { type: "button", class: "spoiler", "aria-label": label, data: { action: "reveal" } },
    content,
  );
}

function moment(date, style) {
  if (Number.isNaN(date.getTime())) return "?";
  const props = { datetime: date.toISOString(), title: whole(date), data: { style } };
  return make("time", props, styled(date, style));
}

// Blocks

const FENCE = /^```(?:([\w+-]+)\n)?([^]*?)```$/;
const HEADS = [
  [/^# /, "h3", "head-1"],
  [/^## /, "h4", "head-2"],
  [/^### /, "h5", "head-3"],
  [/^-# /, "small", "small"],
];

/** Write a whole text: headings, lists, quotes, blocks of code, and what stands in them. */
export function markdown(text) {
  const box = make("div", { class: "md" });
  const parts = String(text ?? "").split(/(```[^]*?```)/);
  parts.forEach((part, index) => {
    const code = part.startsWith("```") && FENCE.exec(part);
    if (code) box.append(make("pre", {}, make("code", {}, code[2].replace(/^\n|\n$/g, ""))));
    else box.append(...blocks(index ? part.replace(/^\n/, "") : part));
  });
  return box;
}

function blocks(text) {
  const lines = text.split("\n");
  const made = [];
  while (lines.length) made.push(nextBlock(lines));
  return made.filter(Boolean);
}

function nextBlock(lines) {
  const [line] = lines;
  if (line.startsWith(">>> ")) return quote([line.slice(4), ...lines.splice(0).slice(1)]);
  if (line.startsWith("> "))
    return quote(takeWhile(lines, (l) => l.startsWith("> ")).map((l) => l.slice(2)));
  if (isItem(line))
    return list(
      takeWhile(
        lines,
        (l) => isItem(l) && (/^\s{2,}/.test(l) || isNumbered(l) === isNumbered(line)),
      ),
    );
  const head = HEADS.find(([mark]) => mark.test(line));
  if (head) {
    lines.shift();
    return make(head[1], { class: head[2] }, inline(line.replace(head[0], "")));
  }
  const plain = takeWhile(lines, (l, i) => i === 0 || isPlain(l)).join("\n");
  return plain.trim() ? make("p", {}, inline(plain.replace(/\n+$/, ""))) : null;
}

const isItem = (line) => /^\s*(?:[-*]|\d+\.) \S/.test(line);
const isNumbered = (line) => /^\s*\d/.test(line);
const isPlain = (l) => !isItem(l) && !/^>(?:>>)? /.test(l) && !HEADS.some(([mark]) => mark.test(l));

function takeWhile(lines, holds) {
  const end = lines.findIndex((line, index) => !holds(line, index));
  return lines.splice(0, end < 0 ? lines.length : end);
}

const quote = (lines) => make("blockquote", {}, blocks(lines.join("\n")));

function list(lines) {
  const [, , sign] = /^(\s*)([-*]|\d+\.) /.exec(lines[0]);
  const numbered = /\d/.test(sign);
  const items = [];
  for (const line of lines) {
    const isNested = /^\s{2,}/.test(line) && items.length;
    if (isNested) items.at(-1).nested.push(line.replace(/^\s{2}/, ""));
    else items.push({ text: line.replace(/^\s*(?:[-*]|\d+\.) /, ""), nested: [] });
  }
  const made = items.map(({ text, nested }) =>
    make("li", {}, inline(text), nested.length ? list(nested) : null),
  );
  return numbered ? make("ol", { start: Number.parseInt(sign, 10) }, made) : make("ul", {}, made);
}
