// Builds the operators' interface: `node build.mjs [--out DIR] [--watch]`.
// Output: app.js, style.css, icons.svg and the two fonts, in nomaflow/static/ui unless told otherwise.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { context } from "esbuild";
import { sprite } from "./icons.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const outFlag = process.argv.indexOf("--out");
const out = resolve(outFlag > 0 ? process.argv[outFlag + 1] : join(here, "../nomaflow/static/ui"));

const builder = await context({
  absWorkingDir: here,
  entryPoints: { app: "src/app.ts", style: "src/style.css" },
  outdir: out,
  bundle: true,
  splitting: true,
  format: "esm",
  target: ["es2022"],
  minify: true,
  sourcemap: "linked",
  // Fonts keep plain names: the shell preloads them, and Django's static storage adds the hashes.
  assetNames: "[name]",
  chunkNames: "chunk-[name]-[hash]",
  loader: { ".woff2": "file" },
  legalComments: "linked",
  logLevel: "warning",
});

mkdirSync(out, { recursive: true });
writeFileSync(join(out, "icons.svg"), sprite(here));
copyFileSync(join(here, "src/favicon.svg"), join(out, "favicon.svg"));
if (process.argv.includes("--watch")) {
  await builder.watch();
} else {
  await builder.rebuild();
  await builder.dispose();
}
