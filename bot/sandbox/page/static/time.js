// Writes moments the way Discord does. Now is the sandbox's now: its clock can be ahead.

import { store } from "./store.js";

export const now = () => new Date(Date.now() + (store.status.clock_offset_s ?? 0) * 1000);

const format = (options) => new Intl.DateTimeFormat(undefined, options);
const CLOCK = format({ hour: "2-digit", minute: "2-digit" });
const DAY = format({ day: "2-digit", month: "2-digit", year: "numeric" });
const LONG_DAY = format({ day: "numeric", month: "long", year: "numeric" });
const WHOLE = format({ dateStyle: "full", timeStyle: "short" });

// Discord's "Message Formatting", "Timestamp Styles".
const STYLES = {
  t: CLOCK,
  T: format({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  d: DAY,
  D: LONG_DAY,
  f: format({ dateStyle: "long", timeStyle: "short" }),
  F: WHOLE,
  s: format({ dateStyle: "short", timeStyle: "short" }),
  S: format({ dateStyle: "short", timeStyle: "medium" }),
};
const UNITS = [
  ["year", 31536000],
  ["month", 2592000],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "always" });

function relative(date) {
  const seconds = Math.round((date - now()) / 1000);
  const [unit, size] = UNITS.find(([, s]) => Math.abs(seconds) >= s) ?? UNITS.at(-1);
  return RELATIVE.format(Math.trunc(seconds / size), unit);
}

/** Write a moment in one of Discord's styles. */
export const styled = (date, style) =>
  style === "R" ? relative(date) : (STYLES[style] ?? STYLES.f).format(date);
export const whole = (date) => WHOLE.format(date);
export const day = (date) => LONG_DAY.format(date);

/** Write when something was said. */
export function said(date) {
  const days = Math.round(
    (new Date(now()).setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 864e5,
  );
  if (days === 0) return CLOCK.format(date);
  return days === 1
    ? `Yesterday at ${CLOCK.format(date)}`
    : `${DAY.format(date)} ${CLOCK.format(date)}`;
}

/** Keep "in 3 minutes" true while it stands there. */
export function keepRelativeTimes() {
  setInterval(() => {
    for (const node of document.querySelectorAll("time[data-style=R]")) {
      const text = relative(new Date(node.dateTime));
      if (node.textContent !== text) node.textContent = text;
    }
  }, 1000);
}
