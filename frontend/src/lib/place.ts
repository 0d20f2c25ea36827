import { passFor } from "./calls";
import { elapsed, skew, arrivedAt } from "./clock";
import { all, on } from "./dom";
import { account, csrfToken, gateAddress, sayNext } from "./gate";
import { fits, forget, keep, keepPass, kept, keptPass, type Kept, QUEUE, type Settled, upload } from "./queue";
import { type Said, signatureOf, signer } from "./signer";
import { toast } from "./toast";

const WAIT_MS = 8_000;
// The phone's own limit begins only once somebody has answered whether the place may be used.
const ASKED_MS = 12_000;
const DAY_MS = 86_400_000;
const AGAIN_MS = 20_000;
const SEQUENCE = "zl-sequence";

/** What became of sign-ins, told by other tabs and the service worker; and what this tab tells them. */
const others = "BroadcastChannel" in window ? new BroadcastChannel(QUEUE) : undefined;
let again = 0;
let inHand: HTMLFormElement | undefined;
let signing = false;

/**
 * Signing in at class (`form[data-sign-in]`): asks the phone where it is, keeps the sign-in on the phone, then sends it through the
 * gate or, where the gate is not there, to the page's own server. Without network it waits on the phone, visibly, and is
 * sent once when the network is back. Its time is the server's at page load plus what has passed since.
 */
export function startSignIn(): void {
  on("submit", "form[data-sign-in]", (form, event) => {
    if (!(form instanceof HTMLFormElement)) return;
    event.preventDefault();
    // One at a time: a second one of the same key would be another body.
    if (!signing) void sign(form);
  });
  on("click", "[data-queue-forget]", (button) => void forget(button.dataset["queueForget"] ?? "").then(changed));
  window.addEventListener("online", () => void flush());
  others?.addEventListener("message", (event) => {
    const said = event.data as Settled | null;
    if (said) settled(said);
    void show();
  });
  takeScan();
  for (const form of all<HTMLFormElement>("form[data-sign-in]")) void fetchPass(form);
  void show();
  if (navigator.onLine) void flush();
}

/** The pass proves who signs in for what, and by which phone's key, also when the upload comes after the sign-in to the platform has ended. */
async function fetchPass(form: HTMLFormElement): Promise<void> {
  const address = form.dataset["gatePass"] ?? "";
  const soon = Number(form.dataset["opens"] ?? 0) - madeAt(form) - elapsed() < DAY_MS;
  if (!gateAddress() || !navigator.onLine || !soon || (await keptPass(address))) return;
  const key = await signer();
  const pass = await passFor(address, csrfToken(), key ? { signer: key } : {});
  if (pass) await keepPass(address, pass, key);
}

/** The code that the phone's own camera opened without network (`#CODE`, from the service worker). */
function takeScan(): void {
  const code = window.location.hash.slice(1);
  const field = document.querySelector<HTMLInputElement>("[data-scan-into]");
  if (!code || !field) return;
  history.replaceState(null, "", window.location.pathname);
  field.value = decodeURIComponent(code);
  for (const line of all("[data-scan-note]")) line.textContent = "课堂码扫到了。点“用这个码签到”，先存在手机里，联网后上传。";
}

/** Ends in sent, waiting or said to have failed: never in a button that stays busy. */
async function sign(form: HTMLFormElement): Promise<void> {
  signing = true;
  try {
    await signHere(form);
  } catch {
    inHand = undefined;
    note(form, "这次签到没有存下，也没有送出。请再点一次；还不行，请找老师登记。", true);
    free(form);
  }
  signing = false;
}

