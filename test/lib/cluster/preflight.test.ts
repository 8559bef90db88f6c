import { describe, expect, it } from "vitest";
import type { ExternalSecret, ExternalSecretSpec } from "../../../src/lib/cluster/external-secret.ts";
import { namePattern, objectionsTo, storeObjections } from "../../../src/lib/cluster/preflight.ts";

const PATH = "/mcp-gateway/keys";
const EXPECTED = { path: PATH, region: "eu-central-1", secret: "mcp-gateway-keys" };

const FIND = { path: PATH, name: { regexp: namePattern(PATH) } };
const REWRITE = [{ regexp: { source: `^${PATH}/`, target: "" } }, { regexp: { source: "/", target: "." } }];
const TEMPLATE = {
  engineVersion: "v2",
  mergePolicy: "Replace",
  data: {
    "keys.json": "{{ . | toJson }}",
    synced: '{{ dateInZone "2006-01-02T15:04:05Z" now "UTC" }}',
  },
};
const TARGET = { name: "mcp-gateway-keys", creationPolicy: "Owner", deletionPolicy: "Merge", template: TEMPLATE };
const SPEC: ExternalSecretSpec = {
  refreshPolicy: "Periodic",
  refreshInterval: "1m",
  target: TARGET,
  dataFrom: [{ find: FIND, rewrite: REWRITE }],
};

const problems = (spec: ExternalSecretSpec, metadata: ExternalSecret["metadata"] = {}): readonly string[] =>
  objectionsTo({ metadata: { name: "mcp-gateway-keys", ...metadata }, spec }, EXPECTED).map(({ problem }) => problem);

