#!/usr/bin/env node
// The launcher: refuses what it cannot run on in one clear line, then loads the bundle.
import * as module from "node:module";
import { fileURLToPath } from "node:url";

const [major, minor] = process.versions.node.split(".").map(Number);

if (major < 22 || (major === 22 && minor < 19)) {
  refuse(
    `mcpctl needs Node 22.19 or newer; this is ${process.versions.node}`,
    "Install a newer Node; inside the repository use: npx mcpctl",
  );
} else {
  // Compiled code is kept beside the bundle, where whoever could forge it could as well change the bundle.
  module.enableCompileCache(fileURLToPath(new URL("../dist/.cache", import.meta.url)));
  const bundle = new URL("../dist/main.js", import.meta.url).href;
  await import(bundle).then(
    ({ main }) => main(),
    (error) => {
      if (error.code === "ERR_MODULE_NOT_FOUND" && error.url === bundle) {
        refuse("mcpctl is not built", "Run: npm ci, or after a change: npm run build");
      } else {
        process.stderr.write(`error: this is a bug in mcpctl\n${error.stack}\n`);
        process.exitCode = 70;
      }
    },
  );
}

function refuse(message, hint) {
  process.stderr.write(`error: ${message}\n  ${hint}\n`);
  process.exitCode = 2;
}