async function signHere(form: HTMLFormElement): Promise<void> {
  note(form, "正在定位。手机问能不能用位置时，请点“允许”；十几秒定不了位，会先不带位置签到。");
  const place = await locate();
  const attendance = form.dataset["attendance"] ?? "";
  const fields: Record<string, string> = {
    longitude: place?.coords.longitude.toFixed(6) ?? "",
    latitude: place?.coords.latitude.toFixed(6) ?? "",
    datum: value(form, "datum") || "wgs84",
    code: value(form, "code").trim(),
    ...clocks(form),
    sequence: String(nextSequence()),
    ...(place ? { accuracy: String(Math.round(place.coords.accuracy)) } : {}),
  };
  const { longitude, latitude, datum, code, signed_at, ...phone } = fields;
  const passUrl = form.dataset["gatePass"] ?? "";
  const key = value(form, "key");
  const said: Said = {
    attendance_id: attendance,
    longitude: longitude || null,
    latitude: latitude || null,
    datum: datum ?? "wgs84",
    signed_at: Number(signed_at),
    code: code ?? "",
  };
  const held = await keptPass(passUrl);
  const signed = await signatureOf(key, said);
  const stays = await keep({
    key,
    account: account(),
    attendance,
    action: form.action,
    fields,
    csrf: csrfToken(),
    gate: gateAddress() && new URL(gateAddress(), window.location.href).href,
    passUrl,
    ...(held ? { pass: held.pass } : {}),
    ...(attendance && passUrl ? { body: { ...said, phone } } : {}),
    ...(signed && (!held || fits(held, signed)) ? { signed } : {}),
    title: form.dataset["title"] ?? "签到",
  });
  inHand = form;
  // It is kept: what fails from here on is tried again.
  if (navigator.onLine) note(form, stays ? "已存在手机里，正在上传……" : "正在上传……");
  if (navigator.onLine) await flush().catch(() => undefined);
  // Still undecided: it waits.
  if (inHand === form) {
    inHand = undefined;
    free(form);
    if (!stays) toast("这部手机存不下签到：上传之前请不要关掉这一页。");
    await wakeLater();
  }
  await changed();
}

/** The server's time now, and what tells whether the phone's clock was moved since the page was opened. */
function clocks(form: HTMLFormElement): Record<string, string> {
  const made = madeAt(form);
  return {
    signed_at: String(Math.floor((made + elapsed()) / 1000)),
    phone_at: String(Math.floor(Date.now() / 1000)),
    skew_ms: String(skew(made)),
    elapsed_ms: String(elapsed()),
  };
}

function madeAt(form: HTMLFormElement): number {
  return Number(form.dataset["now"] ?? arrivedAt());
}

/** Which of this phone's sign-ins the next one is. */
function nextSequence(): number {
  const next = Number(localStorage.getItem(SEQUENCE) ?? 0) + 1;
  localStorage.setItem(SEQUENCE, String(next));
  return next;
}

async function flush(): Promise<void> {
  const all = await upload({ account: account(), csrf: csrfToken() }, (one) => {
    settled(one);
    others?.postMessage(one);
  });
  await show();
  window.clearTimeout(again);
  // Not all phones at the same moment, when it was the server that did not answer.
  if (!all && navigator.onLine) again = window.setTimeout(() => void flush(), AGAIN_MS * (1 + Math.random()));
}

/** One entry was decided, here, in another tab or by the service worker. */
function settled({ entry, taken }: Settled): void {
  if (entry.account !== account()) return;
  const form = inHand && value(inHand, "key") === entry.key ? inHand : undefined;
  if (!form) {
    const words = taken ? `${entry.title}：手机里存的签到已上传。` : `${entry.title}：手机里存的签到没有被受理，请看说明。`;
    const asks = all<HTMLFormElement>("form[data-sign-in]").find((one) => one.dataset["attendance"] === entry.attendance);
    // A page that still asks for it is out of date.
    if (!taken || !asks) return toast(words);
    sayNext(words);
    window.location.assign(asks.dataset["done"] ?? window.location.href);
    return;
  }
  inHand = undefined;
  if (taken) {
    sayNext(String(taken["says"] ?? spoken(form, taken)));
    window.location.assign(form.dataset["done"] ?? window.location.href);
    return;
  }
  // Said here and now; a further attempt on the same page is another one.
  void forget(entry.key).then(changed);
  note(form, entry.refused ?? "", true);
  free(form);
}

