import { startCommon } from "./lib/common";
import { startDrop } from "./lib/drop";
import { startDrawer } from "./lib/nav";
import { startQr } from "./lib/qr";
import { startReviewKeys } from "./lib/review";
import { startRows } from "./lib/rows";

startCommon();
startDrawer();
startDrop();
startReviewKeys();
startRows();
startQr();
