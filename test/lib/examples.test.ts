import { readFile } from "node:fs/promises";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseDenylist } from "../../src/lib/policy/locks.ts";
import { readRegistry } from "../../src/lib/policy/registry.ts";
import { readRoles } from "../../src/lib/policy/role-file.ts";
import { checkText } from "../support/check-text.ts";

const text = (path: string): Promise<string> => readFile(path, "utf8");

describe("the examples", () => {
  it.each([
    ["roles.yaml", "roles"],
    ["backends.yaml", "backends"],
    ["mcpctl.yaml", "mcpctl"],
    ["denylist.json", "denylist"],
    ["audit.jsonl", "audit"],
  ])("%s fits schemas/%s.schema.json, and with an unknown field it does not", async (file, schema) => {
    const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true, strictTypes: false });
    const fits = ajv.compile(JSON.parse(await text(`schemas/${schema}.schema.json`)) as object);
    const content = await text(`examples/${file}`);
    const values = file.endsWith("l") && file.includes(".jsonl") ? content.trimEnd().split("\n") : [content];
    for (const each of values) {
      const value = parse(each) as object;
      expect([fits(value), fits.errors]).toEqual([true, null]);
      expect(fits({ ...value, surprise: 1 })).toBe(false);
    }
  });

  it("make a policy that is told of one thing worth saying", async () => {
    const roles = readRoles("roles.yaml", Buffer.from(await text("examples/roles.yaml")));
    const registry = readRegistry("backends.yaml", Buffer.from(await text("examples/backends.yaml")));
    expect([roles.findings, registry.findings]).toEqual([[], []]);
    const report = checkText({ roles: [roles.source.text], backends: registry.source.text });
    expect(report.findings.map(({ code, severity, message }) => [code, severity, message])).toEqual([
      [
        "MC304",
        "info",
        '"dev-readonly" reaches stage (eks-ro) and prod (eks-ro-prod, aws-ro, postgres-ro, prometheus-prod and 2 more) and dev (prometheus-dev)',
      ],
    ]);
    expect(report.suppressed.map(({ finding, reason }) => [finding.code, finding.place.line, reason])).toEqual([
      ["MC303", 4, "held by people on call"],
      ["MC306", 4, "deploying is this team's job"],
      ["MC302", 7, "on-call repair, owner platform"],
      ["MC302", 13, "on-call repair, owner network"],
      ["MC302", 14, "releases and rollbacks, owner platform"],
    ]);
    expect([...roles.roles].map(([name, { grants }]) => [name, grants.size])).toEqual([
      ["devops-full", 11],
      ["dev-readonly", 11],
    ]);
    expect(registry.registry.size).toBe(17);
  });

  it("make a denylist of one lock and one removal", async () => {
    const { locks, removed } = parseDenylist(await text("examples/denylist.json"), "denylist.json");
    expect([locks.map(({ id }) => id), [...removed]]).toEqual([["lock_V1StGXR8"], ["lock_Uakgb_J5"]]);
  });
});
