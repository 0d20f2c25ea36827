import { askPassed, passFrom } from "./gate";

const QUEUE = "zl-sign-ins";
const SEQUENCE = "zl-sequence";

/** A sign-in as it was made: everything of it, its key too, is fixed then; only whether it has arrived changes. */
export type Kept = {
  key: string;
  action: string;
  fields: Record<string, string>;
  /** For the gate: its pass and body. Without a pass (page opened without network) it goes to the page's own server. */
  pass?: string;
  passUrl: string;
  body?: Record<string, unknown>;
  title: string;
  /** Why it was not taken, in words; such a one stays until the person has read it. */
  refused?: string;
};

/** What became of an entry: taken (with the answer), refused (with why), or undecided (no network, not signed in, busy). */
type Outcome = { taken: Record<string, unknown> } | { refused: string } | undefined;

export function kept(): Kept[] {
  try {
    return JSON.parse(localStorage.getItem(QUEUE) ?? "[]") as Kept[];
  } catch {
    return [];
  }
}

function store(entries: Kept[]): void {
  localStorage.setItem(QUEUE, JSON.stringify(entries));
  document.dispatchEvent(new CustomEvent("zl:queue"));
}

/** Puts a sign-in into the phone's memory before anything is sent: a dead network or a closed page cannot lose it. */
export function keep(entry: Kept): void {
  store([...kept().filter((one) => one.key !== entry.key), entry]);
}

export function forget(key: string): void {
  store(kept().filter((one) => one.key !== key));
}

/** Which of this phone's sign-ins the next one is. */
export function nextSequence(): number {
  const next = Number(localStorage.getItem(SEQUENCE) ?? 0) + 1;
  localStorage.setItem(SEQUENCE, String(next));
  return next;
}

/**
 * Sends what waits, oldest first, each under its own key: sent twice it counts once. Two tabs take turns. Calls `told` for
 * every entry that was decided; stops at the first that could not be.
 */
export async function upload(told: (entry: Kept, taken?: Record<string, unknown>) => void): Promise<void> {
  const work = async (): Promise<void> => {
    for (const entry of kept()) {
      if (entry.refused) continue;
      const outcome = await send(entry);
      if (!outcome) return;
      if ("taken" in outcome) {
        forget(entry.key);
        told(entry, outcome.taken);
      } else {
        store(kept().map((one) => (one.key === entry.key ? { ...one, refused: outcome.refused } : one)));
        told({ ...entry, refused: outcome.refused });
      }
    }
  };
  if ("locks" in navigator) await navigator.locks.request(QUEUE, work);
  else await work();
}

async function send(entry: Kept): Promise<Outcome> {
  if (entry.body) {
    const pass = entry.pass ?? (await passFrom(entry.passUrl));
    const decided = pass ? await askPassed(pass, "sign-in", entry.body, entry.key) : undefined;
    if (decided) return decided.ok ? { taken: decided.body } : { refused: words(decided.body) };
  }
  return post(entry);
}

/** The same sign-in to the page's own server, under the same key. */
async function post(entry: Kept): Promise<Outcome> {
  const csrf = document.querySelector<HTMLInputElement>("input[name=csrfmiddlewaretoken]")?.value;
  if (!csrf) return undefined;
  const body = new URLSearchParams({ ...entry.fields, key: entry.key, csrfmiddlewaretoken: csrf });
  try {
    const answer = await fetch(entry.action, {
      method: "POST",
      body,
      headers: { Accept: "application/json" },
      redirect: "manual",
      signal: AbortSignal.timeout(15_000),
    });
    // To the sign-in page: somebody else has this phone now, or nobody. It waits for its owner.
    if (answer.type === "opaqueredirect" || answer.status === 403 || answer.status >= 500) return undefined;
    const said = (await answer.json()) as Record<string, unknown>;
    return answer.ok ? { taken: said } : { refused: words(said) };
  } catch {
    return undefined;
  }
}

function words(refusal: Record<string, unknown>): string {
  return [refusal["what"], refusal["why"], refusal["next"]].filter(Boolean).join("") || "没有被受理，请找老师核对。";
}
