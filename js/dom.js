/** Dom: elements in one expression, errors as text. */

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

/** The same for drawings: an element of SVG with attributes and children. @type {<K extends keyof SVGElementTagNameMap>(tag: K, attributes?: Record<string, string | number>, ...children: Node[]) => SVGElementTagNameMap[K]} */
export function svg(tag, attributes = {}, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
    element.append(...children);
    return element;
}

/** What an error says, for people. @type {(error: unknown) => string} */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));
