// Asks the sandbox to do something as the chosen account.

import { store } from "./store.js";

export class Refusal extends Error {}

async function answered(response) {
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(answer.error ?? `The sandbox answered ${response.status}.`);
  return answer;
}

async function sent(path, init) {
  try {
    return await fetch(`/page/${path}`, { method: "POST", ...init });
  } catch {
    throw new Refusal("The sandbox does not answer.");
  }
}

/** Do something; throws a Refusal whose message is a sentence for the reader. */
export async function act(name, asked = {}) {
  const body = JSON.stringify({ account: store.account, ...asked });
  const headers = { "Content-Type": "application/json" };
  const answer = await answered(await sent(name, { headers, body }));
  if (answer.interaction) store.did(answer.interaction);
  return answer;
}

/** Hand a file over; returns the id by which a command or a form takes it. */
export async function upload(file) {
  const limit = store.guild.upload_limit;
  if (file.size > limit) {
    throw new Refusal(`${file.name} is too large: this server takes ${limit / 2 ** 20} MiB.`);
  }
  const query = new URLSearchParams({
    account: store.account,
    channel: store.channel.id,
    name: file.name,
  });
  const headers = { "Content-Type": "application/octet-stream" };
  const answer = await answered(await sent(`uploads?${query}`, { headers, body: file }));
  return answer.upload;
}
