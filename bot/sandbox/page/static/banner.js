// Says what is wrong, in a sentence: for as long as it lasts, or for a while.

import { at } from "./dom.js";
import { store } from "./store.js";

const COMPLAINT_MS = 6000;

let isHearing = null;
let complaint = "";
let forgetting = 0;

const ENDED =
  "The sandbox has ended. Start it again with “make sandbox” and open the address that it prints.";
const ALONE = "The bot is not connected. It may be starting; commands fail until it is there.";

function draw() {
  const isBotThere = Boolean(store.status.is_connected);
  let words = complaint;
  if (isHearing && !isBotThere) words = ALONE;
  if (isHearing === false) words = ENDED;
  at("banner").textContent = words;
  at("banner").hidden = !words;
  at("banner").dataset.kind = words === complaint ? "complaint" : "state";
  document.body.dataset.connected = String(Boolean(isHearing) && isBotThere);
}

/** Say for a while what was refused. */
export function complain(words) {
  complaint = words;
  clearTimeout(forgetting);
  forgetting = setTimeout(() => {
    complaint = "";
    draw();
  }, COMPLAINT_MS);
  draw();
}

/** Take in whether the sandbox is heard. */
export function hear(state) {
  isHearing = state === "open";
  draw();
}

export function startBanner() {
  store.onChange((keys) => {
    if (keys.has("status")) draw();
  });
}
