import { all, on } from "./dom";
import { account } from "./gate";
import { keptPages, seen } from "./kept";
import { startLeaving } from "./leaving";

const SETTLED_MS = 2_000;

const root = document.documentElement;

/** Phone pages without network: says what one looks at, keeps pages by the service worker, and forgets them at sign-out. */
export function startOffline(): void {
  sayHowItIs();
  if (root.dataset["keptAt"]) refreshKept();
  void listKept();
  for (const part of all("[data-unsent-part]")) part.hidden = !root.dataset["unsent"];
  for (const part of all("[data-slow-part]")) part.hidden = !root.dataset["slow"];
  for (const part of all("[data-off-part]")) part.hidden = Boolean(root.dataset["slow"]);
  on("click", "[data-back]", () => history.back());
  startLeaving();
  if ("serviceWorker" in navigator) window.addEventListener("load", () => window.setTimeout(() => void register(), SETTLED_MS));
}

/** After everything else: the first sight of a page must not wait for what the next one may need. */
async function register(): Promise<void> {
  const first = !navigator.serviceWorker.controller;
  try {
    await navigator.serviceWorker.register("/my/sw.js", { scope: "/my/", updateViaCache: "none" });
    await navigator.serviceWorker.ready;
    // This page came before there was anybody to keep it.
    const here = new URL(window.location.href);
    const since = Date.now();
    if (first && account()) await seen(here, await fetch(here), since);
  } catch {
    // A browser that has none (private windows of some), or no network: pages are as they were without.
  }
}

function sayHowItIs(): void {
  const note = document.querySelector<HTMLElement>("[data-offline]");
  if (document.querySelector("[data-kept-list]")) {
    // It says so itself, and what was asked for opens as soon as it can; a form is not sent by itself.
    if (!root.dataset["unsent"]) window.addEventListener("online", () => window.location.reload());
    return;
  }
  if (!note) return;
  const words = note.querySelector<HTMLElement>("[data-offline-words]");
  const again = note.querySelector<HTMLElement>("[data-offline-again]");
  const made = Number(root.dataset["madeAt"]);
  const show = (): void => {
    const off = !navigator.onLine;
    note.hidden = !off && !made;
    if (again) again.hidden = off || !made;
    if (!words) return;
    if (made) words.textContent = `${off ? "离线" : "刚才网络不通"}，显示 ${moment(made)} 的内容。`;
    else words.textContent = "没有网络，要提交的请联网后再点。";
  };
  window.addEventListener("online", show);
  window.addEventListener("offline", show);
  show();
}

/** "8:02" of today, "3月15日 8:02" of another day. */
function moment(at: number): string {
  const zone = { timeZone: "Asia/Shanghai" } as const;
  const day = (time: number): string => new Date(time).toLocaleDateString("zh-CN", { ...zone, month: "long", day: "numeric" });
  const time = new Date(at).toLocaleTimeString("zh-CN", { ...zone, hour: "numeric", minute: "2-digit" });
  return day(at) === day(Date.now()) ? time : `${day(at)} ${time}`;
}

/** What was said once, and keys that may have been used: not again from the phone's memory. */
function refreshKept(): void {
  for (const item of all(".toast-item")) item.remove();
  for (const field of all<HTMLInputElement>("input[name=key]")) field.value = crypto.randomUUID();
}

/** The pages that can be opened (`[data-kept-list]` of the page that stands in for those that cannot). */
async function listKept(): Promise<void> {
  const list = document.querySelector<HTMLElement>("[data-kept-list]");
  if (!list || !("caches" in window)) return;
  const lines = (await keptPages()).map(async ({ address, answer, madeAt }) => {
    const link = document.createElement("a");
    link.className = "card row";
    link.href = address;
    const title = document.createElement("b");
    title.textContent = /<title>([^<]*)/.exec(await answer.text())?.[1]?.split(" · ")[0]?.trim() ?? address;
    const time = document.createElement("span");
    time.className = "muted";
    time.textContent = moment(madeAt);
    link.append(title, time);
    return link;
  });
  list.replaceChildren(...(await Promise.all(lines)));
  for (const part of all("[data-kept-any]")) part.hidden = lines.length === 0;
  for (const part of all("[data-kept-none]")) part.hidden = lines.length > 0;
}