describe("an ExternalSecret", () => {
  it.each([
    ["as the reference has it", SPEC],
    ["with an interval in Go's own form", { ...SPEC, refreshInterval: "0h4m59.5s" }],
    [
      "with the defaults that are right",
      { ...SPEC, refreshPolicy: undefined, target: { ...TARGET, creationPolicy: undefined } },
    ],
    [
      "for one role's folder",
      dataFrom({ find: { ...FIND, path: `${PATH}/dev-readonly`, name: { regexp: pattern("dev-readonly") } } }),
    ],
    ["for some roles", dataFrom({ find: { ...FIND, name: { regexp: pattern("(dev-readonly|ops\\.night)") } } })],
  ] as [string, ExternalSecretSpec][])("%s has no objection against it", (_, spec) => {
    expect(problems(spec)).toEqual([]);
  });

  it.each([
    ["no interval", { ...SPEC, refreshInterval: undefined }, /refreshInterval 1h \(the default\) is above 5 minutes/],
    ["an hour", { ...SPEC, refreshInterval: "1h0m0s" }, /above 5 minutes/],
    ["an interval that is none", { ...SPEC, refreshInterval: "soon" }, /above 5 minutes/],
    ["an interval of 0", { ...SPEC, refreshInterval: "0" }, /0 switches refreshing off/],
    ["an interval of 0s", { ...SPEC, refreshInterval: "0s" }, /0 switches refreshing off/],
    ["an interval that Go rounds to 0", { ...SPEC, refreshInterval: "0.1ns" }, /below a second/],
    ["an interval without a pause", { ...SPEC, refreshInterval: "10ms" }, /below a second/],
    ["CreatedOnce", { ...SPEC, refreshPolicy: "CreatedOnce" }, /CreatedOnce stops refreshing/],
    ["OnChange", { ...SPEC, refreshPolicy: "OnChange" }, /OnChange stops refreshing/],
    ["another Secret", target({ name: "other" }), /renders Secret other/],
    ["a Secret it merges into", target({ creationPolicy: "Merge" }), /leaves in the Secret what it did not render/],
    ["no deletionPolicy", target({ deletionPolicy: undefined }), /Retain leaves the last key/],
    ["deletionPolicy Delete", target({ deletionPolicy: "Delete" }), /removes the Secret with the last key/],
    ["an immutable Secret", target({ immutable: true }), /immutable/],
    ["no template", target({ template: undefined }), /does not render keys\.json/, /no `synced`/],
    ["a template without synced", template({ data: { "keys.json": TEMPLATE.data["keys.json"] } }), /no `synced`/],
    [
      "a synced that stands still",
      template({ data: { ...TEMPLATE.data, synced: "2026-11-20T09:00:00Z" } }),
      /no `synced`/,
    ],
    [
      "a keys.json of its own",
      template({ data: { ...TEMPLATE.data, "keys.json": '{"admin.00": "admin/me"}' } }),
      /does not render keys\.json/,
    ],
    ["a template that merges", template({ mergePolicy: "Merge" }), /second time/],
    ["a template from elsewhere", template({ templateFrom: [{}] }), /templateFrom/],
    ["single values", { ...SPEC, data: [{}] }, /other things than one search/],
    ["a second search", { ...SPEC, dataFrom: [...(SPEC.dataFrom ?? []), { find: FIND }] }, /other things/],
    ["a generator", dataFrom({ sourceRef: {} }), /other things/],
    ["another path", dataFrom({ find: { ...FIND, path: "/other" } }), /searches \/other/],
    [
      "a path that only begins alike",
      dataFrom({ find: { ...FIND, path: `${PATH}-old` } }),
      /searches \/mcp-gateway\/keys-old/,
    ],
    ["no pattern", dataFrom({ find: { path: PATH } }), /\(none\) is not anchored/],
    ["an unanchored pattern", dataFrom({ find: { ...FIND, name: { regexp: "[0-9a-f]{64}" } } }), /not anchored/],
    [
      "a wider pattern",
      dataFrom({ find: { ...FIND, name: { regexp: `^${PATH}/.*/[0-9a-f]{64}(\\.ends|\\.revoked)?$` } } }),
      /not the one for records/,
    ],
    [
      "a role whose dot stands for a slash",
      dataFrom({ find: { ...FIND, name: { regexp: pattern("dev.admin") } } }),
      /not the one for records/,
    ],
    [
      "a role of dots",
      dataFrom({ find: { ...FIND, name: { regexp: pattern("(d.........|ops)") } } }),
      /not the one for records/,
    ],
    ["values that are decoded", dataFrom({ find: { ...FIND, decodingStrategy: "Auto" } }), /turns values/],
    [
      "a pattern without revocations",
      dataFrom({ find: { ...FIND, name: { regexp: `^${PATH}/[a-z0-9][a-z0-9._-]{0,62}/[0-9a-f]{64}$` } } }),
      /not the one/,
    ],
    [
      "a pattern with another way out",
      dataFrom({ find: { ...FIND, name: { regexp: `^.*|${namePattern(PATH)}` } } }),
      /not the one/,
    ],
    ["no rewrite", dataFrom({ rewrite: [] }), /role's folder is lost/],
    [
      "a rewrite that drops the role",
      dataFrom({ rewrite: [{ regexp: { source: ".*/", target: "" } }] }),
      /role's folder is lost/,
    ],
    [
      "a third rewrite",
      dataFrom({ rewrite: [...REWRITE, { regexp: { source: "dev", target: "admin" } }] }),
      /role's folder is lost/,
    ],
  ] as [string, ExternalSecretSpec, ...RegExp[]][])("with %s is refused", (_, spec, ...expected) => {
    expect(problems(spec)).toEqual(expected.map((text) => expect.stringMatching(text) as unknown));
  });

  it("that another object owns, or that goes, is refused", () => {
    expect(problems(SPEC, { ownerReferences: [{ kind: "ClusterExternalSecret", name: "all" }] })).toEqual([
      expect.stringContaining("ClusterExternalSecret all owns it"),
    ]);
    expect(problems(SPEC, { deletionTimestamp: "2026-11-20T09:00:00Z" })).toEqual(["it is being deleted"]);
  });

  it("without anything is refused and does not throw", () => {
    expect(objectionsTo({}, EXPECTED).length).toBeGreaterThan(4);
  });
});

describe("a store", () => {
  const ready = [{ type: "Ready", status: "True" }];
  const aws = { service: "ParameterStore", region: "eu-central-1" };
  it.each([
    ["ready and the pinned one", { spec: { provider: { aws } }, status: { conditions: ready } }, []],
    [
      "not ready",
      { spec: { provider: { aws } }, status: { conditions: [{ ...ready[0], status: "False", message: "no role" }] } },
      [/not ready: no role/],
    ],
    ["never validated", { spec: { provider: { aws } } }, [/not ready/]],
    [
      "of another region",
      { spec: { provider: { aws: { ...aws, region: "us-east-1" } } }, status: { conditions: ready } },
      [/reads region us-east-1/],
    ],
    [
      "of another service",
      { spec: { provider: { aws: { ...aws, service: "SecretsManager" } } }, status: { conditions: ready } },
      [/does not read AWS Parameter Store/],
    ],
    [
      "of another provider",
      { spec: { provider: {} }, status: { conditions: ready } },
      [/does not read AWS Parameter Store/],
    ],
  ])("%s", (_, store, expected) => {
    const found = storeObjections(store, EXPECTED).map(({ problem }) => problem);
    expect(found).toEqual(expected.map((text) => expect.stringMatching(text) as unknown));
  });
});

function pattern(role: string): string {
  return `^${PATH}/${role}/[0-9a-f]{64}(\\.ends|\\.revoked)?$`;
}

function target(changes: object): ExternalSecretSpec {
  return { ...SPEC, target: { ...TARGET, ...changes } };
}

function template(changes: object): ExternalSecretSpec {
  return target({ template: { ...TEMPLATE, ...changes } });
}

function dataFrom(changes: object): ExternalSecretSpec {
  return { ...SPEC, dataFrom: [{ find: FIND, rewrite: REWRITE, ...changes }] };
}
