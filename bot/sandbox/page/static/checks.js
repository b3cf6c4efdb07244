// Checks values as Discord's client does before it sends a command.
// Source: Discord's "Application Commands", Application Command Option Structure.

import { INTEGER, NUMBER, STRING } from "./commands.js";

const MOST = { [STRING]: 6000, [INTEGER]: 2 ** 53, [NUMBER]: 2 ** 53 };

/** Say in a few words what an option takes. */
export function limitsOf(option) {
  const least = option.min_value ?? option.min_length;
  const most = option.max_value ?? option.max_length;
  const unit = option.type === STRING ? " characters" : "";
  if (least && most != null) return `${least} to ${most}${unit}`;
  if (most != null) return `up to ${most}${unit}`;
  return least == null ? "" : `at least ${least}${unit}`;
}

/** Read what was typed into a text or number option. */
export function read(option, text) {
  if (option.type === STRING) return text;
  return text.trim() === "" ? NaN : Number(text);
}

/** Say what is wrong with a value, or nothing. */
export function complaintAbout(option, value) {
  if (option.type === STRING) {
    const [least, most] = [option.min_length ?? 1, option.max_length ?? MOST[STRING]];
    const { length } = value;
    return length < least || length > most
      ? `takes ${least} to ${most} characters, not ${length}`
      : "";
  }
  if (Number.isNaN(value)) return "takes a number";
  if (option.type === INTEGER && !Number.isInteger(value)) return "takes a whole number";
  const [least, most] = [
    option.min_value ?? -MOST[option.type],
    option.max_value ?? MOST[option.type],
  ];
  return value < least || value > most ? `takes ${least} to ${most}` : "";
}
