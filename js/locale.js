/**
 * Locale: what the editor says, in the language of ComfyUI's page. `locales/LANGUAGE/main.json` has
 * the sentences; English is what stands in the code.
 */

/** @typedef {Record<string, string>} Translations an English sentence, its places as {0}, {1}, … → the same in another language */

/** @type {Translations} */
let translations = {};

/**
 * A sentence for people: t`Frame ${frame} of ${frames}` looks for "Frame {0} of {1}". A translation
 * may use the places in another order. What has none is said in English.
 * @type {(texts: TemplateStringsArray, ...values: (string | number | undefined)[]) => string}
 */
export function t(texts, ...values) {
    const key = texts.reduce((before, text, index) => `${before}{${index - 1}}${text}`);
    const said = Object.hasOwn(translations, key) ? translations[key] : key;
    return said.replace(/\{(\d+)\}/g, (place, index) => (index in values ? String(values[index]) : place));
}

/**
 * Has `t` speak a language, as ComfyUI names it ("en", "zh", "zh-TW"): by the sentences that ComfyUI
 * serves of all packs. One that has none of ours falls back as ComfyUI's own words do, zh-TW to zh,
 * then to English. Never rejects: what cannot be read leaves English.
 * @type {(api: {fetchApi: (route: string) => Promise<Response>}, language: string) => Promise<void>}
 */
export async function loadLocale(api, language) {
    translations = {};
    const main = language.split("-")[0];
    if (main === "en") return;
    try {
        const served = await (await api.fetchApi("/i18n")).json();
        const found = served[language]?.ReVideoEditor ?? served[main]?.ReVideoEditor ?? {};
        translations = Object.fromEntries(Object.entries(found).filter(([, said]) => typeof said === "string" && said));
    } catch (error) {
        console.warn("ReVideo: the editor stays in English, ComfyUI gave no translations", error);
    }
}

// ComfyUI imports each module of js/ by itself, in no order, and some say their words as they are imported: whoever
// imports this one waits until the words are there. Outside of ComfyUI's page there are none to wait for.
const { app, api } = /** @type {any} */ (globalThis).comfyAPI ?? {};
if (app && api) await loadLocale(api.api, String(app.app.extensionManager?.setting?.get("Comfy.Locale") ?? "en"));
