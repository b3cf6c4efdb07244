// What the page knows of the world: the entries that the sandbox sent, and where the reader is.

const REMEMBERED = "flipbook.sandbox";

/** Compare two ids by age: they are numbers too large for JavaScript's. */
export const byAge = (a, b) => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);

class Store {
  entries = new Map();
  channel = null;
  account = null;
  deeds = new Set(); // ids of the interactions that this tab began
  #listeners = [];
  #lastChannels = {};

  constructor() {
    const kept = JSON.parse(sessionStorage.getItem(REMEMBERED) ?? "{}");
    this.account = kept.account ?? null;
    this.#lastChannels = kept.lastChannels ?? {};
    this.life = kept.life ?? null;
    this.hasTried = kept.hasTried ?? false;
    this.read = kept.read ?? {};
    this.adults = kept.adults ?? [];
  }

  remember() {
    const { account, life, hasTried, read, adults } = this;
    const kept = { account, life, hasTried, read, adults, lastChannels: this.#lastChannels };
    sessionStorage.setItem(REMEMBERED, JSON.stringify(kept));
  }

  /** Have `listener` called after each change, with the set of keys that changed. */
  onChange(listener) {
    this.#listeners.push(listener);
  }

  /** Note that an interaction is this tab's own: its form may have come before its id. */
  did(interactionId) {
    this.deeds.add(interactionId);
    this.notify(new Set([`modal:${interactionId}`]));
  }

  notify(keys) {
    for (const listener of this.#listeners) listener(keys);
  }

  /** Take in an event of the stream; the first of a connection holds everything there is. */
  apply({ put, gone }, isFirst) {
    const removed = isFirst ? [...this.entries.keys()].filter((key) => !(key in put)) : gone;
    for (const key of removed) this.entries.delete(key);
    for (const [key, entry] of Object.entries(put)) this.entries.set(key, entry);
    this.#settle();
    this.notify(new Set([...removed, ...Object.keys(put)]));
  }

  /** Make account and channel fit the world: the sandbox may be another one than before. */
  #settle() {
    const { life, me } = this.status;
    if (this.life !== life) {
      this.read = {};
      this.adults = [];
      this.#lastChannels = {};
    }
    this.life = life;
    this.account = me;
    const wanted = location.hash.slice(1);
    const isThere = (id) => this.entries.has(`channel:${id}`);
    const first = this.all("guild")
      .map((guild) => this.#channelIn(guild.id))
      .find(Boolean);
    this.#go([wanted, this.channel?.id].find((id) => id && isThere(id)) ?? first);
    this.remember();
  }

  #channelIn(guildId) {
    const own = this.channels(guildId);
    return (own.find((c) => c.id === this.#lastChannels[guildId]) ?? own[0])?.id;
  }

  #go(id) {
    this.channel = this.entries.get(`channel:${id}`) ?? null;
    if (!this.channel) return;
    this.#lastChannels[this.channel.guild] = id;
    if (location.hash !== `#${id}`) history.replaceState(null, "", `#${id}`);
  }

  // Moving about

  /** Go to a channel, and to where one was before by the browser's "back". */
  open(channelId) {
    const isThere = this.entries.has(`channel:${channelId}`);
    if (isThere && location.hash !== `#${channelId}`) history.pushState(null, "", `#${channelId}`);
    this.#go(isThere ? channelId : this.channel?.id);
    this.remember();
    this.notify(new Set(["place"]));
  }

  openGuild(guildId) {
    this.open(this.#channelIn(guildId));
  }

  // Reading

  get(key) {
    return this.entries.get(key);
  }

  get status() {
    return this.entries.get("status") ?? {};
  }

  get guild() {
    return this.channel ? this.entries.get(`guild:${this.channel.guild}`) : undefined;
  }

  /** List the entries of a kind in their order. */
  all(kind) {
    const found = [];
    for (const [key, entry] of this.entries) if (key.startsWith(`${kind}:`)) found.push(entry);
    return found.sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
  }

  channels(guildId) {
    return this.all("channel").filter((channel) => channel.guild === guildId);
  }

  messages(channelId) {
    const own = this.all("message").filter((message) => message.channel === channelId);
    return own.sort((a, b) => byAge(a.id, b.id));
  }

  person(id) {
    for (const guild of this.all("guild")) {
      const found = guild.members.find((member) => member.id === id);
      if (found) return found;
    }
    return undefined;
  }
}

export const store = new Store();
