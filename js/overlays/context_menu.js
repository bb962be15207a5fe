/**
 * Context menu: what can be done with what lies under the pointer, by right click, long press, or the keyboard's key for it;
 * on the stage and in the list.
 */

import { LIMITS } from "../document/document.js";
import { groupsOf, membersOf, shifted } from "../document/groups.js";
import { addPath, findPath, nameOf, newPath, shortName } from "../document/items.js";
import { keyOn, removeKey, setKey } from "../document/keys.js";
import { unlockedPart } from "../document/locks.js";
import * as ops from "../document/operations.js";
import { selectedBox } from "../document/shapes.js";
import { hitTest } from "../geometry/hit_test.js";
import { followIds } from "../geometry/pose.js";
import { centreOf } from "../geometry/transform_box.js";
import { toViewPx } from "../geometry/viewport.js";
import { shortcut } from "../input/keymap.js";
import { frameAt } from "../input/player.js";
import { addCircle } from "../input/shape_commands.js";
import { t } from "../locale.js";
import { Menu } from "./menu.js";

/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("./menu.js").MenuItem} MenuItem */
/** @typedef {import("../geometry/hit_test.js").Hit} Hit */
/** @typedef {import("../geometry/viewport.js").XY} XY */

const LONG_PRESS_MS = 550;
const STILL = 10; // page pixels that a finger may tremble in a long press
const MOST_NAMED = 5; // paths or areas offered to follow; the panel offers all

export class ContextMenu {
    /** @type {{id: number, x: number, y: number, timer: number} | null} a finger that rests */
    #resting = null;

    /** @type {PointerEvent | null} the last press on the stage */
    #pressed = null;

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
        this.menu = new Menu(() => editor.focus());
        this.element = this.menu.element;
        const stage = editor.stage.element;
        stage.addEventListener("contextmenu", (event) => {
            // A finger's comes after our own time, whatever tool is in hand.
            if (/** @type {PointerEvent} */ (event).pointerType !== "touch") this.#openOnStage(this.#exactly(event));
        });
        const panel = editor.panel.element;
        stage.addEventListener("pointerdown", (event) => {
            this.#pressed = event;
            this.#rest(event, editor.session.tool === "select", (finger) => this.#openOnStage(finger)); // with a tool that draws, a finger draws
        });
        panel.addEventListener("pointerdown", (event) => {
            const onRow = event.target instanceof Element && event.target.closest(".rve-row") && !event.target.closest("input, .rve-grip");
            this.#rest(event, Boolean(onRow), () => this.#openOnRow(event));
        });
        for (const part of [stage, panel]) {
            part.addEventListener("pointermove", (event) => {
                const finger = this.#resting;
                if (finger?.id === event.pointerId && Math.hypot(event.clientX - finger.x, event.clientY - finger.y) > STILL) this.#stir();
            });
            for (const name of ["pointerup", "pointercancel"]) part.addEventListener(name, () => this.#stir());
        }
        editor.keyboard.element.addEventListener("contextmenu", (event) => {
            event.preventDefault();
            this.openAtSelection();
        });
        panel.addEventListener("contextmenu", (event) => {
            if (/** @type {PointerEvent} */ (event).pointerType !== "touch") this.#openOnRow(event);
        });
    }

    /** Where what is selected lies; without a selection, in the middle. */
    openAtSelection() {
        const { editor } = this;
        const { doc, selection, time, stage, viewport } = editor;
        const box = selectedBox(doc, selection, time);
        const centre = { x: stage.size.width / 2, y: stage.size.height / 2 };
        const at = box ? toViewPx(viewport, centreOf(box)) : centre;
        const place = stage.element.getBoundingClientRect();
        const zoom = place.width / (stage.size.width || 1);
        const within = (/** @type {number} */ value, /** @type {number} */ room) => Math.min(Math.max(value, 0), room);
        const page = { x: place.left + zoom * within(at.x, stage.size.width), y: place.top + zoom * within(at.y, stage.size.height) };
        this.#open(ops.isNothing(selection) ? this.#placeItems(editor.pointer.placeOf({ clientX: page.x, clientY: page.y }).px) : this.#selectedItems(), page);
    }

