import { actPatiently, passFor, undecided } from "./calls";
import type { Signed } from "./signer";
import { empty, every, get, put, remove } from "./store";

/** The lock under which one of pages and service worker sends, the tag of the background sync, the channel of what came of it. */
export const QUEUE = "zl-sign-ins";
const PASS_DAYS = 2;
// A sign-in that the gate sends away in a rush stays with the gate for so long: it is late only after ten minutes.
const RUSH_S = 300;
const LEFT = "left";

/** A sign-in as it was made: everything of it, its key too, is fixed then; only whether it has arrived changes. */
export type Kept = {
  key: string;
  /** Whose it is, as the page names the account; another's page does not show it. */
  account: string;
  /** What is signed in for: one waits at most. */
  attendance: string;
  action: string;
  fields: Record<string, string>;
  /** Of the page that made it, for the service worker; worthless once somebody signed in to the platform anew. */
  csrf: string;
  /** For the gate: where it is, its pass and body. Without a pass (page opened without network) it goes to the page's own server. */
  gate: string;
  pass?: string;
  passUrl: string;
  body?: Record<string, unknown>;
  /** The phone's word that it said this then: whatever is altered here afterwards no longer fits it. */
  signed?: Signed;
  title: string;
  /** Why it was not taken, in words; such a one stays until the person has read it. */
  refused?: string;
};

/** What became of an entry: the server's answer, or (with `refused` in it) nothing but its words. */
export type Settled = { entry: Kept; taken?: Record<string, unknown> };

/** Who sends: a page with its own proof, or the service worker with none. */
export type Sender = { account: string; csrf: string };

type Outcome = { taken: Record<string, unknown> } | { refused: string } | undefined;
/** `signer` is the key that the pass names. */
type StoredPass = { pass: string; at: number; signer?: string };

/** What waits or was refused, in the order in which it was made. */
export async function kept(): Promise<Kept[]> {
  const found = await every<Kept>("sign-ins");
  return found.sort((one, two) => Number(one.fields["sequence"]) - Number(two.fields["sequence"]));
}

/** Puts a sign-in into the phone's memory before anything is sent: a dead network or a closed page cannot lose it. False when only this page has it. */
export async function keep(entry: Kept): Promise<boolean> {
  return put("sign-ins", entry.key, entry);
}

export async function forget(key: string): Promise<void> {
  await remove("sign-ins", key);
}

/** Keeps a pass beside the page that may be opened anew without network. */
export async function keepPass(address: string, pass: string, signer?: string): Promise<void> {
  await put("passes", address, { pass, at: Date.now(), ...(signer ? { signer } : {}) } satisfies StoredPass);
}

export async function keptPass(address: string): Promise<StoredPass | undefined> {
  const found = await get<StoredPass>("passes", address);
  return found && Date.now() - found.at < PASS_DAYS * 86_400_000 ? found : undefined;
}

/** Whether a signature may go along under a pass: another key's would only be refused. */
export function fits(pass: StoredPass, signed: Signed | undefined): boolean {
  return !pass.signer || !signed || pass.signer === signed.signer;
}

export async function forgetPasses(): Promise<void> {
  await empty("passes");
}

/** Somebody leaves this phone now: an answer that was on its way then is not kept (`leftAt`). */
export async function noteLeft(): Promise<void> {
  await put("passes", LEFT, Date.now());
}

/** When somebody last left this phone, by its clock. */
export async function leftAt(): Promise<number> {
  return (await get<number>("passes", LEFT)) ?? 0;
}

/**
 * Sends what waits, oldest first, each under its own key: sent twice it counts once. Tabs and the service worker take turns.
 * Calls `told` for every entry that was decided. One that could not be decided holds back what the same account made after it,
 * not what others made, who need a pass: their place is not for this one's session. Returns whether nothing of the sender's
 * waits any more (of anybody's, for the service worker, which does not know whose the session is).
 */
export async function upload(sender: Sender, told: (settled: Settled) => void): Promise<boolean> {
  let left = false;
  const work = async (): Promise<void> => {
    const held = new Set<string>();
    for (const entry of await kept()) {
      if (entry.refused || held.has(entry.account)) continue;
      const outcome = await send(entry, sender);
      if (!outcome) {
        held.add(entry.account);
        continue;
      }
      if ("taken" in outcome) {
        await forget(entry.key);
        told({ entry, taken: outcome.taken });
      } else {
        const refused = { ...entry, refused: outcome.refused };
        await keep(refused);
        told({ entry: refused });
      }
    }
    left = sender.account ? held.has(sender.account) : held.size > 0;
  };
  if ("locks" in navigator) await navigator.locks.request(QUEUE, work);
  else await work();
  return !left;
}

async function send(entry: Kept, sender: Sender): Promise<Outcome> {
  // Without a proof nothing goes to our own server, where the cookies would be another's.
  const own = entry.account === sender.account;
  const csrf = sender.account && !own ? "" : (own && sender.csrf) || entry.csrf;
  if (entry.body && entry.gate) {
    const held = await keptPass(entry.passUrl);
    // A pass that is fetched only now names no key: that would say nothing of then.
    const pass = entry.pass ?? (held && fits(held, entry.signed) ? held.pass : await passFor(entry.passUrl, csrf));
    const body = entry.signed ? { ...entry.body, signature: entry.signed.signature } : entry.body;
    const decided = pass ? await actPatiently(entry.gate, pass, { act: "sign-in", body, key: entry.key }, 2) : undefined;
    if (decided && "ok" in decided) return decided.ok ? { taken: decided.body } : { refused: words(decided.body) };
    // All phones of a province at our own server would only move the rush there.
    if (decided && (decided.often || age(entry) < RUSH_S)) return undefined;
  }
  return post(entry, csrf);
}

/** Seconds since it was made, by the phone's own clock. */
function age(entry: Kept): number {
  return Math.abs(Date.now() / 1000 - Number(entry.fields["phone_at"]));
}

/** The same sign-in to the page's own server, under the same key. */
async function post(entry: Kept, csrf: string): Promise<Outcome> {
  if (!csrf) return undefined;
  const proof = entry.pass ? { pass: entry.pass, signature: entry.signed?.signature ?? "" } : {};
  const body = new URLSearchParams({ ...entry.fields, ...proof, key: entry.key, csrfmiddlewaretoken: csrf });
  try {
    const answer = await fetch(entry.action, {
      method: "POST",
      body,
      headers: { Accept: "application/json" },
      redirect: "manual",
      signal: AbortSignal.timeout(15_000),
    });
    // To the sign-in page: somebody else has this phone now, or nobody. It waits for its owner.
    if (answer.type === "opaqueredirect" || undecided(answer.status)) return undefined;
    const said = (await answer.json()) as Record<string, unknown>;
    return answer.ok ? { taken: said } : { refused: words(said) };
  } catch {
    return undefined;
  }
}

function words(refusal: Record<string, unknown>): string {
  return [refusal["what"], refusal["why"], refusal["next"]].filter(Boolean).join("") || "没有被受理，请找老师核对。";
}
