/** Dom: elements in one expression. */

/** @typedef {string | Node | null | undefined | false} Child */

/**
 * An element with attributes, properties ("on…" listens; "class", "title", "aria-…" and the rest
 * are attributes) and children. Text is always text, never markup.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Record<string, any>} [attributes] @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
        else if (value === true) element.setAttribute(name, "");
        else if (value !== false && value !== undefined && value !== null) element.setAttribute(name, String(value));
    }
    element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
    return element;
}

/** A canvas as large as its element, in device pixels; true if its size changed, which clears it. @type {(canvas: HTMLCanvasElement, width: number, height: number, density: number) => boolean} */
export function sizeCanvas(canvas, width, height, density) {
    const [w, t] = [Math.max(Math.round(width * density), 1), Math.max(Math.round(height * density), 1)];
    if (canvas.width === w && canvas.height === t) return false;
    canvas.width = w;
    canvas.height = t;
    return true;
}
