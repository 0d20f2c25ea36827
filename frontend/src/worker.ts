import { startCommon } from "./lib/common";
import { startOfflineNote } from "./lib/offline";
import { startQr } from "./lib/qr";

startCommon();
startOfflineNote();
startQr();
