import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const SERVICE = process.env.GRAFT_URL ?? "http://127.0.0.1:8000";
const src = fileURLToPath(new URL("./src", import.meta.url));

export default defineConfig({
  base: "/ui/",
  plugins: [react()],
  resolve: { alias: { "@": src } },
  build: {
    outDir: "../app/dashboard/static",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the Content-Security-Policy allows no data: fonts or scripts
    modulePreload: { polyfill: false },
    manifest: true,
  },
  server: {
    proxy: { "^/(?!ui)": { target: SERVICE, changeOrigin: true } },
  },
  test: { environment: "jsdom", include: ["src/**/*.test.{ts,tsx}"] },
});
