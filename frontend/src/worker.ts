import { startCommon } from "./lib/common";
import { startGateForms } from "./lib/gate";
import { startGoing } from "./lib/going";
import { startLesson } from "./lib/lesson";
import { startOffline } from "./lib/offline";
import { startPhases } from "./lib/phases";
import { startSignIn } from "./lib/place";
import { startQr } from "./lib/qr";
import { startScan } from "./lib/scan";

startOffline();
startCommon();
startGoing();
startGateForms();
startQr();
startPhases();
startSignIn();
startScan();
startLesson();
