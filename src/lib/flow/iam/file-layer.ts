import type { AwsLayer } from "../requests.ts";
import type { IamFacts } from "./iam-facts.ts";
import { judgeIam } from "./judge-iam.ts";
import { judgeTrust, type ClusterOfPods } from "./judge-trust.ts";

/** Layer 3 as the files tell it. */
export function createFileAwsLayer(facts: IamFacts, { annotationOf, ...cluster }: ClusterOfPods): AwsLayer {
  return {
    judge: (roleArn, requests) => Promise.resolve(requests.map((request) => judgeIam(facts, roleArn, request))),
    canAssume: async (roleArn, account) =>
      judgeTrust(facts, roleArn, account, { ...cluster, annotation: await annotationOf(account) }),
  };
}
