/** The console's words in both languages, and the switch between them. */
import { signal } from "./view.js";

/** @typedef {"zh" | "en"} Language */
/** @type {Record<Language, Record<string, string>>} */
const catalogues = { zh: {}, en: {} };

export const language = signal(/** @type {Language} */ (localStorage.getItem("language") === "en" ? "en" : "zh"));

export async function loadCatalogues() {
  for (const one of /** @type {Language[]} */ (["zh", "en"])) {
    const answer = await fetch(`/${one}.json`);
    catalogues[one] = await answer.json();
  }
  document.documentElement.lang = language.peek();
}

/** @param {Language} next */
export function speak(next) {
  language.value = next;
  localStorage.setItem("language", next);
  document.documentElement.lang = next === "zh" ? "zh-CN" : "en";
}

/**
 * The words for a key; `{name}` is filled from `facts`. A missing key shows itself.
 * @param {string} key
 * @param {Record<string, string | number>} [facts]
 */
export function t(key, facts = {}) {
  const text = catalogues[language.value][key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in facts ? String(facts[name]) : whole));
}

/** @param {string} key */
export function known(key) {
  return key in catalogues[language.value];
}

/**
 * Site texts carry both languages.
 * @param {import("./types").Words | null | undefined} words
 */
export function say(words) {
  return words ? visible(words[language.value] || words.zh || words.en) : "";
}

/**
 * The same in the other language, to stand beside it.
 * @param {import("./types").Words} words
 */
export function sayOther(words) {
  const other = visible(language.value === "zh" ? words.en : words.zh);
  return other === say(words) ? "" : other;
}

/**
 * Control, zero-width and direction characters are written out: a plate or a name cannot disguise itself.
 * @param {string} text
 */
export function visible(text) {
  // eslint-disable-next-line no-control-regex
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
