import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { randomRbac } from "../support/random-rbac.ts";
import { seededNumbers } from "../support/seeded.ts";

const ROLES = 50;
const BACKENDS = 200;
const TOOLS = 20;
const RBAC_OBJECTS = 5_000;
const ACCOUNT = "111122223333";
const ISSUER = "oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E";
const RBAC = { apiVersion: "rbac.authorization.k8s.io/v1" };
const READS = ["get", "list", "watch"];
const VERBS = [...READS, "create", "delete"];

type Word = "yes" | "no";

/** One answer, as far as the way the project was made decides it. */
export interface ExpectedAnswer {
  readonly role: string;
  readonly backend: string;
  readonly tool: string;
  readonly answer: Word;
  readonly gateway: Word;
  readonly kubernetes: Word;
  readonly aws: Word;
}

/** A project of snapshots: 50 roles, 200 backends of 20 tools, 5,000 RBAC objects, 200 IAM roles with a policy each. */
export async function writeMatrixProject(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const files: Readonly<Record<string, string>> = {
    "mcpctl.yaml": `policy:\n  manifests: [cluster.json]\n  iam: [iam.json]\n  oidcIssuer: https://${ISSUER}\n`,
    "roles.yaml": rolesYaml(),
    "backends.yaml": backendsYaml(),
    "cluster.json": JSON.stringify(clusterSnapshot(), null, 2),
    "iam.json": JSON.stringify(iamSnapshot(), null, 2),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}

/** What every role may do with every tool, by rules that were written down apart from the product's. */
export function expectedAnswers(): readonly ExpectedAnswer[] {
  return numbers(ROLES).flatMap((role) =>
    numbers(BACKENDS).flatMap((backend) =>
      numbers(TOOLS).map((tool): ExpectedAnswer => {
        const gateway = word(isGranted(role, backend));
        const kubernetes = word(!needsKubernetes(tool) || isReading(tool) || isWriter(backend));
        const aws = word(needsKubernetes(tool) || isReading(tool) || isWriter(backend));
        const answer = word([gateway, kubernetes, aws].every((each) => each === "yes"));
        return {
          role: `role-${role}`,
          backend: `b-${backend}`,
          tool: `tool_${tool}`,
          answer,
          gateway,
          kubernetes,
          aws,
        };
      }),
    ),
  );
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function word(isYes: boolean): Word {
  return isYes ? "yes" : "no";
}

const isGranted = (role: number, backend: number): boolean => (role * 7 + backend) % 3 !== 0;
const isWriter = (backend: number): boolean => backend % 2 === 1;
/** The first half of the tools; the others need AWS. */
const needsKubernetes = (tool: number): boolean => tool < TOOLS / 2;
const isReading = (tool: number): boolean => tool % VERBS.length < READS.length;

function rolesYaml(): string {
  const role = (number: number): string => {
    const granted = numbers(BACKENDS).filter((backend) => isGranted(number, backend));
    return `  role-${number}:\n${granted.map((backend) => `    - b-${backend}\n`).join("")}`;
  };
  return `roleMapping:\n${numbers(ROLES).map(role).join("")}`;
}

function backendsYaml(): string {
  return `backends:\n${numbers(BACKENDS).map(backendYaml).join("")}`;
}

function backendYaml(number: number): string {
  return `  b-${number}:
    service: s${number}
    environment: stage
    access: ${isWriter(number) ? "rw" : "ro"}
    owner: bench
    url: http://b-${number}.mcp-servers.svc:8080
    serviceAccount: mcp-servers/b-${number}
    iamRole: ${arnOf(number)}
    tools:
${numbers(TOOLS).map(toolYaml).join("")}`;
}

function toolYaml(tool: number): string {
  const verb = VERBS[tool % VERBS.length] ?? "";
  const need = needsKubernetes(tool)
    ? `kubernetes: [{ verb: ${verb}, resource: pods, namespace: "{namespace}" }]`
    : `aws: [{ action: "ec2:${isReading(tool) ? "Describe" : "Terminate"}Instances", resource: "*" }]`;
  return `      tool_${tool}: { ${need} }\n`;
}

function clusterSnapshot(): object {
  const own = numbers(BACKENDS).flatMap(accountObjects);
  const random = seededNumbers(8);
  const others: object[] = [];
  for (let index = 0; own.length + others.length < RBAC_OBJECTS + BACKENDS; index += 1)
    others.push(...randomRbac(random, `p${index}-`).objects.filter(isElsewhere));
  const kinds = ["Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "Pod"];
  const isComplete = Object.fromEntries(kinds.map((kind) => [kind, true]));
  const mcpctl = {
    version: 1,
    takenAt: "2026-11-28T20:00:00Z",
    cluster: "3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f",
    isComplete,
  };
  const items = [...own, ...others].slice(0, RBAC_OBJECTS + BACKENDS);
  return { apiVersion: "v1", kind: "List", metadata: { mcpctl }, items };
}

/** Nothing that gives rights to accounts of the namespace in question, or changes whom its bindings mean. */
function isElsewhere(object: Readonly<Record<string, unknown>>): boolean {
  return !("aggregationRule" in object) && !JSON.stringify(object).includes("system:");
}

function accountObjects(number: number): readonly object[] {
  const name = `b-${number}`;
  const rules = [{ verbs: isWriter(number) ? VERBS : READS, apiGroups: [""], resources: ["pods", "pods/log"] }];
  const annotations = { "eks.amazonaws.com/role-arn": arnOf(number) };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace: "mcp-servers", annotations } },
    { ...RBAC, kind: "ClusterRole", metadata: { name }, rules },
    {
      ...RBAC,
      kind: "ClusterRoleBinding",
      metadata: { name },
      subjects: [{ kind: "ServiceAccount", name, namespace: "mcp-servers" }],
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
    },
  ];
}

