import { elapsed } from "./clock";
import { all } from "./dom";

const LOOK_MS = 5_000;

/**
 * What stands only during a part of a session (`[data-phases]` with the server's `data-now` and the window's bounds, in
 * milliseconds): its `[data-phase]` parts come and go by the clock, also on a page that was opened before or without network.
 */
export function startPhases(): void {
  for (const box of all("[data-phases]")) {
    const { now, opens, late, closes } = box.dataset;
    const look = (): void => {
      const at = Number(now) + elapsed();
      const phase = at < Number(opens) ? "before" : at <= Number(late) ? "open" : at <= Number(closes) ? "late" : "over";
      if (box.dataset["phases"] === phase) return;
      box.dataset["phases"] = phase;
      box.classList.toggle("card-next", phase === "open" || phase === "late");
      for (const part of all("[data-phase]", box)) part.hidden = !(part.dataset["phase"] ?? "").split(" ").includes(phase);
    };
    look();
    window.setInterval(look, LOOK_MS);
    document.addEventListener("visibilitychange", look);
  }
}
