// Remembers up to where somebody has read, and counts what is new and what pings.

import { isClosed } from "./gate.js";
import { byAge, store } from "./store.js";

const keyOf = (channelId) => `${store.account}:${channelId}`;

function isNew(message, channelId) {
  const mark = store.read[keyOf(channelId)] ?? "0";
  return !message.ephemeral && message.author.id !== store.account && byAge(message.id, mark) > 0;
}

/** Count what is new in a channel: all messages, and those that ping the reader. */
export function counts(channelId) {
  const unread = store.messages(channelId).filter((message) => isNew(message, channelId));
  return { unread: unread.length, pings: unread.filter((message) => message.ping).length };
}

/** Mark a channel as read, if the reader is really looking; tell whether that changed anything. */
export function readUpToNow(channelId) {
  const last = store.messages(channelId).at(-1)?.id;
  if (!last || document.hidden || isClosed(store.get(`channel:${channelId}`))) return false;
  if (byAge(last, store.read[keyOf(channelId)] ?? "0") <= 0) return false;
  store.read[keyOf(channelId)] = last;
  store.remember();
  return true;
}
