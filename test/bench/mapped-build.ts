import { build } from "esbuild";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { SourceMap } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Locate } from "./cpu-profile.ts";

/**
 * The bundle once more, built as scripts/build.ts builds it but with source maps, which are not shipped. Gives its
 * launcher.
 */
export async function buildWithMaps(folder: string): Promise<string> {
  await mkdir(join(folder, "bin"), { recursive: true });
  await copyFile(join("bin", "mcpctl.js"), join(folder, "bin", "mcpctl.js"));
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
  await build({
    entryPoints: { main: "src/main.ts" },
    outdir: join(folder, "dist"),
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22.19",
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: "external",
    sourcesContent: false,
    logLevel: "warning",
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
  });
  return join(folder, "bin", "mcpctl.js");
}

/** Finds places of this bundle in the sources; what is node's own keeps its name. */
export async function locator(urls: Iterable<string>): Promise<Locate> {
  const maps = new Map<string, SourceMap>();
  for (const url of new Set(urls)) {
    if (!url.startsWith("file:")) continue;
    const text = await readFile(`${fileURLToPath(url)}.map`, "utf8").catch(() => null);
    if (text !== null) maps.set(url, new SourceMap(JSON.parse(text)));
  }
  return (url, line, column) => {
    const origin = maps.get(url)?.findEntry(line, column);
    if (origin === undefined || !("originalSource" in origin)) return { owner: "node", place: `${url}:${line + 1}` };
    const path = resolve(fileURLToPath(new URL(".", url)), origin.originalSource);
    const [, name, rest] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(.*)$/.exec(path) ?? [];
    const place = name === undefined ? path.slice(path.lastIndexOf("/src/") + 1) : `${name}/${rest}`;
    return { owner: name ?? "src", place: `${place}:${origin.originalLine + 1}` };
  };
}
