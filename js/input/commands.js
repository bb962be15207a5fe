/** Commands: what the keymap and the buttons run. */

import { freshGroup, grouped, groupsOf, ungrouped } from "../document/groups.js";
import { findArea, findPath, setLocked } from "../document/items.js";
import { keyOn, removeKey, setKey } from "../document/keys.js";
import { followedText, unlockedPart } from "../document/locks.js";
import * as ops from "../document/operations.js";
import { excerpt } from "../document/operations.js";
import { frameRoom, setPointFrame } from "../document/timing.js";
import { pathCurve, positionAt, timeAtLength } from "../geometry/curves.js";
import { centred } from "../geometry/viewport.js";
import { t } from "../locale.js";
import { HOST_COMMANDS } from "./host_commands.js";
import { frameAt } from "./player.js";
import { SHAPE_COMMANDS } from "./shape_commands.js";
import { TOOLS } from "../tools/index.js";

/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("../tools/index.js").ToolName} ToolName */

const ZOOM_STEP = 1.25;
const BRUSH_STEP = 1.2;
const COPY_OFFSET = 16; // frame pixels between a duplicate and its original

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Without a selection, the arrows to the sides step through the frames. @type {(editor: Editor, key: string | undefined, by: number) => void} */
function nudge(editor, key, by) {
    const [dx, dy] = ARROWS[key ?? ""] ?? [0, 0];
    if (editor.crosshair.at) return editor.crosshair.move(dx * by, dy * by);
    if (!ops.isNothing(editor.session.selection)) editor.commit(ops.translate(editor.doc, editor.selection, dx * by, dy * by, frameAt(editor.time)), t`move`, "nudge");
    else if (dx) editor.player.seek(frameAt(editor.time) + dx * by);
}

/** @type {(editor: Editor, by: number) => void} */
function step(editor, by) {
    editor.player.pause();
    editor.player.seek(frameAt(editor.time) + by);
}

/** @type {(editor: Editor, factor: number) => void} */
function resizeBrush(editor, factor) {
    editor.session.brushRadius = Math.min(Math.max(editor.session.brushRadius * factor, 1), 1000);
    editor.say(t`Brush: ${Math.round(editor.session.brushRadius)} pixels`);
}

/** A view of the result, or the source again. @type {(editor: Editor, view: import("../clip/backdrop.js").View) => void} */
function changeView(editor, view) {
    if (editor.resultBar.isEmpty) editor.say(t`There is no result yet: run the graph.`);
    else editor.showView(editor.backdrop.view === view ? "source" : view);
}

/** A point on each selected path where its dot is. @type {(editor: Editor) => void} */
function insertPoints(editor) {
    let { doc } = editor;
    /** @type {ops.PointRef[]} */
    const points = [];
    for (const id of editor.selection.paths) {
        const path = findPath(doc, id);
        if (!path) continue;
        const at = positionAt(path, doc, editor.time);
        const { pointLengths } = pathCurve(path);
        const passed = [...pointLengths].filter((length) => timeAtLength(path, doc, length) <= editor.time).length;
        const index = Math.min(Math.max(passed, 1), Math.max(path.points.length - 1, 1));
        doc = ops.insertPoint(doc, id, index, at);
        points.push({ path: id, index });
    }
    if (!points.length) return editor.say(t`Select a path first.`);
    editor.commit(doc, t`insert a point`);
    editor.select({ ...editor.selection, points });
}

/** Ties a point to the frame shown, or puts a key of an area there; or takes it away. @type {(editor: Editor) => void} */
function toggleTime(editor) {
    const { paths, regions, points } = editor.selection;
    if (!paths.length && regions.length === 1) return toggleKey(editor, regions[0]);
    if (points.length !== 1) return editor.say(t`Select one point of a path, or one area, first.`);
    const [{ path: id, index }] = points;
    const path = findPath(editor.doc, id);
    if (!path) return;
    const frame = frameAt(editor.time);
    const bound = path.points[index].frame !== undefined;
    if (!bound && !frameRoom(editor.doc, path, index)) return editor.say(t`The points beside it leave no frame free.`);
    const doc = setPointFrame(editor.doc, id, index, bound ? undefined : frame);
    editor.commit(doc, t`change a point's frame`);
    const given = findPath(editor.doc, id)?.points[index].frame;
    if (!bound && given !== frame) editor.say(t`Frame ${frame} is not free between the points beside it: it is tied to frame ${given}.`);
}

