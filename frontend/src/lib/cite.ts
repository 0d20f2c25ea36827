import { all } from "./dom";

const GAP = 8;

/** Clause pop-ups: one at a time, closed by Escape or a click elsewhere, always wholly inside the window. */
export function startCitations(): void {
  document.addEventListener("toggle", (event) => {
    const cite = event.target;
    if (!(cite instanceof HTMLDetailsElement) || !cite.matches(".cite") || !cite.open) return;
    closeOthers(cite);
    place(cite);
  }, true);
  document.addEventListener("click", (event) => {
    closeOthers(event.target instanceof Element ? event.target.closest<HTMLDetailsElement>("details.cite") : null);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = opened()[0];
    if (!open) return;
    open.open = false;
    open.querySelector("summary")?.focus();
  });
  for (const type of ["scroll", "resize"]) window.addEventListener(type, () => opened().forEach(place), { capture: true, passive: true });
}

function place(cite: HTMLDetailsElement): void {
  const pop = cite.querySelector<HTMLElement>(".cite-pop");
  const at = cite.querySelector("summary")?.getBoundingClientRect();
  if (!pop || !at) return;
  pop.classList.add("floating");
  const { offsetWidth: width, offsetHeight: height } = pop;
  const { clientWidth, clientHeight } = document.documentElement;
  const below = at.bottom + GAP / 2;
  const fits = below + height + GAP <= clientHeight || at.top < height + GAP;
  pop.style.top = `${fits ? below : at.top - height - GAP / 2}px`;
  pop.style.left = `${Math.max(GAP, Math.min(at.left, clientWidth - width - GAP))}px`;
}

function opened(): HTMLDetailsElement[] {
  return all<HTMLDetailsElement>("details.cite[open]");
}

function closeOthers(but: HTMLDetailsElement | null): void {
  for (const cite of opened()) if (cite !== but) cite.open = false;
}
