/** A point's value in words: number with unit, state by its name, and how far it can be trusted. */
import { known, t, visible } from "./catalogue.js";
import { now } from "./clock.js";
import { link } from "./connection.js";
import { spanWords } from "./span.js";

/** @typedef {import("./store").HeardPoint} HeardPoint */

/** Square and cubic metres as they are written. @param {string} unit */
const written = (unit) => unit.replace(/\bm([23])\b/, (_, power) => (power === "2" ? "m²" : "m³"));

/**
 * @param {string} name the class's own name of the point
 * @param {boolean | number | string | null} value
 * @param {string} [unit]
 */
export function valueWords(name, value, unit = "") {
  if (value === null || value === "") return "—";
  if (typeof value === "number") {
    const digits = Number.isInteger(value) ? 0 : Math.abs(value) >= 100 ? 1 : 2;
    return `${value.toFixed(digits)}${unit ? ` ${written(unit)}` : ""}`;
  }
  const kind = name.replace(/^pump_\d_/, "");
  if (known(`value.${kind}.${value}`)) return t(`value.${kind}.${value}`);
  if (known(`value.${value}`)) return t(`value.${value}`);
  return visible(String(value));
}

/** @param {HeardPoint | undefined} heard @returns {"good" | "uncertain" | "bad"} */
export function quality(heard) {
  if (!heard) return "bad";
  // with the link gone nothing here is known to be true any more
  if (link.value !== "live") return "uncertain";
  return heard.q === "good" ? "good" : heard.q.startsWith("uncertain") ? "uncertain" : "bad";
}

/**
 * @param {HeardPoint | undefined} heard
 * @param {boolean} [internal] made by the daemon itself: nobody need be reached for it
 */
export function qualityWords(heard, internal = false) {
  if (!heard) return t("quality.never");
  if (link.value !== "live") return t("quality.link");
  return internal && heard.q === "bad: no communication" ? t("quality.unknown") : t(`quality.${heard.q}`);
}

/** Seconds since the device last said this value. @param {HeardPoint} heard */
export function age(heard) {
  return heard.age + Math.max(0, now.value - heard.heard) / 1000;
}

/** @param {HeardPoint | undefined} heard */
export function ageWords(heard) {
  if (!heard) return "";
  return t("age.ago", { span: spanWords(age(heard), true) });
}
