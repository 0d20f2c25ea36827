import { all } from "./dom";

const FREE_AGAIN_MS = 15_000;
// What a script sends ends by itself: gate, its pass and the page's own server, each with its own patience, come to less.
const SCRIPT_MS = 90_000;
const SLOW_MS = 6_000;
/** What a pressed button says when the answer takes long, until it is free again. */
const waits = new WeakMap<HTMLElement, number>();

/**
 * A form is sent once: further clicks while it is under way do nothing. The hidden `key` makes even a repeat harmless on
 * the server; this only spares people the wait. Coming back through history frees the form again.
 */
export function startSubmitGuard(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.method !== "post") return;
    if (form.dataset["sent"] !== undefined) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    form.dataset["sent"] = "";
    // An answer that is a file leaves the page in place; so does one that never comes.
    window.setTimeout(() => release(form), staysHere(form) ? SCRIPT_MS : FREE_AGAIN_MS);
    // After this event, so that the pressed button's own name and value still travel.
    window.setTimeout(() => busy(form, !event.defaultPrevented || staysHere(form)), 0);
  }, true);
  const free = (event: Event): void => {
    if (event.target instanceof HTMLFormElement) release(event.target);
  };
  document.addEventListener("htmx:afterRequest", free);
  window.addEventListener("pageshow", () => all<HTMLFormElement>("form[data-sent]").forEach(release));
}

/** Whether a script sends the form while the page stays. */
function staysHere(form: HTMLFormElement): boolean {
  return form.matches("form[data-gate], form[data-sign-in], form[data-sign-out], [hx-post], [hx-boost='true'], [hx-boost='true'] form, [data-hx-post]");
}

function busy(form: HTMLFormElement, really: boolean): void {
  if (!really) return release(form);
  for (const button of buttons(form)) {
    button.setAttribute("aria-busy", "true");
    button.setAttribute("aria-disabled", "true");
    const words = button.dataset["busy"];
    const label = button.querySelector<HTMLElement>("[data-label]") ?? button;
    if (words && label.childElementCount === 0) {
      button.dataset["idle"] = label.textContent ?? "";
      label.textContent = words;
      waits.set(button, window.setTimeout(() => (label.textContent = "还在等回答……"), SLOW_MS));
    }
  }
}

function release(form: HTMLFormElement): void {
  delete form.dataset["sent"];
  for (const button of buttons(form)) {
    button.removeAttribute("aria-busy");
    button.removeAttribute("aria-disabled");
    const label = button.querySelector<HTMLElement>("[data-label]") ?? button;
    if (button.dataset["idle"] !== undefined) label.textContent = button.dataset["idle"];
    delete button.dataset["idle"];
    window.clearTimeout(waits.get(button));
  }
}

function buttons(form: HTMLFormElement): HTMLElement[] {
  return all("button:not([type=button]), input[type=submit]", form);
}
