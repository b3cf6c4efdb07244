// Draws who somebody is: initials on a colour of one's own.

import { make } from "./dom.js";

const HUES = 8;

export function initials(name) {
  const words = name.split(/[\s_-]+/).filter(Boolean);
  const letters = words.length > 1 ? words.map((word) => word[0]).slice(0, 2) : [name.slice(0, 2)];
  return letters.join("").toUpperCase();
}

export function avatar(person) {
  const name = `avatar hue-${person.bot ? "bot" : hue(person.name)}`;
  return make(
    "span",
    { class: name, "aria-hidden": "true" },
    person.bot ? "▶" : initials(person.name),
  );
}

/** Colours go by the name, so that people look the same in every sandbox. */
function hue(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 37 + letter.codePointAt(0)) % 65521;
  return sum % HUES;
}
