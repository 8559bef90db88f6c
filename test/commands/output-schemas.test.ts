import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AppError } from "../../src/lib/errors.ts";
import { MemoryStore } from "../support/memory-store.ts";
import { startObjectServer } from "../support/object-server.ts";
import { makeProject, mintedKeys, type Project } from "../support/run-cli.ts";

const hash = (digit: string): string => digit.repeat(64);
const fitting = new Map<string, ValidateFunction>();

let project: Project;
let store: MemoryStore;
beforeEach(async () => {
  project = await makeProject();
  store = new MemoryStore();
  store.plant("stray", "x");
  store.plant(`dev-readonly/${hash("1")}`, "dev-readonly/alice?exp=2027-01-01T00:00:00Z", 2, {
    action: "create",
    at: "2026-11-01T00:00:00Z",
    author: "alice",
  });
  store.plant(`dev-readonly/${hash("1")}.ends`, "exp=2026-11-21T00:00:00Z&next=k_222222222222");
  store.plant(`dev-readonly/${hash("2")}`, "dev-readonly/alice");
  store.plant(`dev-readonly/${hash("3")}`, "garbage");
  store.plant(`dev-readonly/${hash("4")}`, "dev-readonly/bob");
  store.plant(`dev-readonly/${hash("4")}.revoked`, "garbage");
});
afterEach(() => project.remove());

async function validatorOf(name: string): Promise<ValidateFunction> {
  const known = fitting.get(name);
  if (known !== undefined) return known;
  const ajv = new Ajv2020({
    allErrors: true,
    strict: true,
    allowUnionTypes: true,
    strictTypes: false,
    strictRequired: false,
  });
  const made = ajv.compile(JSON.parse(await readFile(`schemas/output/${name}.schema.json`, "utf8")) as object);
  fitting.set(name, made);
  return made;
}

/** Why what was printed does not fit its schema, or why that schema lets anything through; empty when all is well. */
async function misfits(name: string, printed: string): Promise<readonly unknown[]> {
  const fits = await validatorOf(name);
  return (name === "token" ? printed.trimEnd().split("\n") : [printed]).flatMap((text): readonly unknown[] => {
    const data = JSON.parse(text) as unknown;
    if (!fits(data)) return fits.errors ?? [];
    const [one] = Array.isArray(data) ? (data as unknown[]) : [data];
    const surprised = one === undefined ? "surprise" : { ...(one as object), surprise: 1 };
    return fits(Array.isArray(data) ? [surprised] : surprised) ? [`${name} lets an unknown field through`] : [];
  });
}

