import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A request to the API server, and what its authoriser decided. */
export interface LoggedRequest {
  /** `get pods/log web in stage`. */
  readonly shown: string;
  readonly isForbidden: boolean;
}

/** What ServiceAccounts of one namespace ask the API server, by its own audit log. */
export interface RequestLog {
  /** Flags of the API server that writes it. */
  readonly flags: readonly string[];
  /**
   * Tells what this ServiceAccount asked since the last time. A request is written before its answer ends, so that all are
   * there once whoever made them has answered.
   */
  follow(name: string): () => Promise<readonly LoggedRequest[]>;
  remove(): Promise<void>;
}

interface Event {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef: {
    readonly resource: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly apiGroup?: string;
  };
  readonly annotations?: Readonly<Record<string, string>>;
}

export async function makeRequestLog(namespace: string): Promise<RequestLog> {
  const folder = await mkdtemp(join(tmpdir(), "mcpctl-request-log-"));
  const [policy, log] = [join(folder, "policy.json"), join(folder, "audit.jsonl")];
  const rules = [
    { level: "None", nonResourceURLs: ["*"] },
    // Everybody may ask what they may do themselves.
    { level: "None", resources: [{ group: "authorization.k8s.io", resources: ["selfsubjectaccessreviews"] }] },
    { level: "Metadata", userGroups: [`system:serviceaccounts:${namespace}`] },
    { level: "None" },
  ];
  const omitStages = ["RequestReceived", "ResponseStarted"];
  await writeFile(policy, JSON.stringify({ apiVersion: "audit.k8s.io/v1", kind: "Policy", omitStages, rules }));
  await writeFile(log, "");
  const read = async (name: string): Promise<readonly LoggedRequest[]> =>
    (await readFile(log, "utf8"))
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Event)
      .filter(({ user }) => user.username === `system:serviceaccount:${namespace}:${name}`)
      .map(requestOf);
  return {
    flags: [`--audit-policy-file=${policy}`, `--audit-log-path=${log}`, "--audit-log-mode=blocking"],
    follow: (name) => {
      let seen = 0;
      return async () => {
        const requests = (await read(name)).slice(seen);
        seen += requests.length;
        return requests;
      };
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

function requestOf({ verb, objectRef, annotations }: Event): LoggedRequest {
  const { resource, subresource, namespace, name, apiGroup } = objectRef;
  const what = `${resource}${apiGroup === undefined ? "" : `.${apiGroup}`}${subresource === undefined ? "" : `/${subresource}`}`;
  return {
    shown: [verb, what, name ?? "", namespace === undefined ? "" : `in ${namespace}`].filter(Boolean).join(" "),
    isForbidden: annotations?.["authorization.k8s.io/decision"] === "forbid",
  };
}
