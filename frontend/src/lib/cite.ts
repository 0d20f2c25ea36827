import { all } from "./dom";

/** Clause pop-ups: one at a time, closed by Escape or a click elsewhere, kept inside the window. */
export function startCitations(): void {
  document.addEventListener("toggle", (event) => {
    const cite = event.target;
    if (!(cite instanceof HTMLDetailsElement) || !cite.matches(".cite") || !cite.open) return;
    close(cite);
    const pop = cite.querySelector(".cite-pop");
    pop?.classList.remove("flip");
    if (pop && pop.getBoundingClientRect().right > document.documentElement.clientWidth - 8) pop.classList.add("flip");
  }, true);
  document.addEventListener("click", (event) => {
    const inside = event.target instanceof Element ? event.target.closest<HTMLDetailsElement>("details.cite") : null;
    close(inside);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.querySelector<HTMLDetailsElement>("details.cite[open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary")?.focus();
  });
}

function close(but: HTMLDetailsElement | null): void {
  for (const cite of all<HTMLDetailsElement>("details.cite[open]")) if (cite !== but) cite.open = false;
}
