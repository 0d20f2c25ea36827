import { startCommon } from "./lib/common";
import { startRows } from "./lib/rows";

startCommon();
startRows();
