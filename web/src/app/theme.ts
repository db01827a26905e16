/** The chosen theme; it is applied before the first paint by public/theme.js. */

const KEY = "graft-theme";

/** Whether the page is dark now, by choice or by the system. */
export function isDark(): boolean {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Switch between light and dark, and remember the choice; returns whether it is dark now. */
export function toggleTheme(): boolean {
  const next = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Without storage the choice lasts until the page is reloaded.
  }
  return next === "dark";
}
