import type { FlowProject } from "./flow-project.ts";
import { OTHER_ROLE } from "./random-flow.ts";

type Step = string | number;
export type Path = readonly Step[];

/** A reason for which a fact that goes may make an answer what it was not. */
export interface Exception {
  readonly why: string;
  readonly holds: (project: FlowProject, path: Path) => boolean;
}

/** Every part of the project: files, items of lists, members of objects, however deep. */
export function pathsOf(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== "object" || value === null) return path.length === 0 ? [] : [path];
  const below = Object.entries(value).flatMap(([name, child]) =>
    pathsOf(child, [...path, Array.isArray(value) ? Number(name) : name]),
  );
  return path.length === 0 ? below : [path, ...below];
}

/** The same without the part at this path. */
export function without<T>(value: T, [step, ...rest]: Path): T {
  const isLast = rest.length === 0;
  if (Array.isArray(value))
    return value.flatMap((item, index) => (index !== step ? [item] : isLast ? [] : [without(item, rest)])) as T;
  const members = Object.entries(value as object).flatMap(([name, child]) =>
    name !== step ? [[name, child]] : isLast ? [] : [[name, without(child, rest)]],
  );
  return Object.fromEntries(members) as T;
}

/** The part at this path and all that hold it, the outermost first. */
function around(project: FlowProject, path: Path): readonly unknown[] {
  return path.map((_, index) =>
    path.slice(0, index + 1).reduce<unknown>((part, step) => (part as Readonly<Record<Step, unknown>>)[step], project),
  );
}

const matches =
  (pattern: RegExp): Exception["holds"] =>
  (_, path) =>
    pattern.test(path.join("/"));

const memberOf = (part: unknown, name: string): unknown => (part as Readonly<Record<string, unknown>> | null)?.[name];

const isDeny = (part: unknown): boolean => memberOf(part, "Effect") === "Deny";
const holdsDeny = (part: unknown): boolean => JSON.stringify(part).includes('"Effect":"Deny"');
const within = (project: FlowProject, path: Path): boolean => around(project, path).some(isDeny);

/** The policy whose language its Version tells, and a Deny is in that. */
const isVersionOfDenial = (project: FlowProject, path: Path): boolean =>
  path.at(-1) === "Version" && holdsDeny(around(project, path).at(-2));

/** A policy that the role is attached, and that denies something or is not known. */
const isAttachedDenial = (project: FlowProject, path: Path): boolean => {
  const attached = around(project, path).slice(path.indexOf("AttachedManagedPolicies"));
  if (!path.includes("AttachedManagedPolicies")) return false;
  const arns = [...JSON.stringify(attached).matchAll(/"(arn:[^"]*)"/g)].map((match) => match[1]);
  const policies = (memberOf(project.iam?.[0], "Policies") ?? []) as readonly unknown[];
  return arns.some((arn) => {
    const found = policies.find((each) => memberOf(each, "Arn") === arn);
    return found === undefined || holdsDeny(found);
  });
};

/** An object that the manifests tell twice and differently, so that nobody knows which of them is so. */
const isToldTwice = (project: FlowProject, path: Path): boolean => {
  const nameOf = (object: unknown): string => JSON.stringify([memberOf(object, "kind"), namesOf(object)]);
  const all = (project.manifests ?? []).flatMap((file) => (memberOf(file, "items") as readonly unknown[]) ?? [file]);
  const names = all.map(nameOf);
  const parts = path[0] === "manifests" ? around(project, path) : [];
  return parts.some(
    (part) => memberOf(part, "kind") !== undefined && names.filter((name) => name === nameOf(part)).length > 1,
  );
};

function namesOf(object: unknown): unknown {
  const metadata = memberOf(object, "metadata");
  return [memberOf(metadata, "namespace"), memberOf(metadata, "name")];
}

