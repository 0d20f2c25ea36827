/** Calls to the gate and to our own server that need no page: the service worker makes them too. */

const WAIT_MS = 8_000;

/** What the gate decided: a 200 or a refusal of the act, never a fault. */
export type Decided = { ok: boolean; body: Record<string, unknown> };

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

/** An act at the gate under a pass; undefined when the gate did not decide: it is down, too busy, or does not take the pass. */
export async function actAt(gate: string, pass: string, asked: Act): Promise<Decided | undefined> {
  try {
    return await post(gate, pass, asked);
  } catch {
    return undefined;
  }
}

async function post(gate: string, pass: string, asked: Act, again = true): Promise<Decided | undefined> {
  const answer = await fetch(`${gate}${asked.act}`, {
    method: "POST",
    body: JSON.stringify(asked.body),
    credentials: "omit",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${pass}`, "Idempotency-Key": asked.key },
    signal: AbortSignal.timeout(WAIT_MS),
  });
  const wait = Number(answer.headers.get("Retry-After"));
  if (answer.status === 503 && again && wait > 0 && wait <= 5) {
    await new Promise((resolve) => setTimeout(resolve, wait * 1000));
    return post(gate, pass, asked, false);
  }
  if (!answer.ok && ![404, 409, 422].includes(answer.status)) return undefined;
  return { ok: answer.ok, body: (await answer.json()) as Record<string, unknown> };
}