describe("-o json", () => {
  it.each([
    ["keys-list", ["keys", "list"]],
    ["keys-list", ["keys", "list", "--role", "nobody"]],
    ["keys-show", ["keys", "show", "k_111111111111"]],
    ["keys-show", ["keys", "show", "k_333333333333"]],
    ["keys-show", ["keys", "show", "k_444444444444"]],
    ["keys-revoke", ["keys", "revoke", "--role", "dev-readonly", "--yes"]],
    ["keys-revoke", ["keys", "revoke", "--role", "dev-readonly", "--dry-run"]],
    ["token", ["keys", "create", "--role", "dev-readonly", "--user", "alice"]],
    ["token", ["keys", "rotate", "--user", "alice", "--yes"]],
    ["keys-rotate", ["keys", "rotate", "--role", "dev-readonly", "--dry-run"]],
    ["keys-rotate", ["keys", "rotate", "--user", "bob", "--dry-run"]],
    ["keys-rotate", ["keys", "rotate", "--user", "bob", "--yes"]],
    ["roles-check", ["roles", "check"]],
    ["can", ["can", "dev-readonly", "eks-ro"]],
    ["can", ["can", "dev-readonly", "eks-rw"]],
    ["context-list", ["context", "list"]],
    ["context-list", ["--config", resolve("examples/mcpctl.yaml"), "context", "list"]],
  ])("fits %s for `%o`", async (schema, argv) => {
    const { out, code } = await project.run([...argv, "-o", "json"], { store });
    expect([0, 1]).toContain(code);
    expect(await misfits(schema, out)).toEqual([]);
  });

  it("fits keys-revoke when it fails, and when it is not proven", async () => {
    store.failNext("create", new AppError("forbidden", "aws_access_denied", "denied"));
    store.unproveNext();
    const { out, code } = await project.run(["keys", "revoke", "--user", "alice", "--yes", "-o", "json"], { store });
    expect((JSON.parse(out) as { result: string }[]).map(({ result }) => result)).toEqual(["failed", "unproven"]);
    expect(code).toBe(4);
    expect(await misfits("keys-revoke", out)).toEqual([]);
  });

  it("fits keys-inspect for a token that is none, for one that is known, and for one that is not", async () => {
    const [key] = mintedKeys(1);
    const token = key?.token.reveal() ?? "";
    for (const [stdin, code] of [
      ["nonsense", 3],
      [token, 1],
      [token, 0],
    ] as const) {
      const result = await project.run(["keys", "inspect", "-o", "json"], { store, stdin });
      expect([result.code, await misfits("keys-inspect", result.out)]).toEqual([code, []]);
      if (code === 1) store.plant(`dev-readonly/${key?.hash}`, "dev-readonly/alice");
    }
  });

  it("fits iam-policy for each kind", async () => {
    const context =
      '{ name: c, store: { type: ssm, path: /k, region: eu-central-1, account: "111122223333", kmsKeyId: alias/k } }';
    await writeFile(join(project.cwd, "mcpctl.yaml"), `contexts: [${context}]\n`);
    for (const kind of ["reader", "oncall", "pruner", "external-secrets", "guard", "issuer"]) {
      const { code, out } = await project.run(["iam-policy", kind, ...(kind === "issuer" ? ["--role", "qa"] : [])]);
      expect([code, await misfits("iam-policy", out)]).toEqual([0, []]);
    }
  });

  it("fits keys-scan for a token of this store, and of none", async () => {
    const keys = mintedKeys(2);
    store.plant(`dev-readonly/${keys[0]?.hash}`, "dev-readonly/alice");
    const stdin = keys.map(({ token }) => token.reveal()).join("\n");
    const { code, out } = await project.run(["keys", "scan", "-", "-o", "json"], { store, stdin });
    expect([code, (JSON.parse(out) as unknown[]).length, await misfits("keys-scan", out)]).toEqual([1, 2, []]);
  });

  it("fits keys-import and keys-prune, done and not done", async () => {
    const importing = ["keys", "import", "-", "--ttl", "1d", "-o", "json"];
    const stdin = `${hash("9")}:dev-readonly/alice`;
    store.plant(`dev-readonly/${hash("8")}`, "dev-readonly/alice?exp=2026-01-01T00:00:00Z");
    for (const more of ["--dry-run", "--yes"]) {
      const imported = await project.run([...importing, more], { store, stdin });
      expect([imported.code, JSON.parse(imported.out), await misfits("keys-import", imported.out)]).toEqual([
        0,
        [expect.objectContaining({ id: "k_999999999999" })],
        [],
      ]);
      const pruned = await project.run(["keys", "prune", "-o", "json", more], { store });
      expect([pruned.code, JSON.parse(pruned.out), await misfits("keys-prune", pruned.out)]).toEqual([
        0,
        [expect.objectContaining({ id: "k_888888888888" })],
        [],
      ]);
    }
  });

  it("fits init, and init-check with objects of each kind", async () => {
    const uid = "3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f";
    const flags = ["--region", "eu-central-1", "--account", "111122223333", "--image", "x", "--kube-context", "c"];
    for (const argv of [
      ["--store", "file", "--dir", "local"],
      [...flags, "--cluster", uid],
    ]) {
      const { code, out } = await project.run(["init", ...argv, "-o", "json"]);
      expect([code, await misfits("init", out)]).toEqual([0, []]);
    }
    const server = await startObjectServer();
    server.put("namespaces", null, "kube-system", { metadata: { uid } });
    server.put("serviceaccounts", "mcp-gateway", "mcp-gateway", {});
    server.put("services", "mcp-gateway", "mcp-gateway", 403);
    const ports = { kube: async () => server.api() };
    const { code, out } = await project.run(["init", "--check", "-o", "json"], { ports });
    await server.stop();
    expect([code, await misfits("init-check", out)]).toEqual([1, []]);
  });

  it("fits token for a key without an end", async () => {
    await writeFile(join(project.cwd, "mcpctl.yaml"), "keys: {maxTtl: never}\n");
    const argv = ["keys", "create", "--role", "dev-readonly", "--user", "alice", "--ttl", "never", "-o", "json"];
    expect(await misfits("token", (await project.run(argv, { store })).out)).toEqual([]);
  });

  it("fits roles-check with findings of each kind, and can with a narrowed grant", async () => {
    const roles = "roleMapping:\n  dev: [nope]\n  ops: []\n  qa:\n    - {backend: eks-ro, tools: {deny: [x]}}\n";
    await writeFile(join(project.cwd, "roles.yaml"), roles);
    expect(await misfits("roles-check", (await project.run(["roles", "check", "-o", "json"])).out)).toEqual([]);
    expect(await misfits("can", (await project.run(["can", "qa", "eks-ro", "-o", "json"])).out)).toEqual([]);
    await writeFile(join(project.cwd, "roles.yaml"), Uint8Array.of(0xff));
    expect(await misfits("roles-check", (await project.run(["roles", "check", "-o", "json"])).out)).toEqual([]);
  });

  it.each([
    ["an expected error", ["keys", "show", "k_000000000000"]],
    ["a usage error", ["keys", "show"]],
    ["a usage error with a hint", ["keys", "show", "--rol"]],
  ])("fits error for %s", async (_what, argv) => {
    expect(await misfits("error", (await project.run([...argv, "-o", "json"], { store })).err)).toEqual([]);
  });

  it("fits error for a bug", async () => {
    store.failNext("list", new TypeError("x is not a function"));
    expect(await misfits("error", (await project.run(["keys", "list", "-o", "json"], { store })).err)).toEqual([]);
  });

  it("has no schema that this test does not use", async () => {
    const names = (await readdir("schemas/output")).map((file) => file.replace(".schema.json", ""));
    expect(names.toSorted()).toEqual([
      "can",
      "context-list",
      "error",
      "iam-policy",
      "init",
      "init-check",
      "keys-import",
      "keys-inspect",
      "keys-list",
      "keys-prune",
      "keys-revoke",
      "keys-rotate",
      "keys-scan",
      "keys-show",
      "roles-check",
      "token",
    ]);
  });
});
