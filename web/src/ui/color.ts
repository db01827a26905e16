/** The colour of a custom property as a canvas understands it: `light-dark()` is resolved. */
export function resolveColor(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  probe.hidden = true;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Call a function whenever the theme changes; returns a function that stops that. */
export function watchTheme(onChange: () => void): () => void {
  const theme = new MutationObserver(onChange);
  theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", onChange);
  return () => {
    theme.disconnect();
    dark.removeEventListener("change", onChange);
  };
}
