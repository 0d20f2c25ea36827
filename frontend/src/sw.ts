/**
 * The service worker of the worker's phone pages: opens them without network, and sends waiting sign-ins after they were closed.
 * Pages come from the network; only where that fails, the one kept is shown, marked with its time (docs/decisions/0019).
 */
import { keptPage, keptPages, seen } from "./lib/kept";
import { QUEUE, type Settled, upload } from "./lib/queue";

declare const self: ServiceWorkerGlobalScope;
/** Put in by the build: what every phone page needs. */
declare const SHELL_FILES: string[];
/** Not in every browser, and so not in the standard types. */
type SyncEvent = ExtendableEvent & { tag: string };

const SHELL = "zl-shell";
const OFFLINE_PAGE = "/my/offline/";
const BUILT = "/static/dist/";
const NAMED_BY_CONTENT = "/static/dist/assets/";
// A page that is kept is shown when the network has not answered by then; slow 3G needs about two seconds.
const PATIENCE_MS = 6_000;
// One that is not kept, and a form: longer, for a rush may be what keeps it. Then there is at least a way out.
const LAST_MS = 30_000;

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("sync", (event) => {
  const woken = event as SyncEvent;
  if (woken.tag === QUEUE) woken.waitUntil(sendWaiting());
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (address.origin !== self.location.origin) return;
  if (request.method === "GET" && address.pathname.startsWith(BUILT)) event.respondWith(builtFile(request));
  else if (request.mode === "navigate" && request.method === "GET") event.respondWith(page(event, address));
  else if (request.mode === "navigate" && !carriesFile(request)) event.respondWith(form(request));
});

async function install(): Promise<void> {
  const shell = await caches.open(SHELL);
  for (const file of SHELL_FILES) {
    if (file.startsWith(NAMED_BY_CONTENT) && (await shell.match(file))) continue;
    await shell.add(new Request(file, { credentials: "omit" }));
  }
  // Without the visitor's cookies: it is nobody's page.
  const standIn = await fetch(OFFLINE_PAGE, { credentials: "omit", cache: "no-cache" });
  if (!standIn.ok || standIn.redirected) throw new Error("no stand-in page");
  await shell.put(OFFLINE_PAGE, standIn);
  await self.skipWaiting();
}

/** Files of an earlier build go, but for those that a kept page was made with. */
async function activate(): Promise<void> {
  const needed = new Set([OFFLINE_PAGE, ...SHELL_FILES]);
  for (const one of await keptPages()) {
    for (const [file] of (await one.answer.text()).matchAll(/\/static\/dist\/[\w./-]+/g)) needed.add(file);
  }
  const shell = await caches.open(SHELL);
  for (const request of await shell.keys()) {
    if (!needed.has(new URL(request.url).pathname)) await shell.delete(request);
  }
  await self.registration.navigationPreload?.enable();
  await self.clients.claim();
}

async function builtFile(request: Request): Promise<Response> {
  const shell = await caches.open(SHELL);
  const found = await shell.match(request, { ignoreVary: true });
  if (found) return found;
  const answer = await fetch(request);
  if (answer.ok && new URL(request.url).pathname.startsWith(NAMED_BY_CONTENT)) await shell.put(request, answer.clone());
  return answer;
}

async function page(event: FetchEvent, address: URL): Promise<Response> {
  const since = Date.now();
  const asked = network(event);
  // Registered before the answer is handed on: its copy must be taken from an unread one.
  event.waitUntil(asked.then((answer) => seen(address, answer.clone(), since)).catch(() => undefined));
  const kept = await keptPage(address.pathname);
  try {
    const answer = await Promise.race([asked, patience(kept ? PATIENCE_MS : LAST_MS)]);
    if (!kept || (answer.status !== 502 && answer.status !== 503 && answer.status !== 504)) return answer;
  } catch {
    // No network, or none worth the name.
  }
  if (kept) return marked(kept.answer, { "kept-at": kept.keptAt, "made-at": kept.madeAt });
  return scanned(address) ?? offline(slow());
}

async function network(event: FetchEvent): Promise<Response> {
  return ((await event.preloadResponse) as Response | undefined) ?? fetch(event.request);
}

function patience(milliseconds: number): Promise<never> {
  return new Promise((_, reject) => setTimeout(() => reject(new Error("slow")), milliseconds));
}

/** A photo of eight megabytes takes minutes on slow 3G, and is under way all the while: the browser shows that itself. */
function carriesFile(request: Request): boolean {
  return (request.headers.get("Content-Type") ?? "").startsWith("multipart/");
}

/** A form to which no answer comes: said in our words, and the way back to it, where what was typed still stands. */
async function form(request: Request): Promise<Response> {
  try {
    return await Promise.race([fetch(request), patience(LAST_MS)]);
  } catch {
    return offline({ unsent: 1, ...slow() });
  }
}

/** Marks a network that is there but does not bring the page. */
function slow(): Record<string, number> {
  return self.navigator.onLine ? { slow: 1 } : {};
}

/** The class code that the phone's own camera opened goes to the kept sign-in page, which puts it into the queue. */
function scanned(address: URL): Response | undefined {
  const code = /^\/my\/c\/([^/]+)\/$/.exec(address.pathname)?.[1];
  return code ? Response.redirect(`/my/scan/#${code}`) : undefined;
}

async function offline(marks: Record<string, number>): Promise<Response> {
  const shell = await caches.open(SHELL);
  const found = await shell.match(OFFLINE_PAGE);
  return found ? marked(found, marks, 503) : Response.error();
}

/** The page with what its script is to know, as data attributes of its root. */
async function marked(answer: Response, marks: Record<string, number>, status = 200): Promise<Response> {
  const said = Object.entries(marks).map(([name, value]) => `data-${name}="${value}" `).join("");
  const text = (await answer.text()).replace("<html ", `<html ${said}`);
  const headers = new Headers(answer.headers);
  headers.delete("Content-Encoding");
  headers.delete("Content-Length");
  return new Response(text, { status, headers });
}

/** Woken by the browser when the network is back, perhaps with no page open. Rejects while something waits: then it asks again. */
async function sendWaiting(): Promise<void> {
  const channel = new BroadcastChannel(QUEUE);
  const all = await upload({ account: "", csrf: "" }, (settled: Settled) => channel.postMessage(settled));
  channel.close();
  if (!all) throw new Error("something waits");
}
