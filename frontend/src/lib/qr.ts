import { all, on, whenever } from "./dom";

const CIRCUMFERENCE = 2 * Math.PI * 20;

/**
 * A QR code with a countdown ring (`data-qr`, `data-seconds`) and a full-screen view. When the time is up the code is
 * fetched anew by its own `hx-trigger="zl:expired"`; the screen is kept awake while the code is full screen.
 */
export function startQr(): void {
  whenever((root) => {
    const inside = all("[data-qr]", root);
    if (root instanceof HTMLElement && root.matches("[data-qr]")) inside.push(root);
    for (const box of inside) if (box.dataset["ticking"] === undefined) tick(box);
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

function tick(box: HTMLElement): void {
  const seconds = Number(box.dataset["seconds"] ?? 0);
  const ring = box.querySelector<SVGCircleElement>(".left");
  const text = box.querySelector<SVGTextElement>("text");
  if (!seconds || !ring) return;
  box.dataset["ticking"] = "";
  const end = Date.now() + seconds * 1000;
  ring.style.strokeDasharray = String(CIRCUMFERENCE);
  const timer = window.setInterval(() => {
    if (!box.isConnected) return window.clearInterval(timer);
    const left = Math.max(0, (end - Date.now()) / 1000);
    ring.style.strokeDashoffset = String(CIRCUMFERENCE * (1 - left / seconds));
    if (text) text.textContent = String(Math.ceil(left));
    if (left > 0) return;
    window.clearInterval(timer);
    delete box.dataset["ticking"];
    box.dispatchEvent(new CustomEvent("zl:expired", { bubbles: true }));
  }, 250);
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
