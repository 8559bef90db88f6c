import type { Layers } from "../../src/lib/flow/judge-tool.ts";
import type { AwsVerdict } from "../../src/lib/flow/requests.ts";
import { showTemplate } from "../../src/lib/flow/template.ts";
import type { Verdict } from "../../src/lib/flow/verdict.ts";

/** A verdict that says nothing but its outcome. */
export function verdictOf(outcome: Verdict["outcome"]): AwsVerdict {
  return {
    outcome,
    reason: "scripted",
    text: `it says ${outcome}`,
    place: null,
    source: "file",
    missing: [],
    boundary: null,
  };
}

/**
 * Layers that answer by script: to a Kubernetes request by its verb, to an action by its name, `allow` unless told; and to
 * whether a pod gets its role's credentials.
 */
export function scriptedLayers(
  script: Readonly<Record<string, Verdict["outcome"]>>,
  assume: Verdict["outcome"] = "allow",
): Layers & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    kubernetes: {
      judge: async ({ namespace, name }, requests) =>
        requests.map(({ verb, resource }) => {
          asked.push(`${namespace}/${name} ${showTemplate(verb)} ${showTemplate(resource)}`);
          return verdictOf(script[showTemplate(verb)] ?? "allow");
        }),
    },
    aws: {
      judge: async (role, requests) =>
        requests.map(({ action, resource }) => {
          asked.push(`${role} ${action} ${showTemplate(resource)}`);
          return verdictOf(script[action] ?? "allow");
        }),
      canAssume: async () => verdictOf(assume),
    },
  };
}
