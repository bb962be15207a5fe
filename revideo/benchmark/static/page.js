// A vote for each clip: which of its unnamed results is best. Nothing leaves the page but the file that is saved.
// @ts-check
"use strict";

/** @typedef {{ clip: string, slots: string[], prompt: string, edited: boolean }} Clip */
/** @typedef {{ overall?: string, target?: string }} Choice */

/** @type {{ page: string, seed: number, version: number, clips: Clip[] }} */
const compared = /** @type {any} */ (globalThis).COMPARED;
const QUESTIONS = /** @type {const} */ (["overall", "target"]);
const PLAYS = !matchMedia("(prefers-reduced-motion: reduce)").matches;
const STORED = `revideo-votes-${compared.page}`;

/** @type {(id: string) => any} */
const element = id => document.getElementById(id);

/** What was chosen and where the voter is; it outlives a reload where the browser lets it. */
const state = restore();

function restore() {
    /** @type {{ voter: string, at: number, choices: Record<string, Choice> }} */
    const fresh = { voter: randomName(), at: 0, choices: {} };
    try {
        const stored = JSON.parse(localStorage.getItem(STORED) ?? "null");
        return stored?.voter && stored.choices && stored.at <= compared.clips.length ? stored : fresh;
    } catch {
        return fresh;
    }
}

function store() {
    try {
        localStorage.setItem(STORED, JSON.stringify(state));
    } catch {
        // Private windows keep nothing: the votes last as long as the page.
    }
}

function randomName() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Clip} clip */
const choiceOf = clip => (state.choices[clip.clip] ??= {});

/** @param {Clip} clip */
const isAnswered = clip => QUESTIONS.every(question => choiceOf(clip)[question]);

function show() {
    const { clips } = compared;
    const atEnd = state.at >= clips.length;
    element("ballot").hidden = atEnd;
    element("end").hidden = !atEnd;
    element("progress").max = clips.length;
    element("progress").value = clips.filter(isAnswered).length;
    element("where").textContent = `${clips.filter(isAnswered).length} of ${clips.length} clips voted on`;
    store();
    if (!atEnd) showClip(clips[state.at]);
}

/** @param {Clip} clip */
function showClip(clip) {
    element("clip").textContent = `Clip ${state.at + 1} of ${compared.clips.length}`;
    element("prompt").textContent = clip.prompt || "No text: the edited frame says it.";
    element("source").autoplay = PLAYS;
    element("source").src = `${clip.clip}-source.mp4`;
    element("edited-figure").hidden = !clip.edited;
    if (clip.edited) element("edited").src = `${clip.clip}-edited.png`;
    element("results").replaceChildren(...clip.slots.map(slot => resultOf(clip, slot)));
    for (const question of QUESTIONS) {
        element(question).replaceChildren(...clip.slots.map(slot => radio(clip, question, slot)));
    }
    showButtons(clip);
}

/** @type {(clip: Clip, slot: string) => HTMLElement} */
function resultOf(clip, slot) {
    const video = Object.assign(document.createElement("video"), {
        src: `${clip.clip}-${slot}.mp4`, muted: true, loop: true, autoplay: PLAYS, playsInline: true, controls: true,
    });
    video.setAttribute("aria-label", `Result ${slot.toUpperCase()}`);
    const caption = document.createElement("figcaption");
    caption.textContent = `Result ${slot.toUpperCase()}`;
    const figure = document.createElement("figure");
    figure.append(video, caption);
    return figure;
}

/** @type {(clip: Clip, question: "overall" | "target", slot: string) => HTMLElement} */
function radio(clip, question, slot) {
    const input = Object.assign(document.createElement("input"), {
        type: "radio", name: question, value: slot, checked: choiceOf(clip)[question] === slot,
    });
    input.addEventListener("change", () => choose(question, slot));
    const label = document.createElement("label");
    label.append(input, ` ${slot.toUpperCase()}`);
    return label;
}

/** @type {(question: "overall" | "target", slot: string) => void} */
function choose(question, slot) {
    const clip = compared.clips[state.at];
    choiceOf(clip)[question] = slot;
    for (const input of element(question).querySelectorAll("input")) input.checked = input.value === slot;
    element("progress").value = compared.clips.filter(isAnswered).length;
    element("where").textContent = `${compared.clips.filter(isAnswered).length} of ${compared.clips.length} clips voted on`;
    showButtons(clip);
    store();
}

/** @param {Clip} clip */
function showButtons(clip) {
    element("back").disabled = state.at === 0;
    element("message").textContent = isAnswered(clip) ? "" : "Choose a result for both questions to go on.";
}

/** @param {number} steps */
function go(steps) {
    const { clips } = compared;
    if (steps > 0 && state.at < clips.length && !isAnswered(clips[state.at])) {
        const open = QUESTIONS.find(question => !choiceOf(clips[state.at])[question]) ?? "overall";
        element(open).querySelector("input").focus();
        return;
    }
    state.at = Math.min(Math.max(state.at + steps, 0), clips.length);
    show();
    element(state.at < clips.length ? "clip" : "end-title").focus();
}

function save() {
    const votes = compared.clips.map(clip => ({ clip: clip.clip, ...choiceOf(clip) }));
    const { page, seed, version } = compared;
    const content = { format: "revideo-votes", version, page, seed, voter: state.voter, votes };
    const address = URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)], { type: "application/json" }));
    Object.assign(document.createElement("a"), {
        href: address, download: `votes-${page.slice(0, 8)}-${state.voter.slice(0, 8)}.json`,
    }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

element("ballot").addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    go(1);
});
element("back").addEventListener("click", () => go(-1));
element("end-back").addEventListener("click", () => go(-1));
element("save").addEventListener("click", save);
element("again").addEventListener("click", () => {
    for (const video of document.querySelectorAll("video")) {
        video.currentTime = 0;
        video.play().catch(() => {});  // a newer clip took its place
    }
});
document.addEventListener("keydown", event => {
    const digit = /^Digit([1-9])$/.exec(event.code);  // by place: with Shift the key is another on each layout
    if (!digit || event.ctrlKey || event.altKey || event.metaKey || state.at >= compared.clips.length) return;
    const slot = compared.clips[state.at].slots[Number(digit[1]) - 1];
    if (slot) choose(event.shiftKey ? "target" : "overall", slot);
});
show();
