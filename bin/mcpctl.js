#!/usr/bin/env node
// The launcher: refuses a Node that is too old in one clear line, then loads the bundle.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`error: mcpctl needs Node 22.19 or newer; this is ${process.versions.node}\n  Install a newer Node; inside the repository use: npx mcpctl\n`);
  process.exit(5);
}
const { main } = await import("../dist/main.js");
await main();
