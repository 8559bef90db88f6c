import type { KubernetesLayer } from "../requests.ts";
import type { ClusterFacts } from "./cluster-facts.ts";
import { rbacJudge } from "./judge-rbac.ts";

/** Layer 2 as the files tell it. */
export function createFileKubernetesLayer(facts: ClusterFacts): KubernetesLayer {
  const judge = rbacJudge(facts);
  return { judge: (account, requests) => Promise.resolve(requests.map((request) => judge(account, request))) };
}
