import { readClusterFacts } from "../../src/lib/flow/rbac/cluster-facts.ts";
import { judgeRbac } from "../../src/lib/flow/rbac/judge-rbac.ts";
import type { Template } from "../../src/lib/flow/template.ts";
import type { FakeObjects } from "./fake-objects.ts";

interface Review {
  readonly spec: {
    readonly user: string;
    readonly resourceAttributes: Readonly<Partial<Record<string, string>>>;
  };
}

const KINDS = ["roles", "clusterroles", "rolebindings", "clusterrolebindings"] as const;
const PLACE = { file: "fake", line: 1, column: 1 };

/** What an API server answers by RBAC, of which test/cluster/rbac.test.ts shows that it is judged as a real one does. */
export function reviewAccess(body: unknown, objects: FakeObjects): unknown {
  const review = body as Review;
  const { verb, group, resource, subresource, namespace, name } = review.spec.resourceAttributes;
  const [, , account = "", accountName = ""] = review.spec.user.split(":");
  const documents = KINDS.flatMap((kind) => objects.list(kind, null)).map((value) => ({
    file: PLACE.file,
    value,
    placeOf: () => PLACE,
  }));
  const { outcome, text } = judgeRbac(
    readClusterFacts(documents, { isComplete: true }),
    { namespace: account, name: accountName },
    {
      verb: known(verb),
      group: known(group),
      resource: known(subresource === undefined ? resource : `${resource}/${subresource}`),
      namespace: known(namespace),
      name: known(name),
    },
  );
  const isAllowed = outcome === "allow";
  return { ...review, status: { allowed: isAllowed, ...(isAllowed ? { reason: `RBAC: allowed by ${text}` } : {}) } };
}

function known(text = ""): Template {
  return text === "" ? [] : [text];
}
