import { actAt, passFor } from "./calls";
import { on } from "./dom";
import { toast } from "./toast";

const SAID = "zl-said";

/** Where the gate is, as the page says; "" without one. */
export function gateAddress(): string {
  return document.querySelector<HTMLMetaElement>("meta[name=zl-gate]")?.content ?? "";
}

/** Whose page this is; "" for nobody's. The server's word, which tells nothing else. */
export function account(): string {
  return document.querySelector<HTMLMetaElement>("meta[name=zl-account]")?.content ?? "";
}

/** The page's own proof against forged requests; "" where it has no form. */
export function csrfToken(): string {
  return document.querySelector<HTMLInputElement>("input[name=csrfmiddlewaretoken]")?.value ?? "";
}

/** A line for the page that comes next. */
export function sayNext(text: string): void {
  if (text) sessionStorage.setItem(SAID, text);
}

/**
 * Forms that may go through the gate: `data-gate` names the act, `data-gate-pass` the address of the pass, `data-gate-body`
 * is the body as JSON in which "@name" stands for the form's field, `data-gate-done` the page afterwards with `:name` from the
 * answer, `data-gate-says` what it says there. Where the gate does not decide, the form goes to our server as it would have
 * gone without a script; the shared key keeps the act from happening twice, and gives the same answer.
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
  const { gate: act = "", gatePass = "", gateBody = "{}", gateDone = "", gateSays = "" } = form.dataset;
  const body = JSON.parse(gateBody, (_, value: unknown) =>
    typeof value === "string" && value.startsWith("@") ? (fields.get(value.slice(1)) ?? "") : value,
  ) as Record<string, unknown>;
  const gate = gateAddress();
  const key = fields.get("key") ?? "";
  const pass = gate && key ? await passFor(gatePass, csrfToken(), asked) : undefined;
  const decided = pass ? await actAt(gate, pass, { act, body, key }) : undefined;
  if (!decided?.ok) return form.submit();
  sayNext(gateSays);
  window.location.assign(gateDone.replace(/:([a-z_]+)/g, (_, name: string) => encodeURIComponent(String(decided.body[name]))));
}
