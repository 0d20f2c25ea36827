import { all, on } from "./dom";

/** Tables marked `data-rows`: a click anywhere on a row follows its first link, arrow keys move between those links. */
export function startRows(): void {
  on("click", "table[data-rows] tbody tr", (row, event) => {
    const target = event.target;
    if (!(target instanceof Element) || target.closest("a, button, input, label, summary, details")) return;
    if (window.getSelection()?.toString()) return;
    const link = row.querySelector<HTMLAnchorElement>("a[href]");
    if (!link) return;
    if (event.ctrlKey || event.metaKey) window.open(link.href, "_blank", "noopener");
    else link.click();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const row = event.target instanceof Element ? event.target.closest("table[data-rows] tbody tr") : null;
    if (!row) return;
    const rows = all("tr", row.parentElement ?? document);
    const next = rows[rows.indexOf(row as HTMLElement) + (event.key === "ArrowDown" ? 1 : -1)];
    const link = next?.querySelector<HTMLElement>("a[href]");
    if (!link) return;
    event.preventDefault();
    link.focus();
  });
}
