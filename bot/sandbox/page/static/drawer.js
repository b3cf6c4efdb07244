// The drawer "Sandbox": time, trouble, and what the bot asked of Discord.

import { complain } from "./banner.js";
import { at, make, reconcile } from "./dom.js";
import { act } from "./requests.js";
import { store } from "./store.js";
import { now } from "./time.js";

const CLOCK = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

function tick() {
  if (at("sandbox-drawer").hidden) return;
  at("clock").textContent = CLOCK.format(now());
  const ahead = Math.round((store.status.clock_offset_s ?? 0) / 60);
  at("clock-note").textContent = ahead ? `${ahead} min ahead of real time` : "real time";
}

const routeOf = (request) =>
  request.route.replaceAll(/\{(?:interaction_(?=token))?(\w+?)(?:_id)?\}/g, "{$1}");

function requestNode(request) {
  const status = request.status ?? "…";
  const kind = request.status >= 400 ? "bad" : request.status ? "good" : "open";
  return make(
    "li",
    { data: { key: String(request.order) } },
    make("span", { class: "method" }, request.method),
    make("span", { class: "route" }, routeOf(request)),
    make("span", { class: `status ${kind}` }, String(status)),
  );
}

function drawRequests() {
  if (at("sandbox-drawer").hidden) return;
  reconcile(at("requests"), store.all("request").reverse().map(requestNode));
}

function toggle(isOpen = at("sandbox-drawer").hidden) {
  at("sandbox-drawer").hidden = !isOpen;
  at("open-drawer").setAttribute("aria-expanded", String(isOpen));
  document.body.toggleAttribute("data-drawer", isOpen);
  if (!isOpen) return at("open-drawer").focus();
  tick();
  drawRequests();
  return at("close-drawer").focus();
}

async function attempt(button, name, asked, done) {
  button.disabled = true;
  try {
    await act(`sandbox/${name}`, asked);
    at("drawer-said").textContent = done;
  } catch (error) {
    complain(error.message);
  } finally {
    button.disabled = false;
    button.focus();
  }
}

function onClick(event) {
  const button = event.target.closest("button");
  if (!button) return;
  const { advance, fault } = button.dataset;
  if (advance)
    attempt(
      button,
      "advance",
      { seconds: Number(advance) },
      `The clock went on by ${button.textContent.replace("+", "")}.`,
    );
  else if (fault)
    attempt(
      button,
      "fault",
      { fault, place: at("fault-place").value },
      `The next such request is answered with ${button.textContent}.`,
    );
  else if (button.id === "drop")
    attempt(button, "drop", {}, "The connection was cut; the bot comes back by itself.");
}

export function startDrawer() {
  at("open-drawer").addEventListener("click", () => toggle());
  at("close-drawer").addEventListener("click", () => toggle(false));
  at("sandbox-drawer").addEventListener("click", onClick);
  at("sandbox-drawer").addEventListener("keydown", (event) => {
    if (event.key === "Escape") toggle(false);
  });
  setInterval(tick, 1000);
  store.onChange((keys) => {
    if (keys.has("status")) tick();
    if ([...keys].some((key) => key.startsWith("request:"))) drawRequests();
  });
}