function arnOf(number: number): string {
  return `arn:aws:iam::${ACCOUNT}:role/b-${number}`;
}

function iamSnapshot(): object {
  return {
    RoleDetailList: numbers(BACKENDS).map(roleDetail),
    Policies: numbers(BACKENDS).map(policyDetail),
    mcpctl: { version: 1, takenAt: "2026-11-28T20:00:00Z", account: ACCOUNT, isComplete: true },
  };
}

function roleDetail(number: number): object {
  const condition = {
    [`${ISSUER}:sub`]: `system:serviceaccount:mcp-servers:b-${number}`,
    [`${ISSUER}:aud`]: "sts.amazonaws.com",
  };
  const statement = {
    Effect: "Allow",
    Principal: { Federated: `arn:aws:iam::${ACCOUNT}:oidc-provider/${ISSUER}` },
    Action: "sts:AssumeRoleWithWebIdentity",
    Condition: { StringEquals: condition },
  };
  return {
    RoleName: `b-${number}`,
    Arn: arnOf(number),
    AssumeRolePolicyDocument: { Version: "2012-10-17", Statement: [statement] },
    RolePolicyList: [],
    AttachedManagedPolicies: [{ PolicyName: `p-${number}`, PolicyArn: policyArn(number) }],
  };
}

function policyDetail(number: number): object {
  const Statement = [
    ...numbers(10).map((other) => ({
      Effect: "Allow",
      Action: [`service${other}:Get*`, `service${other}:List*`],
      Resource: "*",
    })),
    {
      Effect: "Allow",
      Action: isWriter(number) ? ["ec2:Describe*", "ec2:TerminateInstances"] : "ec2:Describe*",
      Resource: "*",
    },
  ];
  return {
    PolicyName: `p-${number}`,
    Arn: policyArn(number),
    DefaultVersionId: "v1",
    PolicyVersionList: [{ VersionId: "v1", IsDefaultVersion: true, Document: { Version: "2012-10-17", Statement } }],
  };
}

function policyArn(number: number): string {
  return `arn:aws:iam::${ACCOUNT}:policy/p-${number}`;
}
