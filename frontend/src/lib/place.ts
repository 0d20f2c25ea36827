import { all, on } from "./dom";
import { passFrom, sayNext } from "./gate";
import { forget, keep, kept, nextSequence, upload } from "./queue";
import { toast } from "./toast";

const WAIT_MS = 8_000;

/** When this page was made by the server's clock, and what the phone's two clocks said then. */
const opened = { wall: Date.now(), steady: performance.now() };
const passes = new Map<HTMLFormElement, string>();

/**
 * Signing in at class (`form[data-sign-in]`): asks the phone where it is, keeps the sign-in on the phone, then sends it through the
 * gate or, where the gate is not there, to the page's own server. Without network it waits on the phone, visibly, and is
 * sent once when the network is back. Its time is the server's at page load plus what has passed since.
 */
export function startSignIn(): void {
  on("submit", "form[data-sign-in]", (form, event) => {
    if (!(form instanceof HTMLFormElement)) return;
    event.preventDefault();
    void sign(form);
  });
  on("click", "[data-queue-forget]", (button) => forget(button.dataset["queueForget"] ?? ""));
  document.addEventListener("zl:queue", show);
  window.addEventListener("online", () => void flush());
  // The pass proves who signs in for what, also when the upload comes after the sign-in to the platform has ended.
  for (const form of all<HTMLFormElement>("form[data-sign-in]")) {
    const address = form.dataset["gatePass"];
    if (address && navigator.onLine) void passFrom(address).then((pass) => pass && passes.set(form, pass));
  }
  show();
  if (navigator.onLine) void flush();
}

async function sign(form: HTMLFormElement): Promise<void> {
  note(form, "正在定位，请稍等……");
  const place = await locate();
  const fields: Record<string, string> = {
    longitude: place?.coords.longitude.toFixed(6) ?? "",
    latitude: place?.coords.latitude.toFixed(6) ?? "",
    datum: value(form, "datum") || "wgs84",
    code: value(form, "code"),
    ...clocks(form),
    sequence: String(nextSequence()),
    ...(place ? { accuracy: String(Math.round(place.coords.accuracy)) } : {}),
  };
  const { longitude, latitude, datum, code, signed_at, ...phone } = fields;
  const attendance = form.dataset["attendance"];
  const key = value(form, "key");
  keep({
    key,
    action: form.action,
    fields,
    passUrl: form.dataset["gatePass"] ?? "",
    ...(passes.has(form) ? { pass: passes.get(form) as string } : {}),
    ...(attendance && form.dataset["gatePass"]
      ? {
          body: {
            attendance_id: attendance,
            longitude: longitude || null,
            latitude: latitude || null,
            datum: datum ?? "wgs84",
            signed_at: Number(signed_at),
            code: code ?? "",
            phone,
          },
        }
      : {}),
    title: form.dataset["title"] ?? "签到",
  });
  if (!navigator.onLine) return waiting(form);
  await flush(form);
}

/** The server's time now, and what tells whether the phone's clock was moved since the page was opened. */
function clocks(form: HTMLFormElement): Record<string, string> {
  const made = Number(form.dataset["now"] ?? opened.wall);
  const steady = performance.now() - opened.steady;
  // The steady clock stops while some phones sleep, the other one may be put back: the later of the two is right.
  const elapsed = Math.round(Math.max(steady, Date.now() - opened.wall));
  return {
    signed_at: String(Math.floor((made + elapsed) / 1000)),
    phone_at: String(Math.floor(Date.now() / 1000)),
    skew_ms: String(Math.round(opened.wall - made)),
    elapsed_ms: String(elapsed),
  };
}

async function flush(form?: HTMLFormElement): Promise<void> {
  const mine = form ? value(form, "key") : "";
  let decided = false;
  await upload((entry, taken) => {
    if (entry.key !== mine || !form) {
      toast(taken ? `${entry.title}：没网时的签到已上传。` : `${entry.title}：没网时的签到没有被受理，请看说明。`);
      return;
    }
    decided = true;
    if (!taken) {
      forget(entry.key);
      note(form, entry.refused ?? "");
      renew(form);
      return;
    }
    sayNext(String(taken["says"] ?? spoken(form, taken)));
    window.location.assign(form.dataset["done"] ?? window.location.href);
  });
  if (form && !decided) waiting(form);
}

/** What a sign-in came to, in the words the page brought along. */
function spoken(form: HTMLFormElement, taken: Record<string, unknown>): string {
  const words = JSON.parse(form.dataset["words"] ?? "{}") as Record<string, string>;
  const flags = Array.isArray(taken["flags"]) ? taken["flags"].map((flag) => words[String(flag)] ?? "").filter(Boolean) : [];
  const state = words[String(taken["state"])] ?? "";
  return flags.length && taken["state"] !== "absent" ? `${state}${flags.join("、")}，老师会核对。` : state;
}

function waiting(form: HTMLFormElement): void {
  note(form, "没有网络，签到已存在手机里。联网后打开这一页会自动上传，时间按现在算；不用再点。");
  renew(form);
}

/** A further attempt on the same page is another one. */
function renew(form: HTMLFormElement): void {
  const field = form.elements.namedItem("key");
  if (field instanceof HTMLInputElement) field.value = crypto.randomUUID();
  // The guard against double clicks frees a form after a request of htmx.
  form.dispatchEvent(new CustomEvent("htmx:afterRequest", { bubbles: true }));
}

/** The queue on the page (`[data-queue]`): how many wait, each with its lesson; what was refused, with why. */
function show(): void {
  for (const box of all("[data-queue]")) {
    const entries = kept();
    box.hidden = entries.length === 0;
    const waits = entries.filter((one) => !one.refused).length;
    for (const line of all("[data-queue-count]", box)) {
      line.textContent = waits ? `手机里存着 ${waits} 次签到，还没有上传` : "有签到没有被受理";
    }
    for (const list of all("[data-queue-list]", box)) list.replaceChildren(...entries.map(item));
  }
}

function item(entry: ReturnType<typeof kept>[number]): HTMLLIElement {
  const line = document.createElement("li");
  const at = new Date(Number(entry.fields["signed_at"]) * 1000);
  const time = at.toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Shanghai" });
  line.textContent = `${entry.title}，${time} 签到${entry.refused ? `。${entry.refused}` : ""}`;
  if (entry.refused) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-ghost btn-sm";
    button.textContent = "知道了";
    button.dataset["queueForget"] = entry.key;
    line.append(" ", button);
  }
  return line;
}

function locate(): Promise<GeolocationPosition | undefined> {
  return new Promise((resolve) => {
    if (!("geolocation" in navigator)) return resolve(undefined);
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

function note(form: HTMLFormElement, text: string): void {
  for (const line of all("[data-sign-in-note]", form)) line.textContent = text;
}
