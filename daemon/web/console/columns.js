/** Shares cards of different heights out to columns: the next one always goes where the least stands so far. */
import { useLayoutEffect, useState } from "./view.js";

const NARROWEST = 340; // px of a column

/**
 * How many columns fit into the element, as it is now.
 * @param {{ current: HTMLElement | null }} element
 */
export function useColumnCount(element) {
  const [count, setCount] = useState(1);
  useLayoutEffect(() => {
    const watched = element.current;
    if (!watched) return undefined;
    const measure = () => setCount(Math.max(1, Math.floor(watched.clientWidth / NARROWEST)));
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(watched);
    return () => watch.disconnect();
  }, []);
  return count;
}

/**
 * @template T
 * @param {T[]} some
 * @param {number} count
 * @param {(one: T) => number} height
 * @returns {T[][]}
 */
export function shareOut(some, count, height) {
  const columns = Array.from({ length: count }, () => ({ height: 0, cards: /** @type {T[]} */ ([]) }));
  for (const one of some) {
    const lowest = columns.reduce((a, b) => (b.height < a.height ? b : a));
    lowest.cards.push(one);
    lowest.height += height(one);
  }
  return columns.map(({ cards }) => cards);
}
