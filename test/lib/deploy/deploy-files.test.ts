import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import type { ExternalSecret } from "../../../src/lib/cluster/external-secret.ts";
import { objectionsTo } from "../../../src/lib/cluster/preflight.ts";
import { deployFiles, deployObjects } from "../../../src/lib/deploy/deploy-files.ts";
import type { DeployOptions } from "../../../src/lib/deploy/deployment.ts";
import { manifestYaml } from "../../../src/lib/deploy/manifest.ts";
import { parseConfig } from "../../../src/lib/config/parse-config.ts";
import { CLUSTER_PLACEHOLDER, clusterProjectFiles } from "../../../src/lib/deploy/project-files.ts";
import { PROJECT } from "./options.ts";

const find = (kind: string, name: string, options: DeployOptions = PROJECT): Record<string, unknown> => {
  const found = deployObjects(options).filter((object) => object.kind === kind && object.metadata.name === name);
  expect(found).toHaveLength(1);
  return found[0] as unknown as Record<string, unknown>;
};

describe("the files under deploy/", () => {
  it("hold every object once, and read back as what they were made from", () => {
    const read = deployFiles(PROJECT)
      .filter(({ path }) => path.startsWith("deploy/"))
      .flatMap(({ content }) => parseAllDocuments(content).map((document) => document.toJS() as unknown));
    expect(read).toEqual(deployObjects(PROJECT));
    const names = deployObjects(PROJECT).map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toHaveLength(17);
  });

  it("hold an ExternalSecret that sync has nothing against, for other paths as well", () => {
    for (const path of ["/mcp-gateway/keys", "/team.a/x/keys"]) {
      const secret = find("ExternalSecret", "mcp-gateway-keys", { ...PROJECT, path }) as unknown as ExternalSecret;
      expect(objectionsTo(secret, { path, region: "eu-central-1", secret: "mcp-gateway-keys" })).toEqual([]);
    }
  });

  it("hold no Secret, and no denylist", () => {
    expect(deployObjects(PROJECT).filter(({ kind }) => kind === "Secret" || kind === "ConfigMap")).toEqual([]);
    const [kustomization] = deployFiles(PROJECT).filter(({ path }) => path === "kustomization.yaml");
    const read = parseAllDocuments(kustomization?.content ?? "")[0]?.toJS() as Record<string, unknown>;
    expect(read["configMapGenerator"]).toEqual([
      { name: "mcp-gateway-roles", namespace: "mcp-gateway", files: ["roles.yaml"] },
      { name: "mcp-gateway-backends", namespace: "mcp-gateway", files: ["backends.yaml"] },
    ]);
  });

  it("let agents name the gateway by its Service and by its URL", () => {
    const [container] = (
      find("Deployment", "mcp-gateway") as { spec: { template: { spec: { containers: object[] } } } }
    ).spec.template.spec.containers as { args: string[] }[];
    expect(container?.args.filter((word) => word.startsWith("--allow-host"))).toEqual([
      "--allow-host=mcp-gateway",
      "--allow-host=mcp-gateway.mcp-gateway",
      "--allow-host=mcp-gateway.mcp-gateway.svc",
      "--allow-host=mcp-gateway.mcp-gateway.svc.cluster.local",
      "--allow-host=mcp.example.com",
    ]);
  });

  it("let nobody to the admin port but the API server's addresses and Prometheus", () => {
    const policy = find("NetworkPolicy", "mcp-gateway") as { spec: { ingress: readonly object[] } };
    const labels = { "app.kubernetes.io/name": "prometheus" };
    expect(policy.spec.ingress[1]).toEqual({
      from: [
        { ipBlock: { cidr: "10.0.0.0/16" } },
        {
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } },
          podSelector: { matchLabels: labels },
        },
      ],
      ports: [{ protocol: "TCP", port: "admin" }],
    });
  });
});

describe("manifestYaml", () => {
  it("quotes what YAML 1.1 takes for something else than text", () => {
    expect(manifestYaml([{ object: { name: "on", mode: "0o14", size: "1_000" } }])).toBe(
      'name: "on"\nmode: "0o14"\nsize: "1_000"\n',
    );
  });

  it("puts words above objects, fields and items", () => {
    const remarks = [
      [["b"], "two\nlines"],
      [["b", 1], "the second"],
    ] as const;
    expect(
      manifestYaml([
        { object: { a: 1 }, about: "first" },
        { object: { b: [1, 2] }, remarks },
      ]),
    ).toBe("# first\na: 1\n---\n# two\n# lines\nb:\n  - 1\n  # the second\n  - 2\n");
  });

  it("refuses words about what is not there", () => {
    expect(() => manifestYaml([{ object: {}, remarks: [[["x"], "lost"]] }])).toThrow("there is nothing at x");
  });
});

describe("mcpctl.yaml", () => {
  const written = (cluster: string | null): string =>
    clusterProjectFiles({ ...PROJECT, cluster }).find(({ path }) => path === "mcpctl.yaml")?.content ?? "";

  it("is what the loader takes", () => {
    expect(parseConfig("mcpctl.yaml", Buffer.from(written(PROJECT.cluster)))).toEqual({
      currentContext: "mcp-gateway",
      policy: { roles: "roles.yaml", backends: "backends.yaml" },
      keys: { defaultTtl: "90d", maxTtl: "365d" },
      contexts: [
        {
          name: "mcp-gateway",
          store: { type: "ssm", path: "/mcp-gateway/keys", region: "eu-central-1", account: "111122223333" },
          kubernetes: {
            context: "test",
            cluster: "3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f",
            namespace: "mcp-gateway",
            externalSecret: "mcp-gateway-keys",
            secret: "mcp-gateway-keys",
            denylist: "mcp-gateway-denylist",
            gateway: { service: "mcp-gateway", adminPort: 8081 },
          },
          gateway: { url: "https://mcp.example.com" },
        },
      ],
    });
  });

  it("is refused, with what is to be done, while its cluster is not named", () => {
    expect(() => parseConfig("mcpctl.yaml", Buffer.from(written(null)))).toThrow(
      `mcpctl.yaml:20:16: "${CLUSTER_PLACEHOLDER}" is not a valid "cluster"`,
    );
  });
});
