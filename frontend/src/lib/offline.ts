import { all, on } from "./dom";
import { csrfToken } from "./gate";
import { dropPages, keptPages, seen } from "./kept";
import { forgetPasses } from "./queue";
import { toast } from "./toast";

const ACCOUNT = "zl-account";
const LEAVING = "zl-leaving";
// As long as a session lives: a wish from before it cannot be meant for the next one.
const LEAVING_MS = 8 * 3_600_000;
const SETTLED_MS = 2_000;
const AGAIN_MS = 2_000;

const root = document.documentElement;

/** Whose page this is; "" for nobody's. The server's word, which tells nothing else. */
export function account(): string {
  return document.querySelector<HTMLMetaElement>("meta[name=zl-account]")?.content ?? "";
}

/** Phone pages without network: says what one looks at, keeps pages by the service worker, and forgets them at sign-out. */
export function startOffline(): void {
  sayHowItIs();
  if (root.dataset["keptAt"]) refreshKept();
  void listKept();
  for (const part of all("[data-unsent-part]")) part.hidden = !root.dataset["unsent"];
  on("click", "[data-back]", () => history.back());
  on("submit", "form[data-sign-out]", (form, event) => {
    if (!(form instanceof HTMLFormElement)) return;
    event.preventDefault();
    void signOut(form);
  });
  void finishSignOut();
  window.addEventListener("online", () => void finishSignOut());
  // The page before, brought back by the browser, may be another's by now.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted && account() && localStorage.getItem(ACCOUNT) !== account()) window.location.reload();
  });
  if (account()) localStorage.setItem(ACCOUNT, account());
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
    if (first && account()) await seen(here, await fetch(here));
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

/** What this phone kept of the account goes before the server is told; without network the server is told when it is back. */
async function signOut(form: HTMLFormElement): Promise<void> {
  await forgetAccount();
  if (navigator.onLine) return form.submit();
  localStorage.setItem(LEAVING, JSON.stringify({ action: form.action, account: account(), at: Date.now() }));
  toast("没有网络：这部手机上存的页面已经清掉，联网后会自动退出。退出前请先不要把手机交给别人。");
}

/** Sign-ins that wait stay: they are hours somebody was taught, and hold no name. */
async function forgetAccount(): Promise<void> {
  localStorage.removeItem(ACCOUNT);
  if ("caches" in window) await dropPages();
  await forgetPasses();
}

async function finishSignOut(): Promise<void> {
  const wish = JSON.parse(localStorage.getItem(LEAVING) ?? "null") as { action: string; account: string; at: number } | null;
  // A tab of somebody else's may still be open: it is not his wish.
  if (!wish || !navigator.onLine || wish.account !== account()) return;
  const meant = Date.now() - wish.at < LEAVING_MS;
  try {
    if (meant) {
      await forgetAccount();
      await fetch(wish.action, { method: "POST", body: new URLSearchParams({ csrfmiddlewaretoken: csrfToken() }) });
    }
    localStorage.removeItem(LEAVING);
    if (meant) window.location.replace("/sign-in/");
  } catch {
    // The network was not back after all.
    window.setTimeout(() => void finishSignOut(), AGAIN_MS);
  }
}
