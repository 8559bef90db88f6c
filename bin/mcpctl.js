#!/usr/bin/env node
// The launcher: refuses what it cannot run on in one clear line, then loads the bundle.
import { existsSync } from "node:fs";

const [major, minor] = process.versions.node.split(".").map(Number);
const bundle = new URL("../dist/main.js", import.meta.url);

if (major < 22 || (major === 22 && minor < 19)) {
  refuse(`mcpctl needs Node 22.19 or newer; this is ${process.versions.node}`, "Install a newer Node; inside the repository use: npx mcpctl");
} else if (!existsSync(bundle)) {
  refuse("mcpctl is not built", "Run: npm ci, or after a change: npm run build");
} else {
  const { main } = await import(bundle);
  await main();
}

function refuse(message, hint) {
  process.stderr.write(`error: ${message}\n  ${hint}\n`);
  process.exitCode = 2;
}
