/** Whether an element is in the visible part of what scrolls around it, or close to it. */
import { useEffect, useState } from "./view.js";

const CLOSE = "400px"; // above and below: drawn before it is scrolled to

/** @type {WeakMap<Element, (inSight: boolean) => void>} */
const told = new WeakMap();
/** @type {IntersectionObserverInit & { scrollMargin: string }} */
const near = { scrollMargin: CLOSE };
const watching = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) told.get(target)?.(isIntersecting);
}, near);

/**
 * False until the browser has laid the element out.
 * @param {{ current: Element | null }} element
 */
export function useInSight(element) {
  const [inSight, setInSight] = useState(false);
  useEffect(() => {
    const watched = element.current;
    if (!watched) return undefined;
    told.set(watched, setInSight);
    watching.observe(watched);
    return () => watching.unobserve(watched);
  }, []);
  return inSight;
}
