import type { Verified, VerifySubject } from "../../src/lib/flow/verify/subject.ts";
import { readRegistry } from "../../src/lib/policy/registry.ts";
import { factsOf } from "./rbac-facts.ts";

/** Fields of backends by their names, as YAML between braces. */
export type Backends = Readonly<Record<string, string>>;

const FIELDS = "service: s, environment: stage, owner: me";

/** What `verify` looks at: nothing but a registry of these backends, and whatever else is given. */
export function subjectOf(backends: Backends, given: Partial<VerifySubject> = {}): VerifySubject {
  const entries = Object.entries(backends).map(
    ([name, more]) => `  ${name}: { ${FIELDS}, url: "http://${name}.mcp.svc", ${more} }\n`,
  );
  const { registry, source, findings } = readRegistry("backends.yaml", Buffer.from(`backends:\n${entries.join("")}`));
  if (findings[0] !== undefined) throw new Error(findings[0].message);
  return {
    registry,
    registrySource: source,
    cluster: null,
    iam: null,
    gatewayNamespace: "gateway",
    offered: null,
    reached: null,
    ...given,
  };
}

/** One read-only backend, which runs as mcp/agent, in a cluster of these manifests. */
export function inCluster(manifests: string, isComplete = true): VerifySubject {
  return subjectOf({ one: "access: ro, serviceAccount: mcp/agent" }, { cluster: factsOf(manifests, isComplete) });
}

/** As lines: what was found, and what could not be decided. */
export function told({ findings, undecided }: Verified): readonly string[] {
  return [
    ...findings.map(({ code, message }) => `${code} ${message}`),
    ...undecided.map(({ code, about, missing }) => `${code}? ${about}: ${missing.join("; ")}`),
  ];
}
