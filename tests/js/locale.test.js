// What the editor says: sentences with places, in the language of ComfyUI's page.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { loadLocale, t } from "../../js/locale.js";

/** ComfyUI's api with one answer, and the routes it was asked for. */
function served(answer) {
    const routes = [];
    return { routes, fetchApi: async (route) => (routes.push(route), new Response(typeof answer === "string" ? answer : JSON.stringify(answer))) };
}

const WORDS = { zh: { ReVideoEditor: { "Frame {0} of {1}": "{1}帧中的第{0}帧", Undo: "撤销", Empty: "", Odd: 3 } }, ja: { nodeDefs: {} }, ko: { ReVideoEditor: "odd" } };

afterEach(() => loadLocale(served({}), "en"));

test("without a table a sentence is English, with its places filled", async () => {
    assert.equal(t`Undo`, "Undo");
    assert.equal(t`Frame ${1} of ${20}`, "Frame 1 of 20");
    assert.equal(t`${"{1}"} and ${"b"}`, "{1} and b"); // what is filled in is not filled again
    assert.equal(t`[[{"x", "y"}, …], …] {7}`, '[[{"x", "y"}, …], …] {7}');
});

test("English asks for nothing", async () => {
    for (const language of ["en", "en-US"]) {
        const api = served(WORDS);
        await loadLocale(api, language);
        assert.deepEqual(api.routes, []);
        assert.equal(t`Undo`, "Undo");
    }
});

test("a translation fills the places in its own order", async () => {
    const api = served(WORDS);
    await loadLocale(api, "zh");
    assert.deepEqual(api.routes, ["/i18n"]);
    assert.equal(t`Frame ${1} of ${20}`, "20帧中的第1帧");
    assert.equal(t`Undo`, "撤销");
});

test("what has no translation stays English", async () => {
    await loadLocale(served(WORDS), "zh");
    for (const [said, english] of [[t`Redo`, "Redo"], [t`Empty`, "Empty"], [t`Odd`, "Odd"], [t`toString`, "toString"], [t`__proto__`, "__proto__"]]) assert.equal(said, english);
});

test("a language falls back to the one it is a kind of, as ComfyUI's own words do", async () => {
    await loadLocale(served(WORDS), "zh-TW");
    assert.equal(t`Undo`, "撤销");
    await loadLocale(served({ ...WORDS, "zh-TW": { ReVideoEditor: { Undo: "復原" } } }), "zh-TW");
    assert.equal(t`Undo`, "復原");
});

test("a language replaces the one before", async () => {
    await loadLocale(served(WORDS), "zh");
    await loadLocale(served(WORDS), "fr");
    assert.equal(t`Undo`, "Undo");
});

test("an answer that fails or is odd leaves English", async (context) => {
    context.mock.method(console, "warn", () => {});
    const failing = { fetchApi: () => Promise.reject(new Error("offline")) };
    for (const [api, language] of [[failing, "zh"], [served("<html>"), "zh"], [served("null"), "zh"], [served([]), "zh"], [served({ zh: null }), "zh"], [served(WORDS), "ja"], [served(WORDS), "ko"]]) {
        await loadLocale(api, language);
        assert.equal(t`Undo`, "Undo");
    }
});
