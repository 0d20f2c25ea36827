import { all, on, typing } from "./dom";

const OFF = "zl-keys-off";

/**
 * Keys of a review screen: J / K next and previous line, and any button with `data-key` (A pass, R return, E wait).
 * Character keys can be switched off (WCAG 2.1.4) with a checkbox `data-keys-toggle`; the choice is kept.
 */
export function startReviewKeys(): void {
  for (const box of all<HTMLInputElement>("[data-keys-toggle]")) box.checked = localStorage.getItem(OFF) === null;
  on("change", "[data-keys-toggle]", (box) => {
    if (!(box instanceof HTMLInputElement)) return;
    if (box.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  });
  document.addEventListener("keydown", (event) => {
    const review = document.querySelector<HTMLElement>("[data-review]");
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
    // A field that must be filled first (a reason) gets the focus instead of a refusal.
    button.click();
  });
}

function step(review: HTMLElement, by: number): void {
  const items = all("[data-review-item]", review);
  if (items.length === 0) return;
  const at = items.findIndex((item) => item.getAttribute("aria-current") === "true");
  const next = items[Math.min(items.length - 1, Math.max(0, at + by))];
  if (!next || next === items[at]) {
    // At the end of the stretch the list goes on with the next one.
    review.querySelector<HTMLElement>(by > 0 ? "[data-review-later]" : "[data-review-earlier]")?.click();
    return;
  }
  items.forEach((item) => item.removeAttribute("aria-current"));
  next.setAttribute("aria-current", "true");
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  next.click();
}
