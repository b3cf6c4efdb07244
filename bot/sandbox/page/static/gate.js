// Asks once whether the reader is an adult before it shows an age-restricted channel. That Discord's
// client asks is observed; the words, and that each account is asked once for all channels, are ours.

import { at } from "./dom.js";
import { store } from "./store.js";

/** Whether a channel is not to be shown yet. */
export const isClosed = (channel) =>
  Boolean(channel?.nsfw && !store.adults.includes(store.account));

function draw() {
  const { channel } = store;
  const isShut = isClosed(channel);
  if (isShut && at("gate").hidden) at("gate-back").focus({ preventScroll: true });
  at("gate").hidden = !isShut;
  at("scroller").hidden = isShut;
  at("composer-form").hidden = isShut;
  at("gate-name").textContent = channel?.name ?? "";
}

function enter() {
  store.adults.push(store.account);
  store.remember();
  store.notify(new Set(["place"]));
  at("composer").focus();
}

function goBack() {
  const others = store.channels(store.channel.guild).filter((channel) => !channel.nsfw);
  if (others.length) store.open(others[0].id);
}

export function startGate() {
  at("gate-go").addEventListener("click", enter);
  at("gate-back").addEventListener("click", goBack);
  store.onChange((keys) => {
    if (["place", "status"].some((key) => keys.has(key)) || keys.has(`channel:${store.channel?.id}`))
      draw();
  });
}
