// Shows the messages of the channel, follows them while the reader is at the end, and does what is
// asked for inside them.

import { at, make, reconcile } from "./dom.js";
import { choices, findComponent } from "./components.js";
import { isClosed } from "./gate.js";
import { article, isGrouped, pendingArticle } from "./message.js";
import { openPicker } from "./picker.js";
import { openMenu, popupAnchor, closePopup } from "./popup.js";
import { act } from "./requests.js";
import { byAge, store } from "./store.js";
import { complain } from "./banner.js";
import { day } from "./time.js";
import { readUpToNow } from "./unread.js";

const NEAR_PX = 80;
let isFollowing = true;
let lastTop = 0;
let shownPlace = null;

function drawn(channelId) {
  const messages = store.messages(channelId);
  const pending = store
    .all("use")
    .filter((u) => u.channel === channelId && !u.message && u.kind !== "component");
  const entries = [...messages, ...pending].sort((a, b) => byAge(a.id, b.id));
  const nodes = [];
  let before = null;
  let lastDay = null;
  for (const entry of entries) {
    const today = day(new Date(entry.time));
    if (today !== lastDay)
      nodes.push(
        make(
          "div",
          { class: "day", role: "separator", data: { key: `day-${today}` } },
          make("span", {}, today),
        ),
      );
    const grouped = entry.author && today === lastDay && isGrouped(entry, before);
    lastDay = today;
    nodes.push(entry.author ? article(entry, { grouped }) : pendingArticle(entry));
    before = entry.author ? entry : null;
  }
  return nodes;
}

function draw() {
  const { channel } = store;
  const place = `${store.account}:${channel?.id}`;
  if (place !== shownPlace) {
    at("log").replaceChildren();
    isFollowing = true;
  }
  shownPlace = place;
  const nodes = channel && !isClosed(channel) ? drawn(channel.id) : [];
  reconcile(at("log"), nodes);
  at("welcome").hidden = nodes.length > 0;
  at("welcome-name").textContent = channel?.name ?? "";
  const anchor = popupAnchor();
  if (anchor && !anchor.isConnected) closePopup();
  follow();
  if (channel && readUpToNow(channel.id)) store.notify(new Set(["read"]));
}

const scroller = () => at("scroller");

function follow() {
  if (isFollowing) scroller().scrollTop = scroller().scrollHeight;
}

export function followAgain() {
  isFollowing = true;
  follow();
}

function watchScrolling() {
  scroller().addEventListener("scroll", () => {
    const { scrollTop, scrollHeight, clientHeight } = scroller();
    // A log that grows scrolls nowhere: only the reader goes up.
    if (scrollHeight - clientHeight - scrollTop < NEAR_PX) isFollowing = true;
    else if (scrollTop < lastTop) isFollowing = false;
    lastTop = scrollTop;
    at("to-end").hidden = isFollowing;
  });
  at("to-end").addEventListener("click", () => {
    followAgain();
    at("to-end").hidden = true;
  });
  const sizes = new ResizeObserver(follow); // a video that has loaded makes the log longer
  sizes.observe(at("log"));
  sizes.observe(scroller());
}

// What is pressed inside messages

const messageOf = (node) => store.get(`message:${node.closest("[data-message]")?.dataset.message}`);

async function attempt(name, asked) {
  try {
    await act(name, asked);
  } catch (error) {
    complain(error.message);
  }
}

function press(button) {
  if (button.ariaBusy === "true") return;
  attempt("press", { message: messageOf(button).id, custom_id: button.dataset.customId });
}

function select(button) {
  const message = messageOf(button);
  const component = findComponent(message.components, button.dataset.customId);
  openPicker(button, {
    label: component.placeholder ?? "Choices",
    choices: choices(component),
    least: component.min_values ?? 1,
    most: component.max_values ?? 1,
    onChosen: (values) =>
      attempt("press", { message: message.id, custom_id: component.custom_id, values }),
  });
}

const dismiss = (button) => attempt("put-away", { id: button.dataset.id });

function jump(button) {
  const { channel, target } = button.dataset;
  if (channel && channel !== store.channel?.id) store.open(channel);
  const found = target && at("log").querySelector(`[data-message="${CSS.escape(target)}"]`);
  if (!found) return;
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  isFollowing = false;
  found.scrollIntoView({ block: "center", behavior });
  found.focus({ preventScroll: true });
  found.animate?.([{ background: "var(--flash)" }, { background: "transparent" }], 1500);
}

const reveal = (node) => node.toggleAttribute("data-live-open");
const unveil = (node) => node.parentElement.setAttribute("data-live-open", "");

const MEMBER_COMMAND = 2;
const MESSAGE_COMMAND = 3;

const copy = (text) =>
  navigator.clipboard?.writeText(text).catch(() => complain("The browser does not allow copying."));

/** List the bot's commands of a context menu (Discord's "Application Command Types"). */
function apps(type, run) {
  const known = store.get(`commands:${store.guild.id}`)?.list ?? [];
  const usable = known.filter((c) => c.type === type && (!c.nsfw || store.channel.nsfw));
  if (!store.channel.can_command) return [];
  return usable.map((c) => ({ label: c.name, note: "App", run: () => run(c.name) }));
}

function more(button) {
  const message = messageOf(button);
  const { id } = message;
  const canDelete = message.author.id === store.account || store.channel.can_moderate;
  const use = (name) => attempt("context", { message: id, name });
  const entries = [
    ...(message.ephemeral ? [] : apps(MESSAGE_COMMAND, use)),
    message.content && { label: "Copy text", run: () => copy(message.content) },
    { label: "Copy message ID", run: () => copy(id) },
    message.ephemeral && { label: "Dismiss", run: () => attempt("put-away", { id }) },
    !message.ephemeral &&
      canDelete && {
        label: "Delete message",
        isDanger: true,
        run: () => attempt("delete", { message: id }),
      },
  ];
  openMenu(button, "About this message", entries.filter(Boolean));
}

function who(button) {
  const { person } = button.dataset;
  const use = (name) => attempt("context-person", { channel: store.channel.id, person, name });
  const entries = [
    ...apps(MEMBER_COMMAND, use),
    { label: "Copy user ID", run: () => copy(person) },
  ];
  openMenu(button, button.title, entries);
}

const ACTIONS = { press, select, dismiss, jump, reveal, unveil, more, who };

export function startLog() {
  at("log").addEventListener("click", (event) => {
    const node = event.target.closest("[data-action]");
    if (!node || node.disabled) return;
    if (node.dataset.action === "jump") event.preventDefault();
    ACTIONS[node.dataset.action]?.(node);
  });
  watchScrolling();
  document.addEventListener("visibilitychange", () => {
    if (store.channel && readUpToNow(store.channel.id)) store.notify(new Set(["read"]));
  });
  const kinds = ["message:", "use:", "channel:", "guild:", "place", "status"];
  store.onChange((keys) => {
    if ([...keys].some((key) => kinds.some((kind) => key.startsWith(kind)))) draw();
  });
}
