import { resolve } from "node:path";
import { compareObjects, type Comparison } from "../../lib/cluster/compare-objects.ts";
import { verifyCluster } from "../../lib/cluster/pin.ts";
import { currentContext, type KubernetesConfig } from "../../lib/config/config.ts";
import { readManifests } from "../../lib/deploy/read-manifests.ts";
import { AppError, type ExitCode } from "../../lib/errors.ts";
import { printable } from "../../lib/output/printable.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";

type CheckPorts = Pick<Ports, "config" | "cwd" | "kube">;

/** Is the cluster of the current context as the project's manifests say? */
export async function checkProject(dir: string, ports: CheckPorts): Promise<Result> {
  const kubernetes = clusterOf(currentContext(await ports.config()));
  const manifests = readManifests(resolve(ports.cwd, dir));
  const api = await ports.kube(kubernetes.context);
  try {
    await verifyCluster(api, kubernetes.cluster);
    return answer(await compareObjects(api, manifests), `cluster ${kubernetes.cluster} at ${api.server}`);
  } finally {
    api.close();
  }
}

function clusterOf({ name, kubernetes }: { name: string; kubernetes: KubernetesConfig | null }): KubernetesConfig {
  if (kubernetes !== null) return kubernetes;
  throw new AppError("invalid", "context_without_cluster", `context ${name} has no cluster to compare with`, {
    hint: "Name a context that has one with --context, or run this in the folder of its mcpctl.yaml.",
  });
}

function answer(comparisons: readonly Comparison[], cluster: string): Result {
  const count = (is: Comparison["is"]): number => comparisons.filter((one) => one.is === is).length;
  const numbers = {
    same: count("same"),
    different: count("different"),
    missing: count("missing"),
    unread: count("unread"),
  };
  const exit: ExitCode = numbers.different + numbers.missing > 0 ? 1 : numbers.unread > 0 ? 7 : 0;
  const { same, different, missing, unread } = numbers;
  return {
    view: {
      data: { ...numbers, objects: comparisons.map(objectData) },
      text: () => comparisons.flatMap(lines).join("\n"),
    },
    notes: [
      `Compared ${comparisons.length} objects with ${cluster}: ${same} as written, ${different} different, ${missing} missing, ${unread} not read.`,
    ],
    exit,
  };
}

/** An object in `-o json` (schemas/output/init-check.schema.json). */
function objectData(comparison: Comparison): object {
  const { object, is } = comparison;
  return {
    object,
    is,
    problem: "problem" in comparison ? comparison.problem : null,
    differences: is === "different" ? comparison.differences : [],
  };
}

function lines(comparison: Comparison): readonly string[] {
  const { object, is } = comparison;
  if (is === "same") return [];
  if (is !== "different") return [printable(`${object}: ${is}: ${comparison.problem}`)];
  return comparison.differences.map(({ path, wanted, found }) =>
    printable(`${object}: ${path}: wanted ${shown(wanted)}, found ${found === null ? "nothing" : shown(found)}`),
  );
}

/** A role file is longer than anybody reads here. */
const MAX_SHOWN = 200;

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
}
