import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { refuse } from "../support/faults.ts";
import { misfits } from "../support/output-schema.ts";
import type { Fault } from "../support/fault-proxy.ts";
import { externalSecret, KEYS, NAMESPACE, ONCALL_RULES, rightsOf, PATH } from "./support/manifests.ts";
import { ssmCall } from "./support/parameters.ts";
import { startStage, type Stage } from "./support/stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
  await create("agent-01");
}, 120_000);
afterAll(() => stage.stop());
afterEach(async () => {
  stage.ssm.heal();
  stage.operatorSsm.heal();
  await stage.setEndpoints(everyone());
  await stage.apply(externalSecret(), ...rightsOf("oncall", ONCALL_RULES));
});

const everyone = () => stage.gateways.map(({ name, address }) => ({ pod: name, address }));

const create = async (user: string): Promise<void> => {
  const made = await stage.mcpctl("keys", "create", "--role", "dev-readonly", "--user", user, "-o", "token");
  expect(made).toMatchObject({ code: 0 });
};

const syncJson = async (...args: readonly string[]) => {
  const { code, out, err } = await stage.mcpctl("sync", ...args, "-o", "json");
  if (out !== "") expect(await misfits("sync", out)).toEqual([]);
  return { code, err, data: JSON.parse(out || "null") as { problems: string[] } & Record<string, unknown> };
};

it("proves the Secret and every gateway, and counts its calls", async () => {
  expect(await syncJson()).toEqual({
    code: 0,
    err: expect.stringMatching(/\b\d{1,2} calls of the API server, \d of AWS\./),
    data: {
      proven: true,
      objections: [],
      secrets: [
        {
          external_secret: KEYS,
          secret: KEYS,
          entries: 1,
          bytes: expect.any(Number),
          sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
          resource_version: expect.stringMatching(/^\d+$/),
          synced: expect.stringMatching(/Z$/),
          problem: null,
        },
      ],
      lacking: null,
      replicas: stage.gateways.map(({ name }) => ({
        name,
        terminating: false,
        version: expect.any(String),
        instance: expect.any(String),
        proven: true,
        proven_after_ms: expect.any(Number),
        problem: null,
      })),
      problems: [],
    },
  });
});

it.each([
  ["refreshInterval 0", { refreshInterval: "0" }, /refreshInterval 0/],
  ["an hour's interval", { refreshInterval: "1h" }, /above 5 minutes/],
  ["CreatedOnce", { refreshPolicy: "CreatedOnce" }, /CreatedOnce/],
])(
  "an ExternalSecret with %s is not forced",
  async (_, spec, problem) => {
    await stage.apply(externalSecret(spec));
    const { code, err, data } = await syncJson();
    expect({ code, problems: data.problems }).toEqual({ code: 1, problems: [expect.stringMatching(problem)] });
    expect(err).toContain("Nothing was forced.");
    // What is changed all the same says so, and is not called proven.
    const revoked = await stage.mcpctl("keys", "revoke", "--user", "agent-01", "--yes", "--timeout", "5s");
    expect(revoked).toMatchObject({ code: 6, err: expect.stringMatching(problem) });
  },
  60_000,
);

it("stray parameters do no harm", async () => {
  await ssmCall(stage.moto.url, "PutParameter", { Name: `${PATH}/stray`, Value: "x", Type: "String" });
  await ssmCall(stage.moto.url, "PutParameter", {
    Name: `${PATH}/dev-readonly/not-a-hash`,
    Value: "x",
    Type: "SecureString",
  });
  await create("agent-02");
  expect(await syncJson()).toMatchObject({ code: 0, data: { problems: [] } });
});

it("a value that cannot be decrypted is named, for it stops every revocation", async () => {
  const bad = `${PATH}/stray`;
  const whole: Fault = (call, forward) =>
    call.body["WithDecryption"] === true ? refuse("InvalidKeyId")(call, forward) : forward();
  const single: Fault = (call, forward) =>
    (call.body["Names"] as string[]).includes(bad) ? refuse("InvalidKeyId")(call, forward) : forward();
  stage.ssm.inject("GetParametersByPath", whole, 1_000);
  stage.ssm.inject("GetParameters", single, 1_000);
  stage.operatorSsm.inject("GetParametersByPath", whole, 1_000);
  const { code, err, data } = await syncJson("--timeout", "5s");
  expect(code).toBe(6);
  expect(err).toContain(`Warning: ${bad} cannot be decrypted`);
  expect(data.problems[0]).toMatch(/^ExternalSecret mcp-gateway-keys: the operator failed: .*InvalidKeyId/s);
}, 60_000);

it("more bytes than a Secret holds are refused with the largest parameters by name", async () => {
  const names = Array.from(
    { length: 260 },
    (_, index) => `${PATH}/dev-readonly/${index.toString(16).padStart(64, "0")}`,
  );
  for (const Name of names)
    await ssmCall(stage.moto.url, "PutParameter", { Name, Value: "x".repeat(4096), Type: "SecureString" });
  const { code, err } = await stage.mcpctl("sync");
  for (const Name of names) await ssmCall(stage.moto.url, "DeleteParameter", { Name });
  expect({ code, err }).toEqual({
    code: 3,
    err: expect.stringMatching(
      /bytes of records do not fit into a Secret, which holds 1048576.*\n.*The largest: \/mcp-gateway\/keys\/dev-readonly\/0{60}[0-9a-f]{4} \(\d+ bytes\)/,
    ),
  });
}, 60_000);

