import { startCitations } from "./cite";
import { startDisplay } from "./display";
import { startHtmx } from "./htmx";
import { startAutosubmit } from "./nav";
import { startSubmitGuard } from "./submit";
import { startToasts } from "./toast";

/** What every face has. */
export function startCommon(): void {
  startHtmx();
  startSubmitGuard();
  startToasts();
  startCitations();
  startDisplay();
  startAutosubmit();
}
