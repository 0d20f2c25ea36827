import { actPatiently, passFor } from "./calls";
import { all, on } from "./dom";
import { toast } from "./toast";

const SAID = "zl-said";
// Some twenty seconds of a rush; then our own server is asked.
const TRIES = 4;

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
 * gone without a script; the shared key keeps the act from happening twice, and gives the same answer. Where it sends us away
 * for the rush, the form says so (`[data-gate-note]`) and comes back.
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
  const decided = pass ? await actPatiently(gate, pass, { act, body, key }, TRIES, (seconds) => waits(form, seconds)) : undefined;
  if (decided && "wait" in decided && decided.often) return sentAway(form, decided.wait);
  if (!decided || !("ok" in decided) || !decided.ok) {
    note(form, "");
    return form.submit();
  }
  sayNext(gateSays);
  window.location.assign(gateDone.replace(/:([a-z_]+)/g, (_, name: string) => encodeURIComponent(String(decided.body[name]))));
}

function waits(form: HTMLFormElement, seconds: number): void {
  note(form, `现在办理的人很多，还没有轮到。${seconds} 秒后自动再试，请不要关掉这一页；不会重复办理。`);
}

/** It was this account that asked too often: our own server is not the way round that. */
function sentAway(form: HTMLFormElement, seconds: number): void {
  note(form, `这个账号刚才点得太多，没有办理。请 ${seconds} 秒后再点一次。`);
  // The guard against double clicks frees a form after a request of htmx.
  form.dispatchEvent(new CustomEvent("htmx:afterRequest", { bubbles: true }));
}

function note(form: HTMLFormElement, text: string): void {
  for (const line of all("[data-gate-note]", form)) {
    line.textContent = text;
    line.hidden = !text;
    if (text) line.scrollIntoView({ block: "nearest" });
  }
}
