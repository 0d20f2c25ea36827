import { whenever, all } from "./dom";

/** The field of the card reader (`[data-reader]`) has the cursor whenever nobody types elsewhere: the next card just works. */
export function startReader(): void {
  const focus = (): void => {
    const field = document.querySelector<HTMLInputElement>("[data-reader]");
    const here = document.activeElement;
    if (field && (!here || here === document.body)) field.focus({ preventScroll: true });
  };
  whenever((root) => {
    if (all("[data-reader]", root).length) focus();
  });
  document.addEventListener("click", () => window.setTimeout(focus, 0));
  // What refreshes by itself (`[data-live]`) waits while somebody is in it: an opened reason must not vanish under the hands.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const live = event.target instanceof Element ? event.target.closest("[data-live]") : null;
    if (live && (live.contains(document.activeElement) || live.querySelector("details[open]"))) event.preventDefault();
  });
}
