import { on } from "./dom";
import { toast } from "./toast";

const WAIT_MS = 8_000;
const SAID = "zl-said";

/** What the gate decided: a 200 or a refusal of the act, never a fault. */
export type Decided = { ok: boolean; body: Record<string, unknown> };

export type Call = {
  /** Where the page's own server gives the pass, and what it wants to know for it. */
  pass: string;
  asked?: Record<string, string>;
  /** The gate's act (`claim`, `use`, `sign-in`), its body and the form's key. */
  act: string;
  body: Record<string, unknown>;
  key: string;
};

/**
 * Does an act at the gate (the fast path): a pass from our own server first, then the act under the form's own key.
 * Undefined when the gate did not decide: it is down, too busy, too slow, or does not take the pass. The form then goes to our
 * server as it would have gone without a script; the shared key keeps the act from happening twice, and gives the same answer.
 */
export async function askGate(call: Call): Promise<Decided | undefined> {
  const gate = document.querySelector<HTMLMetaElement>("meta[name=zl-gate]")?.content;
  const csrf = document.querySelector<HTMLInputElement>("input[name=csrfmiddlewaretoken]")?.value;
  if (!gate || !csrf || !call.key) return undefined;
  try {
    const asked = new URLSearchParams({ ...call.asked, csrfmiddlewaretoken: csrf });
    const given = await fetch(call.pass, { method: "POST", body: asked, signal: AbortSignal.timeout(WAIT_MS) });
    if (!given.ok) return undefined;
    const { pass } = (await given.json()) as { pass: string };
    return await post(`${gate}${call.act}`, pass, call);
  } catch {
    return undefined;
  }
}

/** A pass from our own server; undefined without network, gate, or permission. */
export async function passFrom(address: string): Promise<string | undefined> {
  const csrf = document.querySelector<HTMLInputElement>("input[name=csrfmiddlewaretoken]")?.value;
  if (!document.querySelector("meta[name=zl-gate]") || !csrf || !address) return undefined;
  try {
    const body = new URLSearchParams({ csrfmiddlewaretoken: csrf });
    const given = await fetch(address, { method: "POST", body, redirect: "manual", signal: AbortSignal.timeout(WAIT_MS) });
    return given.ok ? ((await given.json()) as { pass: string }).pass : undefined;
  } catch {
    return undefined;
  }
}

/** An act at the gate under a pass that is held already; undefined when the gate did not decide. */
export async function askPassed(
  pass: string,
  act: string,
  body: Record<string, unknown>,
  key: string,
): Promise<Decided | undefined> {
  const gate = document.querySelector<HTMLMetaElement>("meta[name=zl-gate]")?.content;
  if (!gate) return undefined;
  try {
    return await post(`${gate}${act}`, pass, { pass: "", act, body, key });
  } catch {
    return undefined;
  }
}

/** A line for the page that comes next. */
export function sayNext(text: string): void {
  if (text) sessionStorage.setItem(SAID, text);
}

async function post(address: string, pass: string, call: Call, again = true): Promise<Decided | undefined> {
  const answer = await fetch(address, {
    method: "POST",
    body: JSON.stringify(call.body),
    credentials: "omit",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${pass}`, "Idempotency-Key": call.key },
    signal: AbortSignal.timeout(WAIT_MS),
  });
  const wait = Number(answer.headers.get("Retry-After"));
  if (answer.status === 503 && again && wait > 0 && wait <= 5) {
    await new Promise((resolve) => window.setTimeout(resolve, wait * 1000));
    return post(address, pass, call, false);
  }
  if (!answer.ok && ![404, 409, 422].includes(answer.status)) return undefined;
  return { ok: answer.ok, body: (await answer.json()) as Record<string, unknown> };
}

/**
 * Forms that may go through the gate: `data-gate` names the act, `data-gate-pass` the address of the pass, `data-gate-body`
 * is the body as JSON in which "@name" stands for the form's field, `data-gate-done` the page afterwards with `:name` from the
 * answer, `data-gate-says` what it says there.
 */
export function startGateForms(): void {
  on("submit", "form[data-gate]", (form, event) => {
    if (!(form instanceof HTMLFormElement)) return;
    event.preventDefault();
    void send(form);
  });
  const said = sessionStorage.getItem(SAID);
  sessionStorage.removeItem(SAID);
  if (said) toast(said);
}

async function send(form: HTMLFormElement): Promise<void> {
  const fields = new Map([...new FormData(form)].map(([name, value]) => [name, String(value)]));
  const asked = Object.fromEntries([...fields].filter(([name]) => name !== "csrfmiddlewaretoken" && name !== "key"));
  const { gate = "", gatePass = "", gateBody = "{}", gateDone = "", gateSays = "" } = form.dataset;
  const body = JSON.parse(gateBody, (_, value: unknown) =>
    typeof value === "string" && value.startsWith("@") ? (fields.get(value.slice(1)) ?? "") : value,
  ) as Record<string, unknown>;
  const decided = await askGate({ pass: gatePass, asked, act: gate, body, key: fields.get("key") ?? "" });
  if (!decided?.ok) return form.submit();
  sayNext(gateSays);
  window.location.assign(gateDone.replace(/:([a-z_]+)/g, (_, name: string) => encodeURIComponent(String(decided.body[name]))));
}
