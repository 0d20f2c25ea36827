// After Vite: the service worker is built for what was built, the PDF fonts go beside the bundles, compressed copies beside each
// file (the server sends them), and the first load of each face is weighed.
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "../src/zhaoliang/web/static/dist");
const fonts = join(root, "node_modules/@expo-google-fonts/noto-sans-sc");

mkdirSync(join(dist, "fonts"), { recursive: true });
for (const name of ["400Regular", "700Bold"]) {
  copyFileSync(join(fonts, name, `NotoSansSC_${name}.ttf`), join(dist, "fonts", `NotoSansSC_${name}.ttf`));
}
copyFileSync(join(fonts, "LICENSE_FONT"), join(dist, "fonts", "LICENSE_FONT"));

const manifest = JSON.parse(readFileSync(join(dist, "manifest.json"), "utf8"));
const filesOf = (key, { lazy = false } = {}, seen = new Set()) => {
  const chunk = manifest[key];
  if (!chunk || seen.has(chunk.file)) return seen;
  seen.add(chunk.file);
  for (const css of chunk.css ?? []) seen.add(css);
  for (const next of [...(chunk.imports ?? []), ...(lazy ? (chunk.dynamicImports ?? []) : [])]) filesOf(next, { lazy }, seen);
  return seen;
};

// One plain script: not every browser takes a service worker in modules. Its bytes change with each build that a phone must fetch.
const shell = ["icon.svg", "worker.webmanifest", ...filesOf("app.css"), ...filesOf("worker.ts", { lazy: true })];
await build({
  configFile: false,
  root: join(root, "src"),
  logLevel: "warn",
  publicDir: false,
  define: { SHELL_FILES: JSON.stringify([...new Set(shell)].map((file) => `/static/dist/${file}`)) },
  build: {
    outDir: dist,
    emptyOutDir: false,
    target: ["chrome111", "safari16.4", "firefox113"],
    rollupOptions: { input: join(root, "src/sw.ts"), output: { format: "iife", entryFileNames: "sw.js" } },
  },
});

for (const folder of [dist, join(dist, "assets")]) {
  for (const name of readdirSync(folder).filter((file) => /\.(js|css|svg|webmanifest)$/.test(file))) {
    const path = join(folder, name);
    const bytes = readFileSync(path);
    writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
    writeFileSync(`${path}.br`, brotliCompressSync(bytes));
  }
}

const gzip = (file) => gzipSync(readFileSync(join(dist, file))).length;
// What a page itself may weigh (HTML, gzip); the rest of the budget belongs to the bundles.
const HTML_ALLOWANCE = 20_000;
const BUDGET = 150_000;
let heavy = false;
for (const entry of ["public.ts", "worker.ts", "console.ts"]) {
  const files = [...new Set([...filesOf("app.css"), ...filesOf(entry)])];
  const total = files.reduce((sum, file) => sum + gzip(file), 0);
  console.log(`${entry.padEnd(11)} ${(total / 1000).toFixed(1).padStart(6)} kB gzip  (${files.join(", ")})`);
  if (entry === "worker.ts" && total + HTML_ALLOWANCE > BUDGET) heavy = true;
}
if (heavy) {
  console.error("The first load of a worker page would exceed 150 kB.");
  process.exit(1);
}
