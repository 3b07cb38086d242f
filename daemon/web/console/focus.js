/** Where the keyboard is: never on the bare page, so that the next key goes where the operator expects it. */
import { useLayoutEffect } from "./view.js";

/** To the list, the values or the map, whichever is on the screen. */
export function home() {
  /** @type {HTMLElement | null} */ (document.querySelector("[data-home]"))?.focus({ preventScroll: true });
}

/** Nothing has the focus. */
export const astray = () => document.activeElement === null || document.activeElement === document.body;

/** After the page has been drawn anew, as when a key opens another screen; not from a form that the next key opened meanwhile. */
export function homeSoon() {
  const before = document.activeElement;
  setTimeout(() => {
    if (astray() || document.activeElement === before) home();
  });
}

/**
 * What had the focus inside of the box may be gone after it is drawn: then something else in it gets it.
 * @param {{ current: HTMLElement | null }} box
 */
export function useKeptFocus(box) {
  const had = box.current?.contains(document.activeElement) ?? false;
  useLayoutEffect(() => {
    if (!had || !astray()) return;
    const next = /** @type {HTMLElement | null} */ (box.current?.querySelector("input:enabled, button:enabled") ?? null);
    if (next) next.focus();
    else home();
  });
}
