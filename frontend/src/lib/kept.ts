/**
 * Pages of this phone's owner, kept for when there is no network; pages and service worker share this. The server says which
 * (`Zhaoliang-Keep`) and whose (`Zhaoliang-Account`): another account, or a page that asks to sign in, ends them all.
 */

import { leftAt } from "./queue";

const PAGES = "zl-pages-";
const KEPT_AT = "Zhaoliang-Kept-At";
const DAY_MS = 86_400_000;
// Friday evening to Monday morning and a holiday; more than a timetable and a few vouchers nobody has.
const DAYS = 7;
const MOST = 40;
// No answer is on its way for longer; a phone clock that was put back must not end the keeping.
const UNDER_WAY_MS = 600_000;

/** One kept page: its text, when the phone kept it (by the phone's clock) and when the server made it. */
export type KeptPage = { address: string; answer: Response; keptAt: number; madeAt: number };

/**
 * Looks at an answer of the network to a page, asked for at `since`: keeps it, or ends what was kept for somebody else. What was
 * asked for before somebody signed out is not kept.
 */
export async function seen(address: URL, answer: Response, since: number): Promise<void> {
  if (await leftAfter(since)) return;
  if (answer.type === "opaqueredirect") {
    if (await keptPage(address.pathname)) await dropPages();
    return;
  }
  const account = answer.headers.get("Zhaoliang-Account");
  if (!account) return;
  await dropPages(PAGES + account);
  if (!answer.ok || answer.redirected || !answer.headers.has("Zhaoliang-Keep") || address.search) return;
  const headers = new Headers(answer.headers);
  headers.set(KEPT_AT, String(Date.now()));
  // The text is kept unpacked.
  headers.delete("Content-Encoding");
  headers.delete("Content-Length");
  const cache = await caches.open(PAGES + account);
  await cache.put(address.pathname, new Response(await answer.blob(), { headers }));
  // Signed out while it was put there.
  if (await leftAfter(since)) await cache.delete(address.pathname);
  await trim();
}

async function leftAfter(since: number): Promise<boolean> {
  const left = await leftAt();
  return since <= left && left - since < UNDER_WAY_MS;
}

/** Ends every kept page, but those of the account whose cache is named. */
export async function dropPages(but = ""): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith(PAGES) && name !== but) await caches.delete(name);
}

export async function keptPage(address: string): Promise<KeptPage | undefined> {
  for (const name of await caches.keys()) {
    const answer = name.startsWith(PAGES) ? await (await caches.open(name)).match(address) : undefined;
    const found = answer && read(address, answer);
    if (found) return found;
  }
  return undefined;
}

/** What is kept and not too old, the latest first. */
export async function keptPages(): Promise<KeptPage[]> {
  const found: KeptPage[] = [];
  for (const name of await caches.keys()) {
    if (!name.startsWith(PAGES)) continue;
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      const answer = await cache.match(request);
      const page = answer && read(new URL(request.url).pathname, answer);
      if (page) found.push(page);
    }
  }
  return found.sort((one, two) => two.keptAt - one.keptAt);
}

function read(address: string, answer: Response): KeptPage | undefined {
  const keptAt = Number(answer.headers.get(KEPT_AT));
  if (Math.abs(Date.now() - keptAt) > DAYS * DAY_MS) return undefined;
  return { address, answer, keptAt, madeAt: Date.parse(answer.headers.get("Date") ?? "") || keptAt };
}

async function trim(): Promise<void> {
  const stay = new Set((await keptPages()).slice(0, MOST).map((one) => one.address));
  for (const name of await caches.keys()) {
    if (!name.startsWith(PAGES)) continue;
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      if (!stay.has(new URL(request.url).pathname)) await cache.delete(request);
    }
  }
}
