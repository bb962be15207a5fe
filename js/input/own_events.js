/** Own events: what happens in the editor is kept from the graph, which would drag the node, open menus, load files. */

/** @type {(element: HTMLElement, act: {focus: () => void, drop: (files: File[]) => void}) => void} */
export function keepFromGraph(element, { focus, drop }) {
    // A press must not take the keyboard from the drawing, except into a field.
    element.addEventListener("mousedown", (event) => {
        if (isField(event.target)) return;
        event.preventDefault();
        focus();
    });
    for (const name of ["pointerdown", "dblclick"]) element.addEventListener(name, (event) => event.stopPropagation());
    element.addEventListener("contextmenu", (event) => {
        event.stopPropagation();
        if (!isField(event.target)) event.preventDefault();
    });
    for (const name of /** @type {const} */ (["dragover", "drop"]))
        element.addEventListener(name, (event) => {
            event.preventDefault();
            event.stopPropagation();
            if (name === "drop") drop([...(event.dataTransfer?.files ?? [])]);
        });
}

/** Whether something of the editor scrolls by a wheel there, though it be at its end: then nothing else moves. @type {(event: WheelEvent) => boolean} */
export function scrollsUnder({ target, deltaX, deltaY, ctrlKey, metaKey }) {
    if (!(target instanceof Element) || ctrlKey || metaKey) return false;
    const editor = target.closest(".revideo-editor");
    const sideways = Math.abs(deltaX) > Math.abs(deltaY);
    for (let at = /** @type {Element | null} */ (target); editor && at && at !== editor; at = at.parentElement) {
        const { overflowX, overflowY } = getComputedStyle(at);
        const scrolls = sideways ? at.scrollWidth > at.clientWidth && overflowX : at.scrollHeight > at.clientHeight && overflowY;
        if (scrolls === "auto" || scrolls === "scroll") return true;
    }
    return false;
}

/** @type {(target: EventTarget | null) => boolean} */
export const isField = (target) => target instanceof Element && target.closest("input, select, textarea") !== null;
