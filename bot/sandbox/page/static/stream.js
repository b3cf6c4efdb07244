// Listens to the sandbox; the browser connects again by itself when the line breaks.
//
// A browser holds six connections to a server at most (HTTP/1.1), and every stream is one: six tabs
// that listen would leave none to send with. So a tab that is not looked at only looks in at times.

import { store } from "./store.js";

const LOOK_IN_MS = 5000;
const TRY_AGAIN_MS = 2000;

let source = null;
let timer = 0;
let onState = () => {};

function connect() {
  clearTimeout(timer);
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
    if (document.hidden) rest(LOOK_IN_MS);
  };
  source.addEventListener("end", () => onState("lost"));
  source.onerror = () => {
    onState("lost");
    if (document.hidden) rest(LOOK_IN_MS);
    else if (source.readyState === EventSource.CLOSED) rest(TRY_AGAIN_MS);
  };
}

/** Let go of the connection for a while. */
function rest(ms) {
  source.close();
  clearTimeout(timer);
  timer = setTimeout(connect, ms);
}

/** Start listening as the chosen account; `report` hears "open" and "lost". */
export function listen(report) {
  onState = report;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) rest(LOOK_IN_MS);
    else connect();
  });
  connect();
}

/** Look at the world as somebody else. */
export function become(accountId) {
  store.account = accountId;
  store.remember();
  connect();
}
