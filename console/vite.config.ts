import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  build: { outDir: "../weir/api/static", emptyOutDir: true, target: "es2022", modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
});