it.each([
  ["get", "externalsecrets", 'get externalsecrets.external-secrets.io "mcp-gateway-keys" in namespace mcp-gateway'],
  ["patch", "externalsecrets", 'patch externalsecrets.external-secrets.io "mcp-gateway-keys" in namespace mcp-gateway'],
  ["get", "secrets", 'get secrets "mcp-gateway-keys" in namespace mcp-gateway'],
  ["list", "endpointslices", "list endpointslices.discovery.k8s.io in namespace mcp-gateway"],
  ["get", "pods/proxy", 'get pods/proxy "mcp-gateway-0:'],
])("without the right to %s %s it says so", async (verb, resource, right) => {
  const rules = ONCALL_RULES.map((rule) =>
    rule.resources.includes(resource) ? { ...rule, verbs: rule.verbs.filter((one) => one !== verb) } : rule,
  ).filter(({ verbs }) => verbs.length > 0);
  await stage.apply(...rightsOf("oncall", rules));
  const { code, err } = await eventuallyRefused(right);
  expect({ code: [4, 6].includes(code ?? 0), err }).toEqual({ code: true, err: expect.stringContaining(right) });
});

/** A changed Role takes a moment to come into force. */
const eventuallyRefused = async (right: string) => {
  for (let attempt = 0; ; attempt += 1) {
    const finished = await stage.mcpctl("sync", "--timeout", "3s");
    if (finished.err.includes(right) || attempt === 5) return finished;
  }
};

it("works without the rights that are not needed, and says what it could not look at", async () => {
  const rules = ONCALL_RULES.filter(({ resources }) => !["secretstores", "events"].includes(resources[0] ?? ""));
  await stage.apply(...rightsOf("oncall", rules));
  const { code, err } = await stage.mcpctl("sync");
  expect({ code, err }).toEqual({
    code: 0,
    err: expect.stringContaining("Not looked at: whether SecretStore mcp-gateway-ssm is ready"),
  });
});

it("whoever may do nothing is told what is missing first", async () => {
  expect(await stage.mcpctlAs("nobody", "sync")).toMatchObject({
    code: 4,
    err: expect.stringContaining(
      'get externalsecrets.external-secrets.io "mcp-gateway-keys" in namespace mcp-gateway was refused',
    ),
  });
});

it("names whoever is behind: a pod that ends, one that is no pod, one that does not answer", async () => {
  const [first, second] = stage.gateways;
  await stage.setEndpoints([
    { pod: first?.name ?? "", address: first?.address ?? "" },
    { pod: second?.name ?? "", address: second?.address ?? "", isTerminating: true },
    { pod: "mcp-gateway-gone", address: "10.77.0.6" },
  ]);
  second?.signal("SIGSTOP");
  const { code, data } = await syncJson("--timeout", "4s");
  second?.signal("SIGCONT");
  expect({ code, problems: data.problems }).toEqual({
    code: 6,
    problems: [
      expect.stringMatching(/^Behind: mcp-gateway-1: /),
      expect.stringMatching(/^Behind: mcp-gateway-gone: .*not found/),
    ],
  });
}, 60_000);

it("a Service without gateways proves nothing", async () => {
  await stage.setEndpoints([]);
  expect(await syncJson("--timeout", "3s")).toMatchObject({
    code: 6,
    data: { problems: [expect.stringContaining("has no gateway behind it")] },
  });
});

it("status shows every layer, and what differs", async () => {
  const clean = await stage.mcpctl("status", "-o", "json");
  expect(await misfits("status", clean.out)).toEqual([]);
  expect({ code: clean.code, data: JSON.parse(clean.out) as unknown }).toMatchObject({
    code: 0,
    data: {
      agrees: true,
      drift: [],
      not_looked_at: [],
      gateways: [{ ready: true }, { ready: true }, { ready: true }],
      locks: [],
    },
  });
  const text = await stage.mcpctl("status");
  expect(text.out).toMatch(/^all layers agree {2}context test/);

  stage.externalSecrets().signal("SIGSTOP");
  await stage.mcpctl("keys", "create", "--role", "dev-readonly", "--user", "agent-03", "-o", "token", "--no-wait");
  const drifted = await stage.mcpctl("status", "-o", "json");
  expect(await misfits("status", drifted.out)).toEqual([]);
  stage.externalSecrets().signal("SIGCONT");
  expect({ code: drifted.code, data: JSON.parse(drifted.out) as unknown }).toMatchObject({
    code: 1,
    data: { drift: [expect.stringMatching(/^1 entries of the store are not in the Secret \(dev-readonly\./)] },
  });
  expect(await stage.mcpctl("sync")).toMatchObject({ code: 0 });
});

it("status says what it could not look at", async () => {
  const { code, out } = await stage.mcpctlAs("nobody", "status", "-o", "json");
  expect({ code, data: JSON.parse(out) as unknown }).toMatchObject({
    code: 5,
    data: {
      not_looked_at: [
        expect.stringContaining(`get externalsecrets.external-secrets.io "${KEYS}" in namespace ${NAMESPACE}`),
        expect.stringContaining("denylist:"),
        expect.stringContaining("gateways:"),
      ],
      secrets: [{ ready: null }],
      gateways: null,
      locks: null,
    },
  });
});
