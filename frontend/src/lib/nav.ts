import { on } from "./dom";

/** The console's drawer on a phone: Escape closes it, and so does following a link within the page. */
export function startDrawer(): void {
  const box = document.querySelector<HTMLInputElement>(".nav-open");
  if (!box) return;
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !box.checked) return;
    box.checked = false;
    box.focus();
  });
  on("click", ".side a", () => {
    box.checked = false;
  });
}

/** Filters send themselves when a choice changes (`data-autosubmit`); the button stays for everyone else. */
export function startAutosubmit(): void {
  on("change", "form[data-autosubmit] :is(select, input[type=checkbox], input[type=radio], input[type=date])", (field) => {
    field.closest("form")?.requestSubmit();
  });
  on("click", "[data-print]", () => window.print());
}
