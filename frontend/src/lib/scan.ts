import { all, on } from "./dom";

/**
 * Scanning with the camera (`[data-scan]` with a button, a video and the form field that takes the text). The decoder is
 * fetched only when somebody scans. Typing stays possible everywhere: not every phone has a camera that is let in.
 */
export function startScan(): void {
  on("click", "[data-scan-start]", (button) => {
    const box = button.closest<HTMLElement>("[data-scan]");
    if (!(button instanceof HTMLButtonElement) || !box || button.disabled) return;
    button.disabled = true;
    void scan(box).finally(() => (button.disabled = false));
  });
}

async function scan(box: HTMLElement): Promise<void> {
  const video = box.querySelector("video");
  const field = box.querySelector<HTMLInputElement>("[data-scan-into]");
  if (!video || !field || (video.srcObject instanceof MediaStream && video.srcObject.active)) return;
  let stream: MediaStream;
  say(box, "正在打开相机。手机问能不能用相机时，请点“允许”。");
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    return say(box, "打不开相机。请允许使用相机，或者在下面输入。");
  }
  const decode = await import("jsqr").then(({ default: found }) => found, () => undefined);
  if (!decode) {
    stop(stream);
    return say(box, "扫码功能没有加载出来。请刷新再试，或者在下面输入。");
  }
  video.srcObject = stream;
  video.hidden = false;
  try {
    await video.play();
  } catch {
    stop(stream);
    video.hidden = true;
    return say(box, "打不开相机。请再试一次，或者在下面输入。");
  }
  say(box, "把二维码对准画面中间。");
  const canvas = document.createElement("canvas");
  const picture = canvas.getContext("2d", { willReadFrequently: true });
  const look = (): void => {
    if (!picture || !video.isConnected || !stream.active) return stop(stream);
    canvas.width = Math.min(640, video.videoWidth);
    canvas.height = Math.round((canvas.width * video.videoHeight) / Math.max(1, video.videoWidth));
    if (canvas.width && canvas.height) {
      picture.drawImage(video, 0, 0, canvas.width, canvas.height);
      const seen = decode(picture.getImageData(0, 0, canvas.width, canvas.height).data, canvas.width, canvas.height);
      if (seen?.data) {
        // A class code is an address for phones whose own camera scans it.
        field.value = seen.data.split("/c/").pop()?.replace(/\/$/, "") ?? "";
        stop(stream);
        video.hidden = true;
        say(box, "扫到了。");
        return field.form?.requestSubmit();
      }
    }
    window.setTimeout(look, 150);
  };
  look();
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

function say(box: HTMLElement, text: string): void {
  for (const line of all("[data-scan-note]", box)) line.textContent = text;
}
