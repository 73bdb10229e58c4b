import { defineConfig } from "vite";
import { precompress } from "./precompress.ts";

/** `npm run dev:dashboard -- --mode http://127.0.0.1:9091` says where the running Sluice is that it shows. */
const adminOf = (mode: string) => (mode.startsWith("http") ? mode : "http://127.0.0.1:9090");

export default defineConfig(({ mode }) => ({
  root: import.meta.dirname,
  // Relative, so that the page also works behind a proxy that serves the admin port under a path.
  base: "./",
  plugins: [precompress()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../../../dist/dashboard",
    emptyOutDir: true,
    target: "es2023",
    // Neither polyfill nor inlined files: the Content-Security-Policy allows nothing that is not a file here.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  server: {
    proxy: {
      "/v1": { target: adminOf(mode), ws: true, changeOrigin: true, rewriteWsOrigin: true },
    },
  },
}));
