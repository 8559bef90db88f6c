import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";

interface Import {
  readonly from: string;
  /** A path below src for a relative import, else the package or built-in as written. */
  readonly to: string;
}

const PURE = ["lib/keys/", "lib/policy/", "lib/flow/", "lib/audit/", "lib/json/"];
/** What a pure folder may import from outside of src. */
const PURE_PACKAGES = new Set(["node:crypto", "yaml"]);
const STATEMENT =
  /(?:^|\n)\s*(?:import|export)\s+(?:[\w$*{},\s]+?\sfrom\s+)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/g;

/** Every static and dynamic import of this text, with relative ones as paths below src. */
function importsOf(from: string, text: string): readonly Import[] {
  return [...text.matchAll(STATEMENT)].map((match) => {
    const target = match[1] ?? match[2] ?? "";
    return { from, to: target.startsWith(".") ? join(dirname(from), target) : target };
  });
}

/** What the design forbids, one line for each; empty for a tree that keeps its layers. */
function violations(imports: readonly Import[]): readonly string[] {
  return imports.filter(isForbidden).map(({ from, to }) => `${from} imports ${to}`);
}

function isForbidden({ from, to }: Import): boolean {
  if (isOutside(to) && PURE.some((folder) => from.startsWith(folder))) return !PURE_PACKAGES.has(to);
  if (PURE.some((folder) => from.startsWith(folder))) return !isPureTarget(to);
  if (from.startsWith("lib/")) return /^(commands|gateway|demo)\//.test(to) || isTop(to);
  if (from.startsWith("gateway/")) return /^(commands|demo)\//.test(to) || to === "commander" || isProgram(to);
  if (from === "commands/gateway/start.ts") return to.startsWith("gateway/") && to !== "gateway/start-gateway.ts";
  if (from.startsWith("commands/")) return to.startsWith("gateway/") || isProgram(to);
  return false;
}

function isOutside(to: string): boolean {
  return to.startsWith("node:") || (/^[@a-z]/.test(to) && !/\.(ts|js|json)$/.test(to));
}

/** Pure code may use pure code, the small words beside it, and the compiled schemas. */
function isPureTarget(to: string): boolean {
  return PURE.some((folder) => to.startsWith(folder)) || /^lib\/[a-z-]+\.ts$/.test(to) || to.startsWith("generated/");
}

function isTop(to: string): boolean {
  return /^[a-z-]+\.ts$/.test(to) && to !== "version.ts";
}

function isProgram(to: string): boolean {
  return ["cli.ts", "main.ts", "ports.ts", "process-io.ts"].includes(to);
}

async function allImports(): Promise<readonly Import[]> {
  const files = (await readdir("src", { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative("src", join(entry.parentPath, entry.name)))
    .filter((file) => !file.startsWith("generated/"));
  const imports = await Promise.all(
    files.map(async (file) => importsOf(file, await readFile(join("src", file), "utf8"))),
  );
  return imports.flat();
}

describe("the layers", () => {
  it("are kept by every import", async () => {
    const imports = await allImports();
    expect(violations(imports)).toEqual([]);
    expect(imports.length).toBeGreaterThan(200);
  });

  it.each([
    ["lib/keys/key.ts", 'import { createHash } from "node:crypto";'],
    ["lib/policy/locks.ts", 'import { validate } from "../../generated/denylist.js";'],
    ["lib/policy/source.ts", 'import { AppError } from "../errors.ts";'],
    ["lib/stores/file-store.ts", 'import { mkdir } from "node:fs/promises";'],
    ["commands/can.ts", 'import { decide } from "../lib/policy/decide.ts";'],
    ["commands/gateway/start.ts", 'await import("../../gateway/start-gateway.ts")'],
    ["gateway/server.ts", 'import { VERSION } from "../version.ts";'],
  ])("let %s say %s", (from, text) => {
    expect(importsOf(from, text)).toHaveLength(1);
    expect(violations(importsOf(from, text))).toEqual([]);
  });

  it.each([
    ["lib/keys/key.ts", 'import { readFile } from "node:fs/promises";'],
    ["lib/policy/decide.ts", 'import { SSMClient } from "@aws-sdk/client-ssm";'],
    ["lib/policy/decide.ts", 'import { Command } from "commander";'],
    ["lib/audit/record.ts", 'import {\n  a,\n  b,\n} from "node:os";'],
    ["lib/json/parse-json.ts", 'export * from "node:fs";'],
    ["lib/keys/key.ts", 'import "node:fs";'],
    ["lib/keys/key.ts", 'const { x } = await import("node:fs");'],
    ["lib/keys/key.ts", 'import type { Config } from "../config/config.ts";'],
    ["lib/keys/key.ts", 'import { openFileStore } from "../stores/file-store.ts";'],
    ["lib/stores/file-store.ts", 'import { x } from "../../commands/result.ts";'],
    ["lib/files/read-file.ts", 'import { x } from "../../gateway/server.ts";'],
    ["lib/files/read-file.ts", 'import { x } from "../../io.ts";'],
    ["gateway/server.ts", 'import { x } from "../commands/result.ts";'],
    ["commands/can.ts", 'import { x } from "../gateway/server.ts";'],
    ["commands/gateway/start.ts", 'import { x } from "../../gateway/server.ts";'],
    ["commands/can.ts", 'import { run } from "../cli.ts";'],
  ])("do not let %s say %s", (from, text) => {
    expect(violations(importsOf(from, text))).toHaveLength(1);
  });
});
