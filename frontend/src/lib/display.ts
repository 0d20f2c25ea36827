import { on } from "./dom";

const YEAR_SECONDS = 365 * 24 * 3600;

/** 长辈 mode without a page load; without this script the same form posts and the server sets the cookie. */
export function startDisplay(): void {
  on("submit", "form[data-display]", (form, event) => {
    event.preventDefault();
    const large = document.documentElement.classList.toggle("large");
    document.cookie = `zl_large=${large ? "1" : "0"}; path=/; max-age=${YEAR_SECONDS}; samesite=lax`;
    const button = form.querySelector("button");
    const word = large ? "标准字号" : "大字版";
    button?.setAttribute("aria-pressed", String(large));
    const label = button?.querySelector("[data-label]");
    if (label) label.textContent = word;
  });
}