/** A tool that a key asked for is drawn with by keys, unless the pointer is there already. @type {(editor: Editor, tool: ToolName, byKey: boolean) => void} */
function take(editor, tool, byKey) {
    editor.use(tool);
    if (byKey && tool !== "select" && !editor.pointer.place) editor.crosshair.show();
}

/** @type {(editor: Editor) => void} */
function finish(editor) {
    if (editor.crosshair.draws) editor.crosshair.finish();
    else if (editor.draws) TOOLS[editor.session.tool].finish?.(editor);
}

/** @type {(editor: Editor, id: string) => void} */
function toggleKey(editor, id) {
    const frame = frameAt(editor.time);
    const area = findArea(editor.doc, id);
    if (!area) return;
    const there = keyOn(area, frame);
    editor.commit(there ? removeKey(editor.doc, id, frame) : setKey(editor.doc, id, frame), there ? t`remove a key` : t`set a key`);
    const count = findArea(editor.doc, id)?.keys?.length ?? 0;
    if (there) editor.say(count ? "" : t`Without keys the area lies as it was drawn.`);
    else if (count === 1) editor.say(t`Go to another frame and move, scale, turn or reshape the area: that makes the next key.`);
}

/** @type {Record<string, (editor: Editor, event?: {key?: string}) => void>} */
export const COMMANDS = {
    ...Object.fromEntries(
        /** @type {ToolName[]} */ (Object.keys(TOOLS)).map((name) => [
            `tool:${name}`,
            (/** @type {Editor} */ editor, /** @type {{key?: string} | undefined} */ event) => take(editor, name, event !== undefined),
        ]),
    ),
    "brush-smaller": (editor) => resizeBrush(editor, 1 / BRUSH_STEP),
    "brush-larger": (editor) => resizeBrush(editor, BRUSH_STEP),
    finish(editor) {
        if (editor.crosshair.at) editor.crosshair.press();
        else if (editor.draws) finish(editor);
        else editor.crosshair.show();
    },
    "end-drawing"(editor) {
        finish(editor);
        editor.crosshair.hide();
    },
    cancel(editor) {
        if (editor.closeOverlays() || editor.pointer.cancel() || editor.crosshair.cancel()) return;
        if (editor.openOutline.length || editor.openPath) return editor.use(editor.session.tool);
        if (editor.crosshair.at) return editor.crosshair.hide();
        if (editor.session.solo) editor.showAlone(null);
        else if (!ops.isNothing(editor.session.selection)) editor.select(ops.NOTHING);
        else if (editor.session.tool === "select" && editor.fillsWindow) editor.toggleFullWindow();
        else editor.use("select");
    },

    undo(editor) {
        if (editor.pointer.cancel() || editor.crosshair.cancel()) return;
        if (!editor.openOutline.length) return editor.undo();
        editor.openOutline.pop(); // the corners clicked so far are no steps of the history
        editor.sketch(editor.openOutline.length ? { kind: "stroke", points: [...editor.openOutline], closed: false } : null);
    },
    redo: (editor) => editor.redo(),
    "select-all": (editor) => editor.select(ops.everything(editor.stageDoc)),
    duplicate(editor) {
        const { selection: chosen } = editor.session; // copies of what is locked are free
        if (ops.isNothing(chosen)) return;
        const { doc, selection } = ops.duplicate(editor.doc, chosen, COPY_OFFSET);
        editor.commit(doc, t`duplicate`);
        editor.select(selection);
    },
    delete(editor) {
        if (ops.isNothing(editor.selection)) return editor.say(t`Nothing is selected.`);
        const followed = editor.selection.key || editor.selection.points.length ? "" : followedText(editor.doc, editor.selection);
        editor.commit(ops.remove(editor.doc, editor.selection), t`delete`);
        if (followed) editor.say(followed);
    },
    insert: insertPoints,
    reverse(editor) {
        if (!editor.selection.paths.length) return editor.say(t`Select a path first.`);
        editor.commit(editor.selection.paths.reduce(ops.reverse, editor.doc), t`reverse`);
    },
    "time-point": toggleTime,
    lock(editor) {
        const { doc, selection } = editor.session;
        if (ops.isNothing(selection)) return editor.say(t`Nothing is selected.`);
        const locks = !ops.isNothing(unlockedPart(doc, selection));
        editor.commit(setLocked(doc, selection, locks), locks ? t`lock` : t`unlock`);
    },
    ...SHAPE_COMMANDS,
    ...HOST_COMMANDS,
    group(editor) {
        const { doc, selection } = editor.session;
        if (ops.isNothing(selection)) return editor.say(t`Select what to group.`);
        const name = freshGroup(doc);
        editor.session.separate();
        editor.commit(grouped(doc, selection, name), t`group`, "group"); // typing its name belongs to this step
        editor.panel.nameGroup(name);
    },
    ungroup(editor) {
        const { doc, selection } = editor.session;
        if (groupsOf(doc, selection).length) editor.commit(ungrouped(doc, selection), t`ungroup`);
        else editor.say(t`Nothing that is selected is in a group.`);
    },
    solo(editor) {
        const { solo, selection } = editor.session;
        if (!solo && ops.isNothing(selection)) return editor.say(t`Select what alone is to be shown.`);
        editor.showAlone(solo ? null : selection);
    },
    nudge: (editor, event) => nudge(editor, event?.key, 1),
    "nudge-far": (editor, event) => nudge(editor, event?.key, 10),

    result: (editor) => changeView(editor, "result"),
    wipe: (editor) => changeView(editor, "wipe"),
    difference: (editor) => changeView(editor, "difference"),
    onion(editor) {
        if (!editor.backdrop.hasEdited) return editor.say(t`Connect an edited first frame: what is marked in it is shown along its way then.`);
        editor.session.onionSkin = !editor.session.onionSkin;
    },
    drawing(editor) {
        editor.session.showsDrawing = !editor.session.showsDrawing;
    },
    "full-window": (editor) => editor.toggleFullWindow(),

    play: (editor) => (editor.player.playing ? editor.player.pause() : editor.player.play()),
    previous: (editor) => step(editor, -1),
    next: (editor) => step(editor, 1),
    first: (editor) => editor.player.seek(0),
    last: (editor) => editor.player.seek(editor.doc.frames - 1),
    loop(editor) {
        editor.session.loop = !editor.session.loop;
    },

    "zoom-in": (editor) => editor.zoomBy(ZOOM_STEP),
    "zoom-out": (editor) => editor.zoomBy(1 / ZOOM_STEP),
    fit: (editor) => editor.fitView(),
    "actual-size"(editor) {
        editor.viewport = centred(editor.doc, editor.stage.size, 1);
    },
    compare: (editor) => editor.compare(true),
    panel(editor) {
        editor.session.panel = !editor.session.panel;
    },
    help: (editor) => editor.dialogs.open(editor.help),
    "import-export": (editor) => editor.importExport.open(),
};

/** Commands that change what is selected, and leave what of it is locked. */
export const CHANGES_SELECTED = ["delete", "insert", "track-selected", "time-point", "nudge", "nudge-far", "reverse", "to-and-fro", "copies", "mirror-x", "mirror-y", "turn-left", "turn-right", "scale-down", "scale-up"];

/** What the clipboard takes: the selection, or all where nothing is selected. @type {(editor: Editor) => import("../document/document.js").EditDocument} */
export const chosenPart = ({ doc, session: { selection } }) => (ops.isNothing(selection) ? doc : excerpt(doc, selection));
