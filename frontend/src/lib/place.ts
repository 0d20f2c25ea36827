import { all, on } from "./dom";
import { toast } from "./toast";

const WAIT_MS = 8_000;
const QUEUE = "zl-sign-ins";

type Waiting = { action: string; fields: [string, string][] };

/**
 * Signing in at class (`form[data-sign-in]`): asks the phone where it is, then sends the form as it would have gone anyway.
 * Without a place it goes without one. Without network the sign-in waits on the phone, with its own time and key, and is
 * sent once when the network is back; the key keeps it from counting twice.
 */
export function startSignIn(): void {
  on("submit", "form[data-sign-in]", (form, event) => {
    if (!(form instanceof HTMLFormElement) || form.dataset["placed"] !== undefined) return;
    event.preventDefault();
    note(form, "正在定位，请稍等……");
    void locate().then((place) => {
      set(form, "longitude", place?.coords.longitude.toFixed(6) ?? "");
      set(form, "latitude", place?.coords.latitude.toFixed(6) ?? "");
      set(form, "signed_at", String(Math.floor(Date.now() / 1000)));
      form.dataset["placed"] = "";
      if (navigator.onLine) form.requestSubmit();
      else keep(form);
    });
  });
  window.addEventListener("online", () => void upload());
  if (navigator.onLine) void upload();
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

function set(form: HTMLFormElement, name: string, value: string): void {
  const field = form.elements.namedItem(name);
  if (field instanceof HTMLInputElement) field.value = value;
}

function note(form: HTMLFormElement, text: string): void {
  for (const line of all("[data-sign-in-note]", form)) line.textContent = text;
}

function waiting(): Waiting[] {
  return JSON.parse(localStorage.getItem(QUEUE) ?? "[]") as Waiting[];
}

function keep(form: HTMLFormElement): void {
  const fields = [...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken");
  const entry: Waiting = { action: form.action, fields: fields.map(([name, value]) => [name, String(value)]) };
  localStorage.setItem(QUEUE, JSON.stringify([...waiting(), entry]));
  note(form, "没有网络，签到已存在手机里。联网后请打开这一页，会自动上传，时间按现在算。");
}

async function upload(): Promise<void> {
  const token = document.querySelector<HTMLInputElement>("input[name=csrfmiddlewaretoken]")?.value;
  if (!token) return;
  for (const entry of waiting()) {
    const body = new URLSearchParams([...entry.fields, ["csrfmiddlewaretoken", token]]);
    try {
      const answer = await fetch(entry.action, { method: "POST", body });
      if (answer.status >= 500 || answer.status === 403) return;
      toast(answer.ok ? "没网时的签到已上传。" : "没网时的签到没有被受理，请找老师核对。");
    } catch {
      return;
    }
    localStorage.setItem(QUEUE, JSON.stringify(waiting().slice(1)));
  }
}
