// Knows the bot's slash commands as the reader may use them: one entry for each full name.
// Source: Discord's "Application Commands" (types of commands and of options).

import { store } from "./store.js";

export const [STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT] = [
  3, 4, 5, 6, 7, 8, 9, 10, 11,
];
const SUBCOMMANDS = [1, 2];

function leaves(command, path) {
  const nested = (command.options ?? []).filter((option) => SUBCOMMANDS.includes(option.type));
  if (nested.length) return nested.flatMap((sub) => leaves(sub, `${path} ${sub.name}`));
  return [{ path, description: command.description, options: command.options ?? [] }];
}

/** List all commands that can be typed in this channel, as `{path, description, options}`. */
export function slashCommands() {
  const { channel } = store;
  if (!channel?.can_command) return [];
  const known = store.get(`commands:${channel.guild}`)?.list ?? [];
  const usable = known.filter((c) => (c.type ?? 1) === 1 && (!c.nsfw || channel.nsfw));
  return usable.flatMap((c) => leaves(c, c.name)).sort((a, b) => a.path.localeCompare(b.path));
}

/** List the commands that fit what was typed: first those whose name begins with it. */
export function matching(typed) {
  const query = typed.toLowerCase().trimStart();
  const known = slashCommands();
  const begins = known.filter((c) => c.path.startsWith(query));
  const words = known.filter(
    (c) =>
      !begins.includes(c) &&
      query &&
      `${c.path} ${c.description}`.toLowerCase().includes(query.trim()),
  );
  return [...begins, ...words];
}

export const findCommand = (path) => slashCommands().find((c) => c.path === path);
