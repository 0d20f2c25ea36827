import { all, on } from "./dom";

const STAY_MS = 8000;

function tray(): HTMLElement {
  const found = document.querySelector<HTMLElement>(".toasts");
  if (found) return found;
  const made = document.createElement("div");
  made.className = "toasts";
  made.setAttribute("role", "status");
  document.body.append(made);
  return made;
}

function fade(item: HTMLElement): void {
  // An undo must not vanish under the pointer or while it has the focus.
  window.setTimeout(() => {
    if (item.matches(":hover, :focus-within")) fade(item);
    else item.remove();
  }, STAY_MS);
}

/** Shows one line at the bottom of the page for a few seconds. */
export function toast(text: string): void {
  const item = document.createElement("div");
  item.className = "toast-item";
  const words = document.createElement("span");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.dataset["dismiss"] = "";
  close.textContent = "知道了";
  item.append(words, close);
  tray().append(item);
  fade(item);
}

/** Server-rendered toasts leave after a while (those with an undo stay until used or dismissed); buttons dismiss them. */
export function startToasts(): void {
  all(".toast-item:not([data-undo])").forEach(fade);
  on("click", "[data-dismiss]", (button) => button.closest(".toast-item")?.remove());
}
