import { readdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SyncReport } from "../../src/lib/cluster/sync-run.ts";
import { syncView } from "../../src/commands/cluster/sync-view.ts";
import { AppError } from "../../src/lib/errors.ts";
import { auditLog, refusalLine } from "../support/audit-lines.ts";
import { makeGatewayProject } from "../support/gateway-project.ts";
import { MemoryStore } from "../support/memory-store.ts";
import { misfits } from "../support/output-schema.ts";
import { startObjectServer } from "../support/object-server.ts";
import { makeProject, mintedKeys, NOW, type Project } from "../support/run-cli.ts";

const hash = (digit: string): string => digit.repeat(64);

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
    ["roles-check", ["roles", "check", "--keys", "--no-ignores"]],
    ["roles-diff", ["roles", "diff", "roles.yaml", "roles.yaml", "--keys"]],
    ["roles-list", ["roles", "list"]],
    ["roles-list", ["roles", "list", "--env", "prod", "--write"]],
    ["can", ["can", "dev-readonly", "eks-ro"]],
    ["can", ["can", "dev-readonly", "eks-rw"]],
    ["can", ["can", "dev-readonly", "eks-ro", "eks_get_pods", "--layer", "gateway"]],
    ["can", ["--config", resolve("examples/mcpctl.yaml"), "can", "dev-readonly", "eks-ro", "eks_delete_pod"]],
    ["can", ["--config", resolve("examples/mcpctl.yaml"), "can", "dev-readonly", "aws-ro", "aws_terminate_instance"]],
    ["can-grid", ["can", "--matrix"]],
    ["can-grid", ["can", "--who", "eks_get_pods"]],
    ["verify", ["verify"]],
    ["verify", ["--config", resolve("examples/mcpctl.yaml"), "verify"]],
    ["backends-list", ["backends", "list"]],
    ["backends-list", ["backends", "list", "--service", "none"]],
    ["backends-import", ["backends", "import", "--catalogue", "awslabs-eks", "eks-ro", "--dry-run"]],
    ["backends-import", ["backends", "import", "--catalogue", "postgres-mcp", "postgres-ro", "--yes"]],
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
    expect(await misfits("roles-list", (await project.run(["roles", "list", "-o", "json"])).out)).toEqual([]);
    for (const tool of [[], ["x"], ["y"]]) {
      expect(await misfits("can", (await project.run(["can", "qa", "eks-ro", ...tool, "-o", "json"])).out)).toEqual([]);
    }
    await writeFile(join(project.cwd, "roles.yaml"), Uint8Array.of(0xff));
    expect(await misfits("roles-check", (await project.run(["roles", "check", "-o", "json"])).out)).toEqual([]);
  });

  it("fits roles-test when all pass, when calls fail or changes survive, and when a file cannot be used", async () => {
    const roles =
      "roleMapping:\n  dev:\n    - {backend: eks-ro, tools: {allow: ['eks_*'], deny: [eks_x]}}\n    - costs\n";
    await writeFile(join(project.cwd, "roles.yaml"), roles);
    for (const [test, code] of [
      ["matrix: {roles: [dev], backends: [eks-ro, eks-rw], allow: {dev: [eks-ro]}}", 1],
      ["{role: dev, backend: costs, expect: allow}", 1],
      ["{role: qa, backend: eks-ro, expect: deny, reason: role_unknown}", 1],
      ["{role: dev, backend: nope, expect: allow}", 3],
    ] as const) {
      await writeFile(join(project.cwd, "t.yaml"), `tests:\n  - ${test}\n`);
      const result = await project.run(["roles", "test", "t.yaml", "--mutate", "--threshold", "1", "-o", "json"]);
      expect([test, result.code, await misfits("roles-test", result.out)]).toEqual([test, code, []]);
    }
  });

  it("fits roles-replay and roles-replay-suggest, with something in each list", async () => {
    const roles = "roleMapping:\n  dev-readonly:\n    - eks-rw\n    - costs\n";
    await writeFile(join(project.cwd, "roles.yaml"), roles);
    const refusal = { request_id: "req_refused", seq: 3, user: null, tool_name: null, method: null, backend: "eks-rw" };
    const log = auditLog([{}, {}]) + refusalLine("backend_not_granted", refusal);
    const locked = refusalLine("user_locked", { request_id: "req_locked", seq: 4 });
    await writeFile(join(project.cwd, "audit.jsonl"), log + locked);
    const argv = ["roles", "replay", "audit.jsonl", "-o", "json"];
    const replayed = await project.run([...argv, "--since", "1d"]);
    expect([replayed.code, await misfits("roles-replay", replayed.out)]).toEqual([0, []]);
    expect(JSON.parse(replayed.out)).toMatchObject({ calls: { refused: 2, allowed: 1, unknown: 1 } });
    for (const [flags, code] of [
      [["--unused", "1m"], 0],
      [["--unused", "1d"], 7],
    ] as const) {
      const suggested = await project.run([...argv, "--suggest", ...flags]);
      expect([suggested.code, await misfits("roles-replay-suggest", suggested.out)]).toEqual([code, []]);
    }
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

  it("fits receipt, lock-list, lock-init and lock-stays from the first lock to its end, and the admin log with it", async () => {
    const desk = await makeGatewayProject();
    const fits = async (schema: string, argv: readonly string[], code: number, now = NOW): Promise<string> => {
      const result = await desk.run([...argv, "-o", "json"], { now: () => now });
      expect([argv, result.code, await misfits(schema, result.out)]).toEqual([argv, code, []]);
      return result.out;
    };
    const revoking = ["keys", "revoke", "--user", "agent-01", "--break-glass", "--yes"];
    await fits("lock-init", ["lock", "init"], 0);
    await fits("lock-list", ["lock", "list"], 0);
    await fits("receipt", ["lock", "add", "--backend", "eks-ro", "--reason", "x", "--for", "1h", "--tell"], 0);
    const all = await fits("receipt", ["lock", "add", "--all", "--confirm", "desk", "--reason", "x", "--no-wait"], 0);
    const { lock } = JSON.parse(await fits("receipt", revoking, 0)) as { lock: { id: string } };
    await fits("receipt", revoking, 0);
    await fits("lock-list", ["lock", "list"], 0);
    await fits("status", ["status"], 1);
    await fits(
      "receipt",
      ["lock", "remove", (JSON.parse(all) as typeof lock & { lock: typeof lock }).lock.id, "--yes"],
      0,
    );
    await fits("lock-stays", ["lock", "remove", lock.id], 1);
    await fits("receipt", ["lock", "remove", lock.id], 0, NOW + 600_000);
    await desk.name(["http://127.0.0.1:9"]);
    await rm(desk.denylist);
    await fits("receipt", [...revoking, "--timeout", "1s"], 6);
    const receipts = await desk.receipts();
    await desk.close();
    expect(receipts).toHaveLength(7);
    expect(await Promise.all(receipts.map((line) => misfits("receipt", JSON.stringify(line))))).toEqual(
      receipts.map(() => []),
    );
  });

  it("fits status with some of the layers there, with all, and with all away", async () => {
    const desk = await makeGatewayProject();
    const server = await startObjectServer();
    const cluster = "3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f";
    const kubernetes = { context: "c", cluster, namespace: "gw", externalSecret: "es", secret: "s", denylist: "d" };
    const ssm = { type: "ssm", path: "/k", region: "eu-central-1", account: "111122223333" };
    const context = { name: "c", store: ssm, kubernetes, gateway: { url: "http://x", admin: [desk.gateway.adminUrl] } };
    await writeFile(join(project.cwd, "mcpctl.yaml"), JSON.stringify({ contexts: [context], currentContext: "c" }));
    const ports = { kube: async () => server.api() };
    const ask = () => project.run(["status", "-o", "json"], { store, ports });
    server.put("namespaces", null, "kube-system", { metadata: { uid: cluster } });
    const half = await ask();
    expect([half.code, await misfits("status", half.out)]).toEqual([5, []]);
    server.put("externalsecrets", "gw", "es", { metadata: { name: "es" }, spec: {} });
    server.put("secrets", "gw", "s", { data: { "keys.json": Buffer.from("{}").toString("base64") } });
    const lock = { id: "lock_a", match: { all: true }, reason: "", tell: true, by: "a", at: "2026-11-20T10:00:00Z" };
    const locks = JSON.stringify({ locks: [{ ...lock, until: null, revokes: true }] });
    server.put("configmaps", "gw", "d", { data: { "denylist.json": locks } });
    const whole = await ask();
    expect([whole.code, await misfits("status", whole.out)]).toEqual([1, []]);
    await server.stop();
    store.failNext("list", new AppError("unavailable", "aws_unreachable", "away"));
    const away = await ask();
    await desk.close();
    expect([away.code, await misfits("status", away.out)]).toEqual([5, []]);
    expect((JSON.parse(away.out) as { not_looked_at: string[] }).not_looked_at).toHaveLength(4);
  });

  it("fits sync when all is proven, when it is not, and when nothing was forced", async () => {
    const pair = { externalSecret: "es", secret: "s" };
    const contents = { name: "s", resourceVersion: "7", sha256: hash("a"), bytes: 2, entries: [], synced: null };
    const state = { version: "1", instance: "i", ready: [], sources: [], counts: {}, keys: null, lock: null };
    const proof = { name: "gw", isTerminating: false, state, provenAfterMs: 1.5, problem: null };
    const proven: SyncReport = {
      objections: [],
      secrets: [{ ...pair, contents, problem: null, hint: null }],
      lacking: null,
      replicas: [proof],
      problems: [],
      notes: [],
    };
    const reports: readonly SyncReport[] = [
      proven,
      {
        ...proven,
        secrets: [{ ...pair, contents: null, problem: "p", hint: "h" }],
        lacking: "l",
        replicas: [{ ...proof, state: null, provenAfterMs: null, problem: "p" }],
        problems: ["p"],
      },
      {
        ...proven,
        objections: [{ ...pair, problem: "p", mend: "m" }],
        secrets: [],
        replicas: null,
        problems: ["p"],
      },
    ];
    for (const report of reports) expect(await misfits("sync", JSON.stringify(syncView(report).data))).toEqual([]);
  });

  it("has no schema that this test does not use", async () => {
    const names = (await readdir("schemas/output")).map((file) => file.replace(".schema.json", ""));
    expect(names.toSorted()).toEqual([
      "backends-import",
      "backends-list",
      "can",
      "can-grid",
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
      "lock-init",
      "lock-list",
      "lock-stays",
      "receipt",
      "roles-check",
      "roles-diff",
      "roles-list",
      "roles-replay",
      "roles-replay-suggest",
      "roles-test",
      "snapshot",
      "status",
      "sync",
      "token",
      "verify",
    ]);
  });
});