    /** @type {(event: {clientX: number, clientY: number, pointerType?: string}) => void} */
    #openOnStage(event) {
        const { editor } = this;
        editor.player.pause();
        editor.run("end-drawing"); // what was clicked so far
        const { px, reach } = editor.pointer.placeOf(event);
        const [hit] = hitTest(editor.stageDoc, editor.selection, editor.time, px, reach);
        if (hit) this.#take(hit);
        const at = { x: event.clientX, y: event.clientY, finger: event.pointerType === "touch" };
        if (!hit) this.#open(this.#placeItems(px), at, t`This place`);
        else if (hit.what === "point") this.#open([...this.#pointItems(hit.path, hit.index), null, ...this.#selectedItems()], at);
        else if (hit.what === "curve") this.#open([this.#insertItem(hit, px), ...this.#selectedItems()], at);
        else this.#open(this.#selectedItems(), at);
    }

    /** The press that opens the menu: it knows fractions of pixels, the menu's own event does not. @type {(event: MouseEvent) => MouseEvent} */
    #exactly(event) {
        const press = this.#pressed;
        return press && Math.abs(press.clientX - event.clientX) < 1 && Math.abs(press.clientY - event.clientY) < 1 ? press : event;
    }

    /** @type {(event: MouseEvent) => void} */
    #openOnRow(event) {
        const { editor } = this;
        if (!(event.target instanceof Element) || event.target.closest("input")) return; // a field has the browser's own
        const row = /** @type {HTMLElement | null} */ (event.target.closest(".rve-row"));
        if (!row) return;
        const kind = /** @type {"paths" | "regions"} */ (row.dataset.kind);
        const { item: id = "", group } = row.dataset;
        if (group !== undefined) editor.select({ ...ops.NOTHING, ...membersOf(editor.doc, group) });
        else if (!editor.session.selection[kind].includes(id)) editor.select({ ...ops.NOTHING, [kind]: [id] });
        const box = row.getBoundingClientRect();
        const byKeys = event.button !== 2 && !event.clientX && !event.clientY;
        const finger = /** @type {PointerEvent} */ (event).pointerType === "touch";
        this.#open(this.#selectedItems(), byKeys ? { x: box.left + box.width / 3, y: box.bottom } : { x: event.clientX, y: event.clientY, finger });
    }

    /** @type {(items: MenuItem[], at: XY & {finger?: boolean}, title?: string) => void} */
    #open(items, at, title = this.#selectedName()) {
        this.menu.open(title, items, at);
    }

    #selectedName() {
        const { doc, session: { selection } } = this.editor;
        const names = [
            ...doc.paths.filter(({ id }) => selection.paths.includes(id)).map((path) => nameOf(doc.paths, path)),
            ...doc.regions.filter(({ id }) => selection.regions.includes(id)).map((area) => nameOf(doc.regions, area)),
        ];
        return names.length > 1 ? t`${names.length} selected` : names[0] ?? t`Drawing`;
    }

    // --- A finger that rests -------------------------------------------------------------------

    /** @type {(event: PointerEvent, opens: boolean, open: (at: {clientX: number, clientY: number, pointerType: string}) => void) => void} */
    #rest({ pointerId: id, pointerType, clientX: x, clientY: y }, opens, open) {
        const alone = !this.#resting;
        this.#stir();
        if (pointerType !== "touch" || !opens || !alone) return;
        const timer = window.setTimeout(() => {
            this.#resting = null;
            keepFromLifted();
            this.editor.pointer.cancel();
            open({ clientX: x, clientY: y, pointerType });
        }, LONG_PRESS_MS);
        this.#resting = { id, x, y, timer };
    }

    #stir() {
        if (this.#resting) clearTimeout(this.#resting.timer);
        this.#resting = null;
    }

    // --- What is offered -----------------------------------------------------------------------

    /** Selects what was hit, unless it is selected among others. @type {(hit: Hit) => void} */
    #take(hit) {
        const { editor } = this;
        const { paths, regions, points } = editor.selection;
        if ("area" in hit) {
            if (!regions.includes(hit.area)) editor.select({ ...ops.NOTHING, regions: [hit.area] });
        } else if (hit.what === "point") {
            if (!points.some(({ path, index }) => path === hit.path && index === hit.index))
                editor.select({ paths: [hit.path], regions: [], points: [{ path: hit.path, index: hit.index }] });
        } else if (!paths.includes(hit.path) || points.length) editor.select({ ...ops.NOTHING, paths: [hit.path] });
    }

    /** @type {(text: string, command: string) => MenuItem} */
    #command = (text, command) => ({ text, keys: shortcut(command), act: () => this.editor.run(command) });

    /** A command on paths and areas as a whole, though points of them are chosen. @type {(text: string, command: string) => MenuItem} */
    #wholly = (text, command) => ({
        text,
        keys: shortcut(command),
        act: () => {
            if (this.editor.selection.points.length) this.editor.select({ ...this.editor.selection, points: [] });
            this.editor.run(command);
        },
    });

    /** @type {(px: XY) => MenuItem[]} */
    #placeItems(px) {
        const { editor } = this;
        const anchor = () => {
            const path = newPath(editor.doc, "anchor", [px]);
            editor.commit(addPath(editor.doc, path), t`draw an anchor`);
            editor.select({ ...ops.NOTHING, paths: [path.id] });
        };
        return [
            { text: t`Paste`, keys: shortcut("paste"), act: () => void this.#paste() },
            this.#command(t`Select everything`, "select-all"),
            null,
            { text: t`Track what is here`, act: () => editor.track([px]) },
            { text: t`Anchor here`, act: anchor },
            { text: t`Circle around here`, act: () => addCircle(editor, px) },
            null,
            this.#command(t`Fit the frame`, "fit"),
        ];
    }

    /** @type {(id: string, index: number) => MenuItem[]} */
    #pointItems(id, index) {
        const { editor } = this;
        const frame = findPath(editor.doc, id)?.points[index]?.frame;
        return [
            this.#command(frame === undefined ? t`Tie the point to frame ${frameAt(editor.time)}` : t`Free the point from its frame`, "time-point"),
            this.#command(t`Circle around the point`, "circle"),
            this.#command(t`Delete the point`, "delete"),
        ];
    }

    /** @type {(hit: import("../geometry/hit_test.js").CurveHit, px: XY) => MenuItem} */
    #insertItem(hit, px) {
        const { editor } = this;
        const insert = () => {
            editor.commit(ops.insertPoint(editor.doc, hit.path, hit.before, { ...px }), t`insert a point`);
            editor.select({ paths: [hit.path], regions: [], points: [{ path: hit.path, index: hit.before }] });
        };
        return { text: t`Insert a point here`, act: insert };
    }

    /** @type {() => MenuItem[]} */
    #selectedItems() {
        const { doc, session: { selection } } = this.editor;
        const { paths, regions } = selection;
        const free = this.editor.selection;
        const isLocked = ops.isNothing(unlockedPart(doc, selection));
        const [keys, follows] = [this.#keyItems(), this.#followItems()];
        const hidden = [...doc.paths.filter(({ id }) => paths.includes(id)), ...doc.regions.filter(({ id }) => regions.includes(id))].every((item) => item.visible === false);
        return [
            ...(free.paths.length ? [this.#wholly(t`Reverse`, "reverse"), this.#wholly(t`There and back`, "to-and-fro"), this.#wholly(t`Parallel copies…`, "copies"), this.#wholly(t`Track what lies here now`, "track-selected")] : []),
            ...(ops.isNothing(free) ? [] : [this.#wholly(t`Mirror left and right`, "mirror-x"), this.#wholly(t`Mirror up and down`, "mirror-y")]),
            ...(keys.length || follows.length ? [null, ...keys, ...follows] : []),
            ...(ops.isNothing(free) ? [] : [null]),
            { text: t`Bring forward`, act: () => this.#order(1) },
            { text: t`Send back`, act: () => this.#order(-1) },
            { text: hidden ? t`Show` : t`Hide`, act: () => this.#show(hidden) },
            this.#command(isLocked ? t`Unlock` : t`Lock`, "lock"),
            this.#command(this.editor.session.solo ? t`End solo` : t`Solo`, "solo"),
            this.#command(t`Group`, "group"),
            ...(groupsOf(doc, selection).length ? [this.#command(t`Ungroup`, "ungroup")] : []),
            this.#command(t`Duplicate`, "duplicate"),
            ...(ops.isNothing(free) ? [] : [this.#wholly(t`Delete`, "delete")]),
        ];
    }

    /** Of areas alone: a key at the frame shown, or none there. @type {() => MenuItem[]} */
    #keyItems() {
        const { editor } = this;
        const { doc, selection } = editor;
        const areas = doc.regions.filter(({ id }) => selection.regions.includes(id));
        if (selection.paths.length || !areas.length) return [];
        const frame = frameAt(editor.time);
        const keyed = areas.every((area) => keyOn(area, frame));
        const changed = () => areas.reduce((result, { id }) => (keyed ? removeKey(result, id, frame) : setKey(result, id, frame)), editor.doc);
        return [{ text: keyed ? t`Remove the key at frame ${frame}` : t`Key at frame ${frame}`, act: () => editor.commit(changed(), keyed ? t`remove a key` : t`set a key`) }];
    }

    /** Paths: areas may follow them; of several, in turn and size too. Areas alone: they may follow a path, or none. @type {() => MenuItem[]} */
    #followItems() {
        const { editor } = this;
        const { doc, selection } = editor;
        const time = frameAt(editor.time);
        const follow = (/** @type {string[]} */ areas, /** @type {string | string[] | undefined} */ paths) => () =>
            editor.commit(areas.reduce((result, area) => ops.setFollow(result, area, paths, time), editor.doc), t`change what is followed`);
        if (selection.paths.length) {
            const paths = selection.paths.slice(0, LIMITS.follow);
            const many = paths.length > 1;
            const chosen = doc.regions.filter(({ id }) => !selection.regions.length || selection.regions.includes(id));
            const free = chosen.filter((area) => followIds(area).join("\n") !== paths.join("\n")).slice(0, MOST_NAMED);
            return free.map((area) => ({
                text: many ? t`Let ${shortName(doc.regions, area)} follow the ${paths.length} paths` : t`Let ${shortName(doc.regions, area)} follow`,
                act: follow([area.id], many ? paths : paths[0]),
            }));
        }
        const areas = doc.regions.filter(({ id }) => selection.regions.includes(id));
        const others = doc.paths.filter(({ id }) => areas.some((area) => area.follow !== id)).slice(0, MOST_NAMED);
        const ids = areas.map(({ id }) => id);
        return [
            ...others.map((path) => ({ text: t`Follow ${shortName(doc.paths, path)}`, act: follow(ids, path.id) })),
            ...(areas.some((area) => area.follow !== undefined) ? [{ text: t`Follow nothing`, act: follow(ids, undefined) }] : []),
        ];
    }

    // --- What is done --------------------------------------------------------------------------

    /** @type {(by: 1 | -1) => void} */
    #order(by) {
        const { doc, session: { selection } } = this.editor;
        const moved = /** @type {<T extends import("../document/document.js").Path | import("../document/document.js").Area>(items: T[], chosen: string[]) => T[]} */ (items, chosen) => {
            if (!items.length || chosen.includes(items.at(by > 0 ? -1 : 0)?.id ?? "")) return items; // at the end already
            const ids = items.map(({ id }) => id).filter((id) => chosen.includes(id));
            return (by > 0 ? ids.toReversed() : ids).reduce((result, id) => shifted(result, id, by), items);
        };
        this.editor.commit({ ...doc, paths: moved(doc.paths, selection.paths), regions: moved(doc.regions, selection.regions) }, t`change the order`);
    }

    /** @type {(visible: boolean) => void} */
    #show(visible) {
        const { doc, session: { selection } } = this.editor;
        const paths = doc.paths.map((path) => (selection.paths.includes(path.id) ? { ...path, visible } : path));
        const regions = doc.regions.map((area) => (selection.regions.includes(area.id) ? { ...area, visible } : area));
        this.editor.commit({ ...doc, paths, regions }, visible ? t`show` : t`hide`);
    }

    async #paste() {
        const { editor } = this;
        try {
            const text = await navigator.clipboard.readText();
            if (text.trim()) editor.importExport.add(text);
            else editor.say(t`The clipboard holds no text.`);
        } catch {
            editor.say(t`The browser does not let us read the clipboard: press ${shortcut("paste")}.`);
        }
    }
}

/** What browsers make of a finger that is lifted, a press of a mouse, would close the menu or choose a row: until the next one comes down. */
function keepFromLifted() {
    const ends = new AbortController();
    const how = { capture: true, signal: ends.signal };
    window.addEventListener("pointerdown", () => ends.abort(), how);
    for (const name of /** @type {const} */ (["mousedown", "click"]))
        window.addEventListener(
            name,
            (event) => {
                if (!event.detail) return; // by a key
                event.preventDefault();
                event.stopPropagation();
            },
            how,
        );
}
