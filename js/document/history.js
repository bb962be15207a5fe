/**
 * History: undo and redo by keeping documents. Documents are immutable and share what did not
 * change, so a step costs little. A history is a plain immutable value too.
 */

/**
 * @template T
 * @typedef {{past: Step<T>[], present: T, future: Step<T>[], label: string, merge: string}} History
 *   `label` names the step that led to `present`; `merge` is its merge key.
 */

/**
 * @template T
 * @typedef {{value: T, label: string}} Step  `label` names the change between this value and its younger neighbour
 */

export const MAX_STEPS = 300;

/** @template T @param {T} value @returns {History<T>} */
export function begin(value) {
    return { past: [], present: value, future: [], label: "", merge: "" };
}

/**
 * A new present; what was undone is given up. Steps in a row with the same `merge` key become
 * one, as many taps of an arrow key are one move.
 * @template T
 * @param {History<T>} history @param {T} value @param {string} label @param {string} [merge]
 * @returns {History<T>}
 */
export function push(history, value, label, merge = "") {
    if (value === history.present) return history;
    if (merge && merge === history.merge) return { ...history, present: value, future: [] };
    const past = [...history.past, { value: history.present, label }].slice(-MAX_STEPS);
    return { past, present: value, future: [], label, merge };
}

/** @template T @param {History<T>} history @returns {History<T>} */
export function undo(history) {
    const step = history.past.at(-1);
    if (!step) return history;
    return {
        past: history.past.slice(0, -1),
        present: step.value,
        future: [{ value: history.present, label: step.label }, ...history.future],
        label: step.label,
        merge: "",
    };
}

/** @template T @param {History<T>} history @returns {History<T>} */
export function redo(history) {
    const [step, ...future] = history.future;
    if (!step) return history;
    return {
        past: [...history.past, { value: history.present, label: step.label }],
        present: step.value,
        future,
        label: step.label,
        merge: "",
    };
}

/** The next step starts afresh, whatever its merge key. @template T @param {History<T>} history @returns {History<T>} */
export function settle(history) {
    return history.merge ? { ...history, merge: "" } : history;
}

/**
 * Takes a value that came from outside. One that the history knows is gone to, as by undo or
 * redo (ComfyUI's own undo brings old drawings back); another becomes a step of its own.
 * @template T
 * @param {History<T>} history @param {T} value @param {(a: T, b: T) => boolean} same @param {string} label
 * @returns {History<T>}
 */
export function visit(history, value, same, label) {
    if (same(value, history.present)) return history;
    for (let back = undo(history), from = history; back !== from; from = back, back = undo(back))
        if (same(value, back.present)) return back;
    for (let on = redo(history), from = history; on !== from; from = on, on = redo(on))
        if (same(value, on.present)) return on;
    return push(history, value, label);
}
