import { on } from "./dom";

const SOON_MS = 400;

/**
 * A page that was asked for and has not come yet: a line at the top says so (an installed page shows none of the browser's own).
 * Gone with the page, or when the browser brings it back.
 */
export function startGoing(): void {
  let timer = 0;
  const stop = (): void => {
    window.clearTimeout(timer);
    delete document.documentElement.dataset["going"];
  };
  const go = (): void => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => (document.documentElement.dataset["going"] = ""), SOON_MS);
  };
  on("click", "a[href]", (link, event) => {
    if (!(link instanceof HTMLAnchorElement) || !(event instanceof MouseEvent)) return;
    const here = link.origin === window.location.origin && !link.target && !link.download;
    const within = link.hash !== "" && link.pathname === window.location.pathname;
    if (here && !within && !event.defaultPrevented && !event.metaKey && !event.ctrlKey && !event.shiftKey) go();
  });
  document.addEventListener("submit", (event) => {
    if (event.target instanceof HTMLFormElement && event.target.method === "get" && !event.defaultPrevented) go();
  });
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", stop);
}
