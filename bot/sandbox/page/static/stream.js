// Listens to the sandbox; the browser connects again by itself when the line breaks.

import { store } from "./store.js";

let source = null;
let onState = () => {};

/** Start listening as the chosen account; `report` hears "open" and "lost". */
export function listen(report) {
  onState = report ?? onState;
  source?.close();
  let isFirst = true;
  source = new EventSource(`/page/events?account=${store.account ?? ""}`);
  source.onopen = () => {
    isFirst = true;
  };
  source.onmessage = (event) => {
    store.apply(JSON.parse(event.data), isFirst);
    isFirst = false;
    onState("open");
  };
  source.addEventListener("end", () => onState("lost"));
  source.onerror = () => {
    onState("lost");
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
}

/** Look at the world as somebody else. */
export function become(accountId) {
  store.account = accountId;
  store.remember();
  listen();
}
