import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createLiveKubernetesLayer } from "../../../src/lib/cluster/access-review.ts";
import type { KubeApi } from "../../../src/lib/cluster/kube-api.ts";
import type { ClusterSnapshot } from "../../../src/lib/cluster/snapshot-cluster.ts";
import { judgeTool, type Layers } from "../../../src/lib/flow/judge-tool.ts";
import { kindsOf } from "../../../src/lib/flow/rbac/kinds.ts";
import { needOfTool } from "../../../src/lib/flow/tool-need.ts";
import { readRegistry, type Backend } from "../../../src/lib/policy/registry.ts";
import { factsOf } from "../../support/rbac-facts.ts";
import { makeProject } from "../../support/run-cli.ts";
import { SERVERS } from "./mcp-accounts.ts";
import type { ToolCall } from "./mcp-calls.ts";

export const ROLE = "agents";

type Answer = "yes" | "no" | "unknown";

/** What was said of a call before it was made. */
export interface Promised {
  readonly answer: Answer;
  /** Of what is unknown: why. */
  readonly why: readonly string[];
  /** What the API server itself says, asked by access reviews. */
  readonly live: Answer;
}

/** A folder whose registry knows one backend, as its own server describes it, and whose facts are a snapshot. */
export interface BackendProject {
  /** The registry, after the import. */
  readonly backends: string;
  readonly tools: readonly string[];
  promised(call: ToolCall): Promise<Promised>;
  remove(): Promise<void>;
}

export interface BackendOptions {
  /** The backend's name, which is its ServiceAccount's as well. */
  readonly name: string;
  readonly url: string;
  readonly snapshot: ClusterSnapshot;
  /** Where reviews are asked for. */
  readonly api: KubeApi;
}

export async function makeBackendProject({ name, url, snapshot, api }: BackendOptions): Promise<BackendProject> {
  const project = await makeProject();
  const put = (file: string, text: string): Promise<void> => writeFile(join(project.cwd, file), text);
  const facts = JSON.stringify(snapshot);
  await put("roles.yaml", `roleMapping:\n  ${ROLE}: [${name}]\n`);
  await put("backends.yaml", registryOf(name, url));
  await put("mcpctl.yaml", "policy:\n  manifests: [snapshot.json]\n");
  await put("snapshot.json", facts);
  await run(["backends", "import", name, "--yes"]);
  const backends = await readFile(join(project.cwd, "backends.yaml"), "utf8");
  const backend = readRegistry("backends.yaml", Buffer.from(backends)).registry.get(name) as Backend;
  const kinds = kindsOf(factsOf(facts, false));
  const layers: Layers = { kubernetes: createLiveKubernetesLayer(api), aws: { missing: "no role" } };

  async function run(argv: readonly string[]): Promise<string> {
    const { out, err } = await project.run(argv);
    if (out === "") throw new Error(err);
    return out;
  }

  return {
    backends,
    tools: Object.keys(backend.tools ?? {}),
    promised: async ({ tool, args }) => {
      // Lists and objects are no arguments that a need could name.
      const known = Object.entries(args).flatMap(([key, value]) =>
        ["string", "number", "boolean"].includes(typeof value)
          ? [[key, `${value as string | number | boolean}`] as const]
          : [],
      );
      const given = known.flatMap(([key, value]) => ["--arg", `${key}=${value}`]);
      const told = JSON.parse(await run(["can", ROLE, name, tool, ...given, "-o", "json"])) as Told;
      const need = needOfTool(backend, tool, { args: new Map(known), kinds });
      const { outcome } = (await judgeTool(backend, need, layers)).kubernetes;
      return {
        answer: told.answer,
        why: whyOf(told),
        live: ({ allow: "yes", deny: "no", unknown: "unknown" } as const)[outcome],
      };
    },
    remove: () => project.remove(),
  };
}

/** As much of what `can -o json` prints. */
interface Told {
  readonly answer: Answer;
  readonly layers: readonly {
    readonly layer: string;
    readonly why: { readonly rule: string } | null;
    readonly requests: readonly { readonly answer: Answer; readonly reason: string; readonly rule: string }[];
  }[];
}

function whyOf({ answer, layers }: Told): readonly string[] {
  if (answer !== "unknown") return [];
  const { why, requests } = layers.find(({ layer }) => layer === "kubernetes") as Told["layers"][number];
  if (why !== null) return [why.rule];
  const open = requests.filter((request) => request.answer === "unknown");
  const reasons = new Set(open.map(({ reason, rule }) => (reason === "request_unknown" ? rule : reason)));
  return reasons.size === 0 ? ["only part of what the server declares is allowed"] : [...reasons].toSorted();
}

function registryOf(name: string, url: string): string {
  const fields = {
    service: "eks",
    environment: "stage",
    access: "rw",
    owner: "platform",
    url,
    serviceAccount: `${SERVERS}/${name}`,
  };
  const lines = Object.entries(fields).map(([field, value]) => `    ${field}: ${JSON.stringify(value)}\n`);
  return `backends:\n  ${name}:\n${lines.join("")}`;
}
