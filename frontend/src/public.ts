import { startCheck } from "./lib/check";
import { startCommon } from "./lib/common";
import { startSignedOut } from "./lib/leaving";
import { startRows } from "./lib/rows";

startCommon();
startRows();
startCheck();
startSignedOut();
