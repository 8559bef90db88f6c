import { build } from "esbuild";
import { rename, rm } from "node:fs/promises";
import { writeValidators } from "./validators.ts";

/** Builds `dist/`: validators compiled from `schemas/`, then one split bundle whose heavy parts load on demand. */
await writeValidators();
const OUT = "dist.new";
await rm(OUT, { recursive: true, force: true });
await build({
  entryPoints: { main: "src/main.ts", "demo-server": "src/demo/server.ts" },
  outdir: OUT,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node22.19",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "linked",
  logLevel: "warning",
  // CommonJS packages in the bundle call require() for node's own modules.
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
});
await rm("dist", { recursive: true, force: true });
await rename(OUT, "dist");
