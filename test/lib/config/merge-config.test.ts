import { describe, expect, it } from "vitest";
import { type ChosenContext, currentContext } from "../../../src/lib/config/config.ts";
import { DEFAULT_SETTINGS } from "../../../src/lib/policy/rules/settings.ts";
import { type ConfigContent, mergeConfig } from "../../../src/lib/config/merge-config.ts";

const fallback = (path: string): string => `/cwd/${path}`;
const file = (folder: string, content: ConfigContent) => ({
  path: `${folder}/mcpctl.yaml`,
  resolve: (path: string) => `${folder}/${path}`,
  content,
});
const context = (name: string) => ({ name, store: { type: "file" as const, path: "keys.json" } });
const flag = (name: string): ChosenContext => ({ name, by: "--context" });
const DAY = 86_400;

const DEFAULT_CONTEXT = {
  name: "default",
  store: { type: "file", path: "/cwd/.mcpctl/keys.json", denylist: "/cwd/.mcpctl/denylist.json" },
  kubernetes: null,
  gateway: { url: "http://127.0.0.1:8080", admin: ["http://127.0.0.1:8081"] },
};

describe("mergeConfig", () => {
  it("has an answer to everything without any file", () => {
    expect(mergeConfig([], null, fallback)).toEqual({
      files: [],
      sources: [],
      policy: {
        roles: "/cwd/roles.yaml",
        backends: "/cwd/backends.yaml",
        manifests: [],
        iam: [],
        oidcIssuer: null,
        eksCluster: null,
        complete: false,
        rules: DEFAULT_SETTINGS,
      },
      keys: { defaultTtlSeconds: 90 * DAY, maxTtlSeconds: 365 * DAY },
      contexts: [DEFAULT_CONTEXT],
      currentContext: null,
      chosen: null,
    });
  });

  it("takes paths relative to the file that names them", () => {
    const project = file("/p", {
      policy: { roles: "r.yaml", manifests: ["m"], iam: ["i"] },
      contexts: [context("local")],
    });
    const { policy, contexts } = mergeConfig([project], null, fallback);
    expect(policy).toMatchObject({
      roles: "/p/r.yaml",
      backends: "/p/backends.yaml",
      manifests: ["/p/m"],
      iam: ["/p/i"],
    });
    expect(contexts.map(({ store }) => store)).toEqual([
      { type: "file", path: "/p/keys.json", denylist: "/p/denylist.json" },
    ]);
  });

  it("lets the stronger file win, field by field for keys and as a whole for the policy", () => {
    const project = file("/p", {
      policy: { complete: true },
      keys: { defaultTtl: "1h" },
      currentContext: "a",
      contexts: [context("a")],
    });
    const user = file("/u", {
      policy: { roles: "r.yaml" },
      keys: { defaultTtl: "2h", maxTtl: "3h" },
      currentContext: "b",
      contexts: [context("b")],
    });
    const merged = mergeConfig([project, user], null, fallback);
    expect(merged).toMatchObject({
      files: ["/p/mcpctl.yaml", "/u/mcpctl.yaml"],
      policy: { roles: "/p/roles.yaml", complete: true },
      keys: { defaultTtlSeconds: 3600, maxTtlSeconds: 10_800 },
      currentContext: "a",
    });
    expect(merged.contexts.map(({ name, store }) => [name, store.type === "file" && store.path])).toEqual([
      ["a", "/p/keys.json"],
      ["b", "/u/keys.json"],
    ]);
    expect(merged.sources).toEqual([
      { path: "/p/mcpctl.yaml", currentContext: "a", contexts: ["a"] },
      { path: "/u/mcpctl.yaml", currentContext: "b", contexts: ["b"] },
    ]);
    expect(mergeConfig([project, user], flag("b"), fallback)).toMatchObject({
      currentContext: "b",
      chosen: { name: "b", by: "--context" },
    });
  });

  it.each([
    ["90d", "365d", 90 * DAY, 365 * DAY],
    ["30d", "30d", 30 * DAY, 30 * DAY],
    ["never", "never", null, null],
    ["90d", "never", 90 * DAY, null],
  ])("takes a default of %s under a maximum of %s", (defaultTtl, maxTtl, defaultTtlSeconds, maxTtlSeconds) => {
    expect(mergeConfig([file("/p", { keys: { defaultTtl, maxTtl } })], null, fallback).keys).toEqual({
      defaultTtlSeconds,
      maxTtlSeconds,
    });
  });

  it.each([
    [{ defaultTtl: "366d" }, "ttl_contradiction"],
    [{ defaultTtl: "never" }, "ttl_contradiction"],
    [{ defaultTtl: "31d", maxTtl: "30d" }, "ttl_contradiction"],
    [{ defaultTtl: "0d" }, "ttl_invalid"],
    [{ maxTtl: "40000d" }, "ttl_invalid"],
  ])("refuses %o as %s", (keys, code) => {
    expect(() => mergeConfig([file("/p", { keys })], null, fallback)).toThrow(
      expect.objectContaining({ kind: "invalid", code }),
    );
  });

  it.each([
    ["within a file", [file("/p", { contexts: [context("a"), context("a")] })], "twice in /p/mcpctl.yaml"],
    [
      "across files",
      [file("/p", { contexts: [context("a")] }), file("/u", { contexts: [context("a")] })],
      "in /u/mcpctl.yaml and in /p/mcpctl.yaml",
    ],
  ])("refuses two contexts of one name %s", (_what, files, where) => {
    expect(() => mergeConfig(files, null, fallback)).toThrow(
      expect.objectContaining({
        kind: "invalid",
        code: "context_twice",
        message: `the context "a" stands ${where}`,
        hint: "Rename one: a project's file cannot redefine a context of the user's file.",
      }),
    );
  });

  it("takes the slashes off the end of a gateway's URL", () => {
    const contexts = [{ ...context("a"), gateway: { url: "https://mcp.example.com//", admin: [] } }];
    expect(mergeConfig([file("/p", { contexts })], null, fallback).contexts[0]?.gateway).toEqual({
      url: "https://mcp.example.com",
      admin: [],
    });
  });
});

describe("currentContext", () => {
  const two = file("/p", { contexts: [context("local"), context("prod")] });

  it("is the one named, or the only one", () => {
    expect(currentContext(mergeConfig([two], flag("prod"), fallback)).name).toBe("prod");
    expect(currentContext(mergeConfig([file("/p", { contexts: [context("local")] })], null, fallback)).name).toBe(
      "local",
    );
    expect(currentContext(mergeConfig([], null, fallback)).name).toBe("default");
  });

  it.each([
    [null, "usage", "context_not_named", "Name one with --context: local, prod."],
    ["lokal", "not-found", "context_not_found", "Did you mean local?"],
    ["staging", "not-found", "context_not_found", "Contexts: local, prod."],
    ["", "not-found", "context_not_found", "Contexts: local, prod."],
  ])("is not to be had for %j", (chosen, kind, code, hint) => {
    expect(() => currentContext(mergeConfig([two], chosen === null ? null : flag(chosen), fallback))).toThrow(
      expect.objectContaining({ kind, code, hint }),
    );
  });
});
