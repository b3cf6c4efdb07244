// Shows the servers, the channels of one of them, and who the reader is.

import { avatar, initials } from "./avatars.js";
import { at, make, reconcile } from "./dom.js";
import { openMenu } from "./popup.js";
import { store } from "./store.js";
import { become } from "./stream.js";
import { counts } from "./unread.js";

const slug = (name) => name.replaceAll(" ", "-");

function badge({ unread, pings }) {
  if (pings)
    return make("span", { class: "badge", "aria-label": `${pings} mentions` }, String(pings));
  return unread ? make("span", { class: "dot", "aria-label": "unread" }) : null;
}

function serverButton(guild) {
  const all = store.channels(guild.id).map((channel) => counts(channel.id));
  const sum = (key) => all.reduce((total, one) => total + one[key], 0);
  const props = {
    type: "button",
    class: "server",
    title: guild.name,
    "aria-label": guild.name,
    "aria-current": guild.id === store.guild?.id ? "true" : null,
    data: { testid: `server-${slug(guild.name)}`, action: "guild", guild: guild.id, key: guild.id },
  };
  return make(
    "button",
    props,
    initials(guild.name),
    badge({ unread: sum("unread"), pings: sum("pings") }),
  );
}

function channelLink(channel) {
  const count = counts(channel.id);
  const kind = channel.parent ? "thread" : "text";
  const notes = [
    channel.archived && make("span", { class: "note", title: "Archived thread" }, "archived"),
    channel.slowmode > 0 &&
      make("span", { class: "note", title: `Slow mode: ${channel.slowmode} s` }, "slow"),
    channel.nsfw && make("span", { class: "note age", title: "Age-restricted" }, "18+"),
  ];
  const props = {
    href: `#${channel.id}`,
    class: `channel ${kind}${count.unread ? " unread" : ""}`,
    "aria-current": channel.id === store.channel?.id ? "page" : null,
    data: { testid: `channel-${slug(channel.name)}`, key: channel.id },
  };
  const sign = make("span", { class: "sign", "aria-hidden": "true" }, channel.parent ? "╰" : "#");
  return make(
    "li",
    { data: { key: channel.id } },
    make("a", props, sign, make("span", { class: "grow" }, channel.name), notes, badge(count)),
  );
}

/** Put threads below the channels that they belong to. */
function inOrder(channels) {
  const tops = channels.filter((channel) => !channel.parent);
  return tops.flatMap((top) => [top, ...channels.filter((channel) => channel.parent === top.id)]);
}

function drawAccount() {
  const me = store.get(`account:${store.account}`);
  if (!me) return;
  const role = me.roles[store.guild?.id] ?? "not in this server";
  const words = make(
    "span",
    { class: "who" },
    make("b", {}, me.name),
    make("span", { class: "faint" }, role),
  );
  reconcile(at("account"), [
    avatar(me),
    words,
    make("span", { class: "switch", "aria-hidden": "true" }, "⇅"),
  ]);
  at("account").setAttribute("aria-label", `You are ${me.name}, ${role}. Be somebody else`);
}

function chooseAccount() {
  const entries = store.all("account").map((account) => ({
    label: account.name,
    note: account.roles[store.guild?.id] ?? "not in this server",
    icon: avatar(account),
    isChecked: account.id === store.account,
    data: { testid: `member-${account.name}` },
    run: () => become(account.id),
  }));
  openMenu(at("account"), "Be somebody else", entries, { above: true });
}

function draw() {
  reconcile(at("servers"), store.all("guild").map(serverButton));
  reconcile(at("channels"), inOrder(store.channels(store.guild?.id)).map(channelLink));
  at("guild-name").textContent = store.guild?.name ?? "";
  const boost = store.guild?.tier ? `Level ${store.guild.tier} boost · ` : "";
  at("guild-note").textContent = store.guild
    ? `${boost}files up to ${store.guild.upload_limit / 2 ** 20} MiB`
    : "";
  drawAccount();
  drawTop();
}

function drawTop() {
  const { channel } = store;
  at("place-sign").textContent = channel?.parent ? "╰" : "#";
  at("place-name").textContent = channel?.name ?? "";
  const parent = channel?.parent && store.get(`channel:${channel.parent}`);
  const notes = [
    parent && `thread in #${parent.name}`,
    channel?.nsfw && "age-restricted",
    channel?.slowmode && `slow mode, ${channel.slowmode} s`,
    channel?.locked && "locked",
  ];
  at("place-note").textContent = notes.filter(Boolean).join(" · ");
  const all = store.all("channel").map((one) => counts(one.id));
  const pings = all.reduce((total, one) => total + one.pings, 0);
  document.title = `${pings ? `(${pings}) ` : ""}#${channel?.name ?? ""} · Flipbook sandbox`;
  at("open-places").dataset.pings = pings || "";
}

// The panel, on a narrow screen

function togglePlaces(isOpen = !document.body.hasAttribute("data-places")) {
  document.body.toggleAttribute("data-places", isOpen);
  at("open-places").setAttribute("aria-expanded", String(isOpen));
  if (isOpen) at("account").focus({ preventScroll: true });
}

export function startPlaces() {
  at("servers").addEventListener("click", (event) => {
    const button = event.target.closest("[data-guild]");
    if (button) store.openGuild(button.dataset.guild);
  });
  at("channels").addEventListener("click", (event) => {
    if (event.target.closest("a")) togglePlaces(false);
  });
  addEventListener("hashchange", () => {
    if (location.hash) store.open(location.hash.slice(1));
  });
  at("account").addEventListener("click", chooseAccount);
  at("open-places").addEventListener("click", () => togglePlaces());
  at("places-shade").addEventListener("click", () => togglePlaces(false));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.body.hasAttribute("data-places")) {
      togglePlaces(false);
      at("open-places").focus();
    }
  });
  const kinds = ["guild:", "channel:", "account:", "message:", "status", "place", "read"];
  store.onChange((keys) => {
    if ([...keys].some((key) => kinds.some((kind) => key.startsWith(kind)))) draw();
  });
}
