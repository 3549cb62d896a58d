// Bundles the log view's bench page: `node bench/build.mjs --out DIR`.
import { copyFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[process.argv.indexOf("--out") + 1];

await build({
  absWorkingDir: join(here, ".."),
  entryPoints: { bench: "bench/bench.ts", style: "src/style.css" },
  outdir: out,
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022"],
  assetNames: "[name]",
  loader: { ".woff2": "file" },
  logLevel: "warning",
});
copyFileSync(join(here, "bench.html"), join(out, "bench.html"));
