/** Calls to the gate and to our own server that need no page: the service worker makes them too. */

const WAIT_MS = 8_000;

// Who is sent away for longer than this is told so, and not kept waiting.
const LONGEST_S = 10;

/** What the gate decided: a 200 or a refusal of the act, never a fault. */
export type Decided = { ok: boolean; body: Record<string, unknown> };

/** The gate sent us away (503, 429): nothing was done, come back with the same key after `wait` seconds. `often`: it was us, not the rush. */
export type Busy = { wait: number; often: boolean };

/** An act of the gate (`claim`, `use`, `sign-in`), its body and its key. */
export type Act = { act: string; body: Record<string, unknown>; key: string };

/** A pass from our own server; undefined without network or permission. */
export async function passFor(address: string, csrf: string, asked: Record<string, string> = {}): Promise<string | undefined> {
  if (!address || !csrf) return undefined;
  try {
    const body = new URLSearchParams({ ...asked, csrfmiddlewaretoken: csrf });
    const given = await fetch(address, { method: "POST", body, redirect: "manual", signal: AbortSignal.timeout(WAIT_MS) });
    return given.ok ? ((await given.json()) as { pass: string }).pass : undefined;
  } catch {
    return undefined;
  }
}

/** An act at the gate under a pass; undefined when the gate did not decide: it is down, or does not take the pass. */
export async function actAt(gate: string, pass: string, asked: Act): Promise<Decided | Busy | undefined> {
  try {
    return await post(gate, pass, asked);
  } catch {
    return undefined;
  }
}

/**
 * The same, coming back as often as `tries` says when the gate sends us away, a little later each time and not all phones at the
 * same moment; `told` hears of each wait. What is answered last is returned.
 */
export async function actPatiently(
  gate: string,
  pass: string,
  asked: Act,
  tries: number,
  told: (seconds: number) => void = () => undefined,
): Promise<Decided | Busy | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const said = await actAt(gate, pass, asked);
    if (!said || "ok" in said || attempt >= tries || said.wait > LONGEST_S) return said;
    const seconds = Math.ceil(said.wait + Math.random() * attempt * 2);
    told(seconds);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}

async function post(gate: string, pass: string, asked: Act): Promise<Decided | Busy | undefined> {
  const answer = await fetch(`${gate}${asked.act}`, {
    method: "POST",
    body: JSON.stringify(asked.body),
    credentials: "omit",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${pass}`, "Idempotency-Key": asked.key },
    signal: AbortSignal.timeout(WAIT_MS),
  });
  const wait = Number(answer.headers.get("Retry-After"));
  if ((answer.status === 503 || answer.status === 429) && wait > 0) return { wait, often: answer.status === 429 };
  if (!answer.ok && ![404, 409, 422].includes(answer.status)) return undefined;
  return { ok: answer.ok, body: (await answer.json()) as Record<string, unknown> };
}

/** Whether an answer means "not now" rather than "no": what was asked is to be asked again. */
export function undecided(status: number): boolean {
  return status === 403 || status === 408 || status === 429 || status >= 500;
}
