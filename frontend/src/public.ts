import { startCheck } from "./lib/check";
import { startCommon } from "./lib/common";
import { startRows } from "./lib/rows";

startCommon();
startRows();
startCheck();
