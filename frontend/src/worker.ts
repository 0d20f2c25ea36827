import { startCommon } from "./lib/common";
import { startOfflineNote } from "./lib/offline";
import { startSignIn } from "./lib/place";
import { startQr } from "./lib/qr";

startCommon();
startOfflineNote();
startQr();
startSignIn();
