/** Host commands: what keys, menus and the track tool ask of the host, and what comes of it. */

import { findPath } from "../document/items.js";
import { followedText } from "../document/locks.js";
import * as ops from "../document/operations.js";
import { positionAt } from "../geometry/curves.js";
import { t } from "../locale.js";
import { frameAt } from "./player.js";

/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("../geometry/viewport.js").XY} XY */

/**
 * Adds the paths of what lies at these places of the frame shown, in place of the paths `replaced`.
 * @type {(editor: Editor, places: XY[], replaced?: string[]) => Promise<void>}
 */
export async function trackPlaces(editor, places, replaced = []) {
    const frame = frameAt(editor.time);
    editor.player.pause();
    const paths = await editor.host.track(places, frame);
    if (!paths) return;
    if (!paths.length) return editor.say(t`It was lost at once: click where there is more to see.`);
    const base = ops.remove(editor.session.doc, { ...ops.NOTHING, paths: replaced });
    const { doc, selection } = ops.insert(base, { ...editor.doc, paths, regions: [] });
    editor.commit(doc, t`track`);
    editor.select(selection);
    const followed = followedText(base, { ...ops.NOTHING, paths: replaced });
    if (followed) editor.say(followed);
}

/** @type {Record<string, (editor: Editor) => void>} */
export const HOST_COMMANDS = {
    "track-selected"(editor) {
        const { doc, selection } = editor;
        const paths = selection.paths.flatMap((id) => findPath(doc, id) ?? []);
        if (!paths.length) return editor.say(t`Select an anchor or a path: what lies there now is followed.`);
        trackPlaces(editor, paths.map((path) => positionAt(path, doc, frameAt(editor.time))), selection.paths);
    },
    "save-frame": (editor) => editor.host.saveFrame(frameAt(editor.time)),
    "paint-frame": (editor) => editor.host.paintFrame(),
    "first-frame": (editor) => editor.frameMenu.open(),
};
