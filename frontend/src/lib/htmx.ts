import htmx from "htmx.org";
import { toast } from "./toast";

/** htmx with what our CSP and our refusals need: no eval, no injected style, refusal fragments are swapped in. */
export function startHtmx(): void {
  htmx.config.allowEval = false;
  htmx.config.allowScriptTags = false;
  htmx.config.includeIndicatorStyles = false;
  htmx.config.selfRequestsOnly = true;
  htmx.config.historyCacheSize = 0; // personal data must not stay in localStorage
  htmx.config.responseHandling = [
    { code: "204", swap: false },
    { code: "[23]..", swap: true },
    { code: "(403|404|409|422|429)", swap: true, error: false },
    { code: "[45]..", swap: false, error: true },
  ];
  document.addEventListener("htmx:sendError", (event) => {
    const asked = event.target instanceof Element ? event.target : undefined;
    // A code that could not be renewed says so itself; what refreshes by itself says once that it stands still.
    if (asked?.closest("[data-qr]")) return;
    const notes = document.querySelectorAll<HTMLElement>("[data-stands-still]");
    if (notes.length && asked?.getAttribute("hx-trigger")?.startsWith("every")) {
      for (const note of notes) note.hidden = false;
      return;
    }
    toast("网络不通，这一步没有送达。您填的内容还在，联网后再点一次即可。");
  });
  document.addEventListener("htmx:afterOnLoad", () => {
    for (const note of document.querySelectorAll<HTMLElement>("[data-stands-still]")) note.hidden = true;
  });
  document.addEventListener("htmx:responseError", () => {
    toast("服务器没有处理完这一步。请稍后再点一次，不会重复提交。");
  });
}
