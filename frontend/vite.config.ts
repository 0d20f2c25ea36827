import tailwindcss from "@tailwindcss/vite";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig(({ mode }) => ({
  root: here("./src"),
  base: "/static/dist/",
  publicDir: here("./public"),
  plugins: [tailwindcss()],
  build: {
    outDir: here("../src/zhaoliang/web/static/dist"),
    emptyOutDir: true,
    // Not `.vite/manifest.json`: collectstatic and packaging leave out dot folders.
    manifest: "manifest.json",
    minify: mode !== "development",
    reportCompressedSize: false,
    target: ["chrome111", "safari16.4", "firefox113"],
    rollupOptions: {
      // htmx can eval event filters; we switch that off (`allowEval`), so its presence needs no warning.
      checks: { eval: false },
      input: ["public.ts", "worker.ts", "console.ts", "app.css"].map((name) => here(`./src/${name}`)),
    },
  },
}));
