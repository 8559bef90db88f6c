import { showTemplate } from "../../src/lib/flow/template.ts";
import { filledByController } from "./aggregate-as-controller.ts";
import { KEY_HASH, type FlowProject } from "./flow-project.ts";
import { ACCOUNT, control, details, managed, policy, role, ROLE } from "./iam-facts.ts";
import { randomRbac, randomRequest, type RandomRbac } from "./random-rbac.ts";
import { seededNumbers } from "./seeded.ts";

type Json = Readonly<Record<string, unknown>>;
type Pick = <T>(items: readonly T[]) => T;

/** How the facts of a project below the gateway came about. */
export type Taken = "by hand" | "as snapshots";

const ISSUER = "oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLE";
const CLUSTER = "prod";
export const OTHER_ROLE = "arn:aws:iam::111122223333:role/other";
const [BOUNDARY, MANAGED, UNSEEN] = ["limit", "extra", "unseen"].map(
  (name) => `arn:aws:iam::${ACCOUNT}:policy/${name}`,
) as [string, string, string];
const TOOLS = ["get_a", "get_b", "delete_a", "delete_b"];
const [AT, LATER] = ["2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"];
const MARK = { version: 1, takenAt: AT };
const KINDS = ["ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "APIResourceList"];

/** A whole project made up from the seed: roles, locks and a key, backends, and what lies below them. */
export function randomProject(seed: number, taken: Taken): FlowProject {
  const below = seededNumbers(seed);
  const pick: Pick = (items) => items[below(items.length)] as (typeof items)[number];
  const chance = (of: number): boolean => below(of) === 0;
  const rbac = randomRbac(below);
  const world: World = { below, pick, chance, rbac, isSnapshot: taken === "as snapshots" };
  return {
    roles: { roleMapping: { reader: grants(world), writer: grants(world) } },
    backends: { backends: { b0: backend(world, 0), b1: backend(world, 1) } },
    denylist: denylist(world),
    keys: keys(world),
    manifests: manifests(world),
    iam: iam(world),
    config: { oidcIssuer: `https://${ISSUER}`, clusterName: CLUSTER },
  };
}

interface World {
  readonly below: (below: number) => number;
  readonly pick: Pick;
  /** True once in so many times. */
  readonly chance: (of: number) => boolean;
  readonly rbac: RandomRbac;
  readonly isSnapshot: boolean;
}

function grants({ pick, chance }: World): readonly unknown[] {
  const patterns = ["*", "get_*", "*_a", "delete_b"];
  return ["b0", "b1"].flatMap((name): readonly unknown[] => {
    if (chance(6)) return [];
    if (chance(2)) return [name];
    const allow = chance(2) ? {} : { allow: [pick(patterns), pick(patterns)] };
    return [{ backend: name, tools: { ...allow, deny: chance(2) ? [] : [pick(patterns.slice(1))] } }];
  });
}

function denylist({ pick, chance }: World): Json {
  const matches = [{ role: "reader" }, { backend: "b1" }, { user: "agent-1" }, { all: true }];
  const lock = (id: string): Json => ({
    id,
    match: pick(matches),
    reason: "r",
    tell: false,
    by: "a",
    at: AT,
    until: null,
  });
  return {
    locks: [...(chance(8) ? [lock("lock_1")] : []), lock("lock_2")],
    removed: [{ id: "lock_2", by: "a", at: AT }],
  };
}

function keys({ chance }: World): Json {
  return {
    [`reader.${KEY_HASH}`]: "reader/agent-1?exp=2027-02-18T09:00:00Z",
    ...(chance(8) ? { [`reader.${KEY_HASH}.revoked`]: `at=${AT}` } : {}),
    ...(chance(8) ? { [`reader.${KEY_HASH}.ends`]: `exp=${chance(2) ? AT : LATER}&next=k_0123456789ab` } : {}),
    ...(chance(8) ? { [`writer.${KEY_HASH}`]: "writer/agent-2" } : {}),
  };
}

function backend(world: World, index: number): Json {
  const { rbac, chance } = world;
  const { namespace, name } = rbac.account;
  const common = { service: "s", environment: "stage", access: "rw", owner: "o", url: `http://b${index}` };
  return {
    ...common,
    serviceAccount: `${namespace}/${name}`,
    ...(chance(4) ? {} : { iamRole: ROLE }),
    tools: Object.fromEntries(TOOLS.map((tool) => [tool, need(world)])),
  };
}

function need(world: World): Json {
  const { chance, below } = world;
  if (chance(12)) return {};
  const kubernetes = Array.from({ length: 1 + below(2) }, () => kubernetesNeed(world));
  if (chance(4)) return { declared: { digest: "0".repeat(12), bounds: { kubernetes } } };
  return {
    ...(chance(3) ? {} : { kubernetes }),
    aws: Array.from({ length: below(2) }, () => awsNeed(world)),
    ...(chance(8) ? { beyond: "the database" } : {}),
  };
}

function kubernetesNeed({ below, chance, rbac }: World): Json {
  if (chance(10))
    return { verb: "get", kind: "Widget", apiVersion: "example.com/v1", namespace: rbac.account.namespace };
  const { verb, group, resource, namespace, name } = randomRequest(below, rbac, chance(3));
  const texts = { verb, group, resource, namespace, name };
  return Object.fromEntries(
    Object.entries(texts).flatMap(([field, template]) => {
      const text = template === null ? "" : showTemplate(template);
      return text === "" && field !== "group" ? [] : [[field, text]];
    }),
  );
}

const AWS_REQUESTS = [
  ["ec2:DescribeInstances", "*"],
  ["ec2:TerminateInstances", "arn:aws:ec2:eu-central-1:111122223333:instance/{id}"],
  ["s3:GetObject", "arn:aws:s3:::data/team/report"],
  ["s3:*", "arn:aws:s3:::data/{key}"],
] as const;

function awsNeed({ pick }: World): Json {
  const [action, resource] = pick(AWS_REQUESTS);
  return { action, resource };
}

function manifests(world: World): readonly unknown[] {
  const { rbac, chance, isSnapshot } = world;
  const [printed, told] = [isSnapshot ? printedBy(rbac.objects) : rbac.objects, serviceAccounts(world)];
  const served = { kind: "APIResourceList", apiVersion: "v1", groupVersion: "example.com/v1", resources: [WIDGET] };
  const mark = { mcpctl: { ...MARK, cluster: "c", isComplete: Object.fromEntries(KINDS.map((kind) => [kind, true])) } };
  const list = (items: readonly unknown[]): Json => ({
    apiVersion: "v1",
    kind: "List",
    ...(isSnapshot ? { metadata: mark } : {}),
    items,
  });
  if (isSnapshot) return [list([...printed, ...told, served])];
  return [
    list(printed),
    ...told,
    served,
    // Somebody's own copy of an object that was changed since, and one that no API server takes.
    ...(chance(5) ? [{ ...(world.pick(printed) as Json), rules: [], subjects: [] }] : []),
    ...(chance(5) ? [{ ...(printed[0] as Json), metadata: { name: "of-no-namespace" } }] : []),
  ];
}

const WIDGET = { name: "widgets", kind: "Widget", namespaced: true, verbs: ["get"] };

/** The same as an API server prints them, which has filled what aggregates others. */
function printedBy(objects: readonly Json[]): readonly unknown[] {
  const filled = filledByController(objects) as readonly Json[];
  return filled.map((object, index) => ({
    ...object,
    metadata: { ...(object["metadata"] as Json), uid: `u${index}` },
  }));
}

function serviceAccounts({ rbac, chance }: World): readonly unknown[] {
  if (chance(8)) return [];
  const annotations = chance(3) ? {} : { "eks.amazonaws.com/role-arn": chance(6) ? OTHER_ROLE : ROLE };
  return [{ apiVersion: "v1", kind: "ServiceAccount", metadata: { ...rbac.account, annotations } }];
}

function iam(world: World): readonly unknown[] {
  const { chance, isSnapshot } = world;
  const attached = [...(chance(2) ? [MANAGED] : []), ...(chance(6) ? [UNSEEN] : [])];
  const limits = chance(3);
  const one = role({
    inline: { p0: policyOf(world, 3), ...(chance(2) ? { p1: policyOf(world, 2) } : {}) },
    attached,
    ...(limits ? { boundary: BOUNDARY } : {}),
    trust: trust(world),
    tags: { team: "team" },
  });
  const policies = [managed(MANAGED, policyOf(world, 2)), ...(limits ? [managed(BOUNDARY, policyOf(world, 3))] : [])];
  const mark = isSnapshot ? { mcpctl: { ...MARK, account: ACCOUNT, isComplete: true } } : {};
  return [
    details([one, role({ arn: OTHER_ROLE })], policies, mark),
    ...(chance(4) ? [parsedControl(policyOf(world, 2))] : []),
    ...(chance(2) ? [association(world)] : []),
    ...(chance(10) ? [{ something: "else" }] : []),
  ];
}

/** With its content as an object, so that parts of it can go. */
function parsedControl(content: Json): Json {
  const { Policy } = control("limits", content) as { readonly Policy: Json };
  return { Policy: { ...Policy, Content: content } };
}

function association({ rbac, chance }: World): Json {
  const { namespace, name } = rbac.account;
  const what = {
    clusterName: CLUSTER,
    namespace,
    serviceAccount: name,
    roleArn: chance(4) ? OTHER_ROLE : ROLE,
    ...(chance(6) ? { targetRoleArn: OTHER_ROLE } : {}),
    ...(chance(6) ? { policy: "{}" } : {}),
    ...(chance(4) ? { disableSessionTags: true } : {}),
  };
  return { association: what };
}

function policyOf(world: World, most: number): Json {
  return policy(...Array.from({ length: 1 + world.below(most) }, () => statement(world)));
}

const CONDITIONS: readonly Json[] = [
  { StringEquals: { "aws:PrincipalTag/team": "team" } },
  { StringEquals: { "aws:PrincipalTag/team": ["other", "team"] } },
  { StringNotEquals: { "aws:PrincipalTag/team": ["other", "team"] } },
  { StringEqualsIfExists: { "aws:PrincipalAccount": "${aws:PrincipalAccount}" } },
  { StringEquals: { "aws:RequestedRegion": ["eu-central-1"] } },
  { Bool: { "aws:SecureTransport": "false" } },
];

function statement({ pick, chance, below }: World): Json {
  const some = (from: readonly string[]): readonly string[] => Array.from({ length: 1 + below(3) }, () => pick(from));
  const actions = ["*", "ec2:*", "ec2:Describe*", "s3:Get*", "s3:*", "sqs:*"];
  const resources = [
    "*",
    "*",
    "arn:aws:s3:::data/*",
    "arn:aws:ec2:*:*:instance/*",
    "arn:aws:s3:::data/${aws:PrincipalTag/team}/*",
  ];
  return {
    Effect: chance(6) ? "Deny" : "Allow",
    [chance(6) ? "NotAction" : "Action"]: some(actions),
    [chance(8) ? "NotResource" : "Resource"]: some(resources),
    ...(chance(4) ? { Condition: pick(CONDITIONS) } : {}),
  };
}

function trust({ rbac, chance, pick }: World): Json {
  const { namespace, name } = rbac.account;
  const subject = `system:serviceaccount:${namespace}:${name}`;
  const web = {
    Effect: "Allow",
    Principal: { Federated: `arn:aws:iam::${ACCOUNT}:oidc-provider/${ISSUER}` },
    Action: "sts:AssumeRoleWithWebIdentity",
    Condition: { StringEquals: { [`${ISSUER}:sub`]: chance(8) ? `${subject}x` : subject } },
  };
  const eks = {
    Effect: "Allow",
    Principal: { Service: "pods.eks.amazonaws.com" },
    Action: ["sts:AssumeRole", "sts:TagSession"],
    ...(chance(2) ? { Condition: { StringEquals: { "aws:RequestTag/kubernetes-namespace": namespace } } } : {}),
  };
  const denial = {
    Effect: "Deny",
    Principal: pick([{ Service: "pods.eks.amazonaws.com" }, { Federated: web.Principal.Federated }]),
    Action: "*",
    ...(chance(2)
      ? {
          Condition: pick([
            { Bool: { "aws:SecureTransport": "false" } },
            { StringNotEquals: { [`${ISSUER}:sub`]: [subject] } },
          ]),
        }
      : {}),
  };
  return policy(...(chance(4) ? [] : [web]), ...(chance(4) ? [] : [eks]), ...(chance(6) ? [denial] : []));
}
