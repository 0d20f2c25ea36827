import { all, on, typing } from "./dom";

const OFF = "zl-keys-off";
/** The page before was left by a key: the line in hand takes the focus of this one. */
const BY_KEY = "zl-review-key";

/**
 * Keys of a review screen: J / K next and previous line, and any button with `data-key` (A pass, R fail, E wait, L the
 * reason of the line before). Esc leaves a field, so that the next letter is a key again.
 * Character keys can be switched off (WCAG 2.1.4) with a checkbox `data-keys-toggle`; the choice is kept.
 */
export function startReviewKeys(): void {
  const inHand = document.querySelector<HTMLElement>("[data-review-item][aria-current=true]");
  const list = inHand?.parentElement;
  // Only the list moves, never the page.
  if (inHand && list) list.scrollTop += inHand.getBoundingClientRect().top - list.getBoundingClientRect().top - list.clientHeight / 2;
  if (sessionStorage.getItem(BY_KEY) !== null) {
    sessionStorage.removeItem(BY_KEY);
    inHand?.focus({ preventScroll: true });
  }
  on("click", "[data-fill]", (button) => {
    const field = document.querySelector<HTMLTextAreaElement>(`#${button.dataset["fill"] ?? ""}`);
    // The focus stays where it is: what follows is a decision, not a letter.
    if (field) field.value = button.dataset["text"] ?? "";
  });
  for (const box of all<HTMLInputElement>("[data-keys-toggle]")) box.checked = localStorage.getItem(OFF) === null;
  on("change", "[data-keys-toggle]", (box) => {
    if (!(box instanceof HTMLInputElement)) return;
    if (box.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  });
  document.addEventListener("keydown", (event) => {
    const review = document.querySelector<HTMLElement>("[data-review]");
    if (event.key === "Escape" && typing(event) && !event.isComposing && event.target instanceof HTMLElement) {
      if (review?.contains(event.target)) event.target.blur();
      return;
    }
    if (!review || typing(event) || localStorage.getItem(OFF) !== null || event.repeat) return;
    const key = event.key.toLowerCase();
    if (key === "j" || key === "k") {
      event.preventDefault();
      step(review, key === "j" ? 1 : -1);
      return;
    }
    const button = review.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]:not([disabled])`);
    if (!button) return;
    event.preventDefault();
    const folded = button.matches("summary") ? button.closest("details") : null;
    if (folded) {
      folded.open = true;
      folded.querySelector<HTMLElement>("textarea, input:not([type=hidden])")?.focus();
      return;
    }
    // A field that must be filled first (a reason) gets the focus instead of a refusal.
    press(button);
  });
}

function step(review: HTMLElement, by: number): void {
  const items = all("[data-review-item]", review);
  if (items.length === 0) return;
  const at = items.findIndex((item) => item.getAttribute("aria-current") === "true");
  const next = items[Math.min(items.length - 1, Math.max(0, at + by))];
  if (!next || next === items[at]) {
    // At the end of the stretch the list goes on with the next one.
    const beyond = review.querySelector<HTMLElement>(by > 0 ? "[data-review-later]" : "[data-review-earlier]");
    if (beyond) press(beyond);
    return;
  }
  items.forEach((item) => item.removeAttribute("aria-current"));
  next.setAttribute("aria-current", "true");
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  press(next);
}

/** Follow or send, and tell the page that comes of it. */
function press(what: HTMLElement): void {
  what.click();
  // A form that lacks its reason stays: so does the page.
  if (what instanceof HTMLAnchorElement || what.closest("form")?.checkValidity()) sessionStorage.setItem(BY_KEY, "1");
}
