import { startCommon } from "./lib/common";
import { startDrop } from "./lib/drop";
import { startDrawer } from "./lib/nav";
import { startQr } from "./lib/qr";
import { startReader } from "./lib/reader";
import { startReviewKeys } from "./lib/review";
import { startRows } from "./lib/rows";
import { startScan } from "./lib/scan";

startCommon();
startDrawer();
startDrop();
startReviewKeys();
startRows();
startQr();
startReader();
startScan();
