import { elapsed } from "./clock";
import { all, on, whenever } from "./dom";

const GRACE_MS = 5_000;
const CIRCUMFERENCE = 2 * Math.PI * 20;

/**
 * A QR code with a countdown ring (`data-qr`, `data-seconds`) and a full-screen view. When the time is up (`data-early` seconds
 * before, so that a slow network leaves no gap) the code is fetched anew by its own `hx-trigger="zl:expired"`; one that could not
 * be is covered and says so (`data-qr-stale`). The screen is kept awake while the code is full screen.
 */
export function startQr(): void {
  whenever((root) => {
    const inside = all("[data-qr]", root);
    if (root instanceof HTMLElement && root.matches("[data-qr]")) inside.push(root);
    // A page from the phone's own memory brings a code that is as old as the page.
    const age = root === document ? elapsed() : 0;
    for (const box of inside) {
      if (box.dataset["ticking"] === undefined) tick(box, age);
      // The page stands on a slow network seconds before its script does: until then the button could not answer.
      for (const button of all<HTMLButtonElement>("[data-qr-full]", box)) button.disabled = false;
    }
  });
  window.addEventListener("online", () => all(".qr-stale").forEach(fetchAnew));
  on("click", "[data-qr-again]", (button) => {
    const box = button.closest<HTMLElement>("[data-qr]");
    if (box) fetchAnew(box);
  });
  on("click", "[data-qr-full]", (button) => {
    const box = button.closest<HTMLElement>(".qr");
    if (!box) return;
    const full = box.classList.toggle("qr-full");
    button.setAttribute("aria-pressed", String(full));
    button.textContent = full ? "退出全屏" : "放大出示";
    void wake(full);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.querySelector<HTMLElement>(".qr-full [data-qr-full]")?.click();
  });
}

function fetchAnew(box: HTMLElement): void {
  box.dispatchEvent(new CustomEvent("zl:expired", { bubbles: true }));
}

function tick(box: HTMLElement, age: number): void {
  const seconds = Number(box.dataset["seconds"] ?? 0);
  const early = Number(box.dataset["early"] ?? 0);
  const ring = box.querySelector<SVGCircleElement>(".left");
  const text = box.querySelector<SVGTextElement>("text");
  if (!seconds || !ring) return;
  box.dataset["ticking"] = "";
  const end = Date.now() - age + seconds * 1000;
  let asked = false;
  ring.style.strokeDasharray = String(CIRCUMFERENCE);
  const look = (): void => {
    if (!box.isConnected) return window.clearInterval(timer);
    const left = Math.max(0, (end - Date.now()) / 1000);
    ring.style.strokeDashoffset = String(CIRCUMFERENCE * (1 - left / seconds));
    if (text) text.textContent = String(Math.ceil(left));
    if (left <= early && !asked && (navigator.onLine || left === 0)) {
      asked = true;
      fetchAnew(box);
    }
    if (left > 0) return;
    window.clearInterval(timer);
    // One that is asked for only now (it changes at a fixed moment) is given the time to come.
    window.setTimeout(() => box.isConnected && cover(box, end), early ? 0 : GRACE_MS);
  };
  const timer = window.setInterval(look, 250);
  look();
}

/** A code whose time is up must not look like one that is good. */
function cover(box: HTMLElement, end: number): void {
  box.classList.add("qr-stale");
  const time = new Date(end).toLocaleTimeString("zh-CN", { hour: "numeric", minute: "2-digit", timeZone: "Asia/Shanghai" });
  for (const line of all("[data-qr-stale]", box)) {
    line.hidden = false;
    for (const words of all("[data-qr-stale-at]", line)) words.textContent = time;
  }
}

let lock: WakeLockSentinel | undefined;

async function wake(on: boolean): Promise<void> {
  try {
    if (on) lock = await navigator.wakeLock?.request("screen");
    else await lock?.release();
  } catch {
    // A phone that refuses (low battery) simply dims as usual.
  }
}
