import { startCommon } from "./lib/common";
import { startGateForms } from "./lib/gate";
import { startLesson } from "./lib/lesson";
import { startOfflineNote } from "./lib/offline";
import { startSignIn } from "./lib/place";
import { startQr } from "./lib/qr";
import { startScan } from "./lib/scan";

startCommon();
startOfflineNote();
startGateForms();
startQr();
startSignIn();
startScan();
startLesson();
