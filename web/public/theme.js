// Applies the chosen theme before the first paint; without a choice the system's theme is used.
try {
  const theme = localStorage.getItem("graft-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be disabled; the system's theme is used.
}
