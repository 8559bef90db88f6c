import type { Backend } from "../../policy/registry.ts";
import { findingOf, skipped, together, verified, type Verified, type VerifySubject } from "./subject.ts";

/** What came of trying to reach a server from a pod that is not the gateway's. */
export type ProbeOutcome =
  | "reached"
  /** Refused or dropped, though the server would have answered. */
  | "kept-out"
  /** Why nobody can tell, a sentence without a full stop. */
  | { readonly undecided: string };

const NOT_ASKED = "no pod tried to reach the servers (--live --probe)";
const HINT =
  "Let the gateway's pods alone in (`mcpctl init` writes such a NetworkPolicy), and see whether the network plugin enforces it.";

/** Does the network keep a pod that is not the gateway's away from each MCP server? Null outcomes: nobody tried. */
export function reachedServers(subject: VerifySubject, outcomes: ReadonlyMap<string, ProbeOutcome> | null): Verified {
  if (outcomes === null) return skipped(["MC606"], NOT_ASKED);
  return together([...subject.registry.values()].map((backend) => judge(subject, backend, outcomes.get(backend.name))));
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
