import type { Backend } from "../../policy/registry.ts";
import { findingOf, together, verified, type ProbeOutcome, type Verified, type VerifySubject } from "./subject.ts";

const HINT =
  "Let the gateway's pods alone in (`mcpctl init` writes such a NetworkPolicy), and see whether the network plugin enforces it.";

/** Does the network keep a pod that is not the gateway's away from each MCP server, where one tried? */
export function reachedServers(subject: VerifySubject): Verified {
  const { reached, registry } = subject;
  if (reached === null) return verified({});
  return together([...registry.values()].map((backend) => judge(subject, backend, reached.get(backend.name))));
}

function judge(subject: VerifySubject, backend: Backend, outcome: ProbeOutcome | undefined): Verified {
  const { name } = backend;
  if (outcome === "kept-out") return verified({});
  if (outcome === "reached") {
    const message = `a pod that is not the gateway's can connect to "${name}"`;
    return verified({ findings: [findingOf("MC606", subject, backend, [message, HINT])] });
  }
  const missing = [outcome?.undecided ?? "it must be tried from a pod"];
  return verified({ undecided: [{ code: "MC606", about: name, missing }] });
}
