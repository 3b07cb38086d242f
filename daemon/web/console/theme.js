/** Dark for the night, light for the day; kept by the browser. */
import { signal } from "./view.js";

export const theme = signal(/** @type {"dark" | "light"} */ (localStorage.getItem("theme") === "light" ? "light" : "dark"));
document.documentElement.dataset["theme"] = theme.peek();

export function toggleTheme() {
  theme.value = theme.peek() === "dark" ? "light" : "dark";
  localStorage.setItem("theme", theme.peek());
  document.documentElement.dataset["theme"] = theme.peek();
}