/** What a sign-in came to, in the words the page brought along. */
function spoken(form: HTMLFormElement, taken: Record<string, unknown>): string {
  const words = JSON.parse(form.dataset["words"] ?? "{}") as Record<string, string>;
  const flags = Array.isArray(taken["flags"]) ? taken["flags"].map((flag) => words[String(flag)] ?? "").filter(Boolean) : [];
  const state = words[String(taken["state"])] ?? "";
  return flags.length && taken["state"] !== "absent" ? `${state}${flags.join("、")}，老师会核对。` : state;
}

/** The form may be sent again, under another key. */
function free(form: HTMLFormElement): void {
  const field = form.elements.namedItem("key");
  if (field instanceof HTMLInputElement) field.value = crypto.randomUUID();
  // The guard against double clicks frees a form after a request of htmx.
  form.dispatchEvent(new CustomEvent("htmx:afterRequest", { bubbles: true }));
}

/** Where the browser can, it wakes the service worker when the network is back, and does not clear what waits for want of room. */
async function wakeLater(): Promise<void> {
  try {
    await navigator.storage?.persist?.();
    const worker = await navigator.serviceWorker?.getRegistration("/my/");
    await (worker as (ServiceWorkerRegistration & { sync?: { register(tag: string): Promise<void> } }) | undefined)?.sync?.register(QUEUE);
  } catch {
    // Not given: the next opened page sends it.
  }
}

async function changed(): Promise<void> {
  await show();
  others?.postMessage(null);
}

/** The queue on the page (`[data-queue]`): how many wait, each with its lesson; what was refused, with why. */
async function show(): Promise<void> {
  const entries = (await kept()).filter((one) => one.account === account());
  const waits = entries.filter((one) => !one.refused);
  for (const box of all("[data-queue]")) {
    box.hidden = entries.length === 0;
    for (const line of all("[data-queue-count]", box)) {
      line.textContent = waits.length ? `手机里存着 ${waits.length} 次签到，还没有上传` : "有签到没有被受理";
    }
    for (const list of all("[data-queue-list]", box)) list.replaceChildren(...entries.map(item));
  }
  for (const form of all<HTMLFormElement>("form[data-sign-in]")) {
    const mine = form === inHand ? undefined : waits.find((one) => one.attendance === form.dataset["attendance"]);
    form.classList.toggle("signed-here", Boolean(mine));
    const soon = navigator.onLine ? "平台这会儿忙，过一会儿自动上传" : "联网后自动上传";
    if (mine) note(form, `${clock(mine)} 已签到，存在手机里。${soon}，时间按签到那一刻算，不用再点。`);
  }
}

function item(entry: Kept): HTMLLIElement {
  const line = document.createElement("li");
  line.textContent = `${entry.title}，${clock(entry)} 签到${entry.refused ? `。${entry.refused}` : ""}`;
  if (entry.refused) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-outline";
    button.textContent = "知道了";
    button.dataset["queueForget"] = entry.key;
    line.append(" ", button);
  }
  return line;
}

function clock(entry: Kept): string {
  const at = new Date(Number(entry.fields["signed_at"]) * 1000);
  return at.toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Shanghai" });
}

function locate(): Promise<GeolocationPosition | undefined> {
  return new Promise((resolve) => {
    if (!("geolocation" in navigator)) return resolve(undefined);
    window.setTimeout(() => resolve(undefined), ASKED_MS);
    navigator.geolocation.getCurrentPosition(resolve, () => resolve(undefined), {
      enableHighAccuracy: true,
      timeout: WAIT_MS,
      maximumAge: 30_000,
    });
  });
}

function value(form: HTMLFormElement, name: string): string {
  const field = form.elements.namedItem(name);
  return field instanceof HTMLInputElement ? field.value : "";
}

function note(form: HTMLFormElement, text: string, refused = false): void {
  for (const line of all("[data-sign-in-note]", form)) {
    line.textContent = text;
    line.classList.toggle("refused-words", refused);
  }
}
