import { randomBytes } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mintKey, type MintedKey } from "../../src/lib/keys/key.ts";

/** How many of the keys make calls: more callers than one, and few enough calls of each to stay within any rate. */
const CALLERS = 64;
const ROLE = "dev-readonly";

/** The files of one gateway. */
export interface Project {
  readonly folder: string;
  readonly keys: readonly MintedKey[];
  /** Tokens of the keys that make calls, spread over all keys. */
  readonly tokens: readonly string[];
}

/** Writes a project with so many keys; `eks-ro` is granted for tools eks_get_*, `streams` whole, `vault-ro` not at all. */
export async function writeProject(folder: string, keyCount: number, backend: string): Promise<Project> {
  await mkdir(folder, { recursive: true });
  const keys = Array.from({ length: keyCount }, () => mintKey(randomBytes));
  const put = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);
  await put("keys.json", keysJson(keys));
  await put("denylist.json", '{"locks":[]}');
  await put(
    "roles.yaml",
    `roleMapping:\n  ${ROLE}:\n    - { backend: eks-ro, tools: { allow: [eks_get_*] } }\n    - streams\n`,
  );
  await put("mcpctl.yaml", "contexts:\n  - name: bench\n    store: { type: file, path: keys.json }\n");
  const fields = "service: eks, environment: stage, access: ro, owner: bench";
  // Each has a URL of its own: a registry where a grant to one is a grant to another is refused.
  const entries = ["eks-ro", "streams", "vault-ro"].map(
    (name) => `  ${name}: { ${fields}, url: "${backend}/${name}" }\n`,
  );
  await put("backends.yaml", `backends:\n${entries.join("")}`);
  return { folder, keys, tokens: spreadOver(keys, CALLERS).map(({ token }) => token.reveal()) };
}

/** Replaces keys.json as writers do, by renaming; these keys are revoked in it. Gives the time of the rename. */
export async function replaceKeys({ folder, keys }: Project, revoked: readonly MintedKey[] = []): Promise<number> {
  await writeFile(join(folder, "keys.json.new"), keysJson(keys, revoked));
  const renamedAt = performance.now();
  await rename(join(folder, "keys.json.new"), join(folder, "keys.json"));
  return renamedAt;
}

/** So many of the items, evenly over all of them; all of them when there are fewer. */
export function spreadOver<T>(items: readonly T[], count: number): readonly T[] {
  const taken = Math.min(count, items.length);
  return Array.from({ length: taken }, (_, index) => items[Math.floor((index * items.length) / taken)] as T);
}

function keysJson(keys: readonly MintedKey[], revoked: readonly MintedKey[] = []): string {
  const records = keys.map(({ hash }, index) => [`${ROLE}.${hash}`, `${ROLE}/bench-${index}`]);
  const markers = revoked.map(({ hash }) => [`${ROLE}.${hash}.revoked`, new Date().toISOString()]);
  return JSON.stringify(Object.fromEntries([...records, ...markers]));
}
