/** The tool that finds paths: a click on a thing, whose way through the clip becomes a path. */

import { t } from "../locale.js";
import { pointOf } from "./tool.js";

/** @typedef {import("./tool.js").Tool} Tool */

/** @type {Tool} */
export const track = {
    cursor: "crosshair",
    hint: t`Click a thing: it is followed through the clip, and its way becomes a path.`,
    press(board, press) {
        board.track([pointOf(press)]);
        return null;
    },
};
