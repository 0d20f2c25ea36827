import { all, on, whenever } from "./dom";

/**
 * A file field one can drop a file on (`data-drop` around an ordinary file input). Shows name and size, says at once what
 * is wrong with kind or size (`data-max-bytes`, the input's `accept`), and the upload's progress when the form is sent by
 * htmx. Without this script it is a file field and a button.
 */
export function startDrop(): void {
  whenever((root) => {
    for (const zone of all("[data-drop]", root)) zone.classList.add("ready");
  });
  document.addEventListener("dragover", (event) => over(event, true));
  document.addEventListener("dragleave", (event) => over(event, false));
  document.addEventListener("drop", (event) => {
    const zone = over(event, false);
    const input = zone?.querySelector<HTMLInputElement>("input[type=file]");
    const files = event.dataTransfer?.files;
    if (!zone || !input || !files?.length) return;
    input.files = files;
    describe(zone, input);
  });
  on("change", "[data-drop] input[type=file]", (input) => {
    const zone = input.closest<HTMLElement>("[data-drop]");
    if (zone && input instanceof HTMLInputElement) describe(zone, input);
  });
  document.addEventListener("htmx:xhr:progress", (event) => {
    if (!(event.target instanceof Element) || !(event instanceof CustomEvent)) return;
    const bar = event.target.querySelector<HTMLProgressElement>("[data-drop] progress");
    const detail = event.detail as { loaded: number; total: number; lengthComputable: boolean };
    if (!bar || !detail.lengthComputable) return;
    bar.closest("[hidden]")?.removeAttribute("hidden");
    bar.max = detail.total;
    bar.value = detail.loaded;
    const words = bar.parentElement?.querySelector("[data-progress]");
    if (words) words.textContent = detail.loaded < detail.total ? `已上传 ${Math.floor((detail.loaded / detail.total) * 100)} %` : "已上传，正在逐行核对……";
  });
}

function over(event: DragEvent, inside: boolean): HTMLElement | null {
  const zone = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-drop]") : null;
  if (!zone) return null;
  event.preventDefault();
  zone.classList.toggle("over", inside);
  return zone;
}

function describe(zone: HTMLElement, input: HTMLInputElement): void {
  const file = input.files?.[0];
  const name = zone.querySelector<HTMLElement>("[data-name]");
  if (!file || !name) return;
  const max = Number(zone.dataset["maxBytes"] ?? 0);
  const endings = input.accept.split(",").map((part) => part.trim().toLowerCase()).filter((part) => part.startsWith("."));
  let problem = "";
  if (endings.length > 0 && !endings.some((ending) => file.name.toLowerCase().endsWith(ending))) {
    problem = `这里只收 ${endings.join("、")} 文件，您选的是“${file.name}”。请另存为这种格式再上传。`;
  } else if (max > 0 && file.size > max) {
    problem = `文件有 ${size(file.size)}，超过上限 ${size(max)}。请分成几个文件上传。`;
  }
  input.setCustomValidity(problem);
  name.textContent = problem || `${file.name}（${size(file.size)}）`;
  name.classList.toggle("text-red", problem !== "");
}

function size(bytes: number): string {
  return bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
