/** A point's value in words: number with unit, state by its name, and how far it can be trusted. */
import { known, t, visible } from "./catalogue.js";
import { now, span } from "./clock.js";
import { link } from "./connection.js";

/** @typedef {import("./store").HeardPoint} HeardPoint */

/**
 * @param {string} name the class's own name of the point
 * @param {boolean | number | string | null} value
 * @param {string} [unit]
 */
export function valueWords(name, value, unit = "") {
  if (value === null) return "—";
  if (typeof value === "number") {
    const digits = Number.isInteger(value) ? 0 : Math.abs(value) >= 100 ? 1 : 2;
    return `${value.toFixed(digits)}${unit ? ` ${unit}` : ""}`;
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

/** @param {HeardPoint | undefined} heard */
export function qualityWords(heard) {
  if (!heard) return t("quality.never");
  if (link.value !== "live") return t("quality.link");
  return t(`quality.${heard.q}`);
}

/** Seconds since the device last said this value. @param {HeardPoint} heard */
export function age(heard) {
  return heard.age + Math.max(0, now.value - heard.heard) / 1000;
}

/** @param {HeardPoint | undefined} heard */
export function ageWords(heard) {
  if (!heard) return "";
  const seconds = age(heard);
  return seconds < 60 ? t("age.seconds", { s: Math.floor(seconds) }) : span(seconds);
}
