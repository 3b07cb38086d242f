/** Whether the window is so narrow (a zoomed page, a small screen) that an alarm takes two lines of the list. */
import { signal } from "./view.js";

const query = matchMedia("(max-width: 1100px)"); // as in style.css

export const narrow = signal(query.matches);
query.addEventListener("change", () => (narrow.value = query.matches));
