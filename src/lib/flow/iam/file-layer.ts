import type { AwsLayer, ServiceAccount } from "../requests.ts";
import type { IamFacts } from "./iam-facts.ts";
import { judgeIam } from "./judge-iam.ts";
import { judgeTrust, type PodFacts } from "./judge-trust.ts";

/** What is known of the cluster, and how to learn the annotation of a ServiceAccount. */
export interface ClusterOfPods extends Omit<PodFacts, "annotation"> {
  /** `eks.amazonaws.com/role-arn`; null where it surely has none, `unknown` where nobody told. */
  annotationOf(account: ServiceAccount): PodFacts["annotation"];
}

/** Layer 3 as the files tell it. */
export function createFileAwsLayer(facts: IamFacts, cluster: ClusterOfPods): AwsLayer {
  return {
    judge: (roleArn, requests) => Promise.resolve(requests.map((request) => judgeIam(facts, roleArn, request))),
    canAssume: (roleArn, account) =>
      Promise.resolve(judgeTrust(facts, roleArn, account, { ...cluster, annotation: cluster.annotationOf(account) })),
  };
}