/** An annotation or an association that names another role, and whatever holds it. */
const isOtherRole = (project: FlowProject, path: Path): boolean => {
  const saysOther = (part: unknown): boolean => JSON.stringify(part).includes(OTHER_ROLE);
  const isSaying = (part: unknown): boolean =>
    memberOf(part, "kind") === "ServiceAccount" || memberOf(part, "association") !== undefined;
  const parts = around(project, path);
  const isManifest = path[0] === "manifests" && saysOther(parts.at(-1));
  return isManifest || parts.some((part) => isSaying(part) && saysOther(part));
};

/** What may turn an answer to yes: all that denies, whatever its form, and what is no fact. */
export const MAY_ALLOW: readonly Exception[] = [
  {
    why: "the registry tells what is asked about: what a tool needs is the question, and less is another question",
    holds: matches(/^backends\/backends\/[^/]+\/tools\/[^/]+\/./),
  },
  {
    why: "what a server declares is bounded by Kubernetes alone, and to AWS a pod without a role is nobody",
    holds: matches(/^backends\/backends\/[^/]+\/iamRole$/),
  },
  {
    why: "a deny of tools, or the list that narrows a grant",
    holds: matches(/^roles\/.*\/tools\/(?:deny\b.*|allow)$/),
  },
  { why: "the narrowing of a grant", holds: matches(/^roles\/.*\/tools$/) },
  { why: "a lock", holds: matches(/^denylist(?:\/locks(?:\/\d+)?)?$/) },
  { why: "a revocation, an earlier end", holds: matches(/^keys\/.*\.(?:revoked|ends)$/) },
  {
    why: "one of two records that claim the key for two roles, so that neither is believed",
    holds: ({ keys }, path) =>
      /^keys\/\w+\.\w+$/.test(path.join("/")) && Object.keys(keys ?? {}).some((name) => name.startsWith("writer")),
  },
  { why: "the names to which a rule is narrowed", holds: matches(/\/resourceNames(?:\/\d+)?$/) },
  { why: "a namespace that is not the binding's", holds: matches(/\/subjects\/\d+\/namespace$/) },
  { why: "the labels that a role must have to be aggregated", holds: matches(/\/matchLabels(?:\/.*)?$/) },
  { why: "what makes the controller overwrite a role's own rules", holds: matches(/\/aggregationRule$/) },
  { why: "an object that contradicts another", holds: isToldTwice },
  {
    why: "a Deny, all of it and what holds it",
    holds: (project, path) => within(project, path) || holdsDeny(around(project, path).at(-1)),
  },
  { why: "a policy that denies, or that nobody knows, attached", holds: isAttachedDenial },
  { why: "the version of a policy that denies", holds: isVersionOfDenial },
  { why: "a permissions boundary", holds: matches(/\/PermissionsBoundary$/) },
  {
    why: "a service control policy: it gives nothing, it limits",
    holds: (project, path) => around(project, path).some((part) => memberOf(part, "Policy") !== undefined),
  },
  {
    why: "a file that may deny anything, for nobody understands it",
    holds: (project, path) => around(project, path).some((part) => memberOf(part, "something") !== undefined),
  },
  { why: "what limits an Allow", holds: matches(/\/(?:Condition(?:\/.*)?|(?:NotAction|NotResource)\/\d+)$/) },
  {
    why: "what limits the session of an association",
    holds: matches(/\/association\/(?:targetRoleArn|policy|disableSessionTags)$/),
  },
  { why: "what says that the pod has another role", holds: isOtherRole },
];

/** Without `complete` and snapshots, what may turn an answer to no: grants of layer 1, and what limits a denial. */
export const MAY_DENY: readonly Exception[] = [
  { why: "a grant", holds: matches(/^roles\//) },
  { why: "the end of a lock", holds: matches(/^denylist\/removed/) },
  { why: "the record of the key, or the only readable one", holds: matches(/^keys(?:$|\/)/) },
  {
    why: "what limits a Deny",
    holds: (project, path) =>
      within(project, path) && /\/(?:Condition(?:\/.*)?|(?:NotAction|NotResource)\/\d+)$/.test(path.join("/")),
  },
  { why: "the version of a policy that denies", holds: isVersionOfDenial },
  { why: "what takes the tags away that a Deny asks for", holds: matches(/\/disableSessionTags$/) },
];
