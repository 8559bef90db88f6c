import { NAME_PATTERNS } from "../names.ts";
import { readyCondition, type DataFrom, type ExternalSecret, type SecretStore } from "./external-secret.ts";

/** Why an ExternalSecret must not be trusted with keys, and what to do about it. */
export interface Objection {
  readonly problem: string;
  readonly mend: string;
}

export interface Expectation {
  /** `/mcp-gateway/keys`. */
  readonly path: string;
  readonly region: string;
  /** The Secret that mcpctl.yaml names. */
  readonly secret: string;
}

/** The default of the operator outlasts the age limit of the keys. */
const MAX_REFRESH_SECONDS = 300;

/**
 * Can this ExternalSecret be forced, and will it carry every revocation? Each rule is one of the operator's traps; what
 * cannot be shown to be right is an objection.
 */
export function objectionsTo(secret: ExternalSecret, expected: Expectation): readonly Objection[] {
  return [
    ...refreshObjections(secret),
    ...ownerObjections(secret),
    ...targetObjections(secret, expected),
    ...templateObjections(secret),
    ...sourceObjections(secret, expected),
  ];
}

/** Does the store answer, and is it the pinned one? */
export function storeObjections(store: SecretStore, expected: Expectation): readonly Objection[] {
  const ready = readyCondition(store.status?.conditions);
  const aws = store.spec?.provider?.aws;
  return [
    ...when(ready?.status !== "True", {
      problem: `its store ${store.metadata?.name ?? ""} is not ready${ready?.message === undefined ? "" : `: ${ready.message}`}`,
      mend: "See `kubectl describe` of the store: mostly its role (IRSA), or a ServiceAccount that is missing.",
    }),
    ...when(aws?.service !== "ParameterStore", {
      problem: "its store does not read AWS Parameter Store",
      mend: "Set spec.provider.aws.service: ParameterStore in the store.",
    }),
    ...when(aws !== undefined && aws.region !== expected.region, {
      problem: `its store reads region ${aws?.region ?? "-"}, and the context is pinned to ${expected.region}`,
      mend: "Correct the store's region, or the context.",
    }),
  ];
}

function refreshObjections({ spec }: ExternalSecret): readonly Objection[] {
  const policy = spec?.refreshPolicy ?? "Periodic";
  const text = spec?.refreshInterval ?? "1h";
  const seconds = goSeconds(text);
  if (policy !== "Periodic")
    return [
      {
        problem: `refreshPolicy ${policy} stops refreshing once the Secret is made, so that its keys grow old`,
        mend: "Set spec.refreshPolicy: Periodic.",
      },
    ];
  // Go rounds what is below a nanosecond to 0, and whatever is below a second keeps AWS busy.
  if (seconds !== null && seconds < 1)
    return [
      {
        problem:
          seconds === 0
            ? "refreshInterval 0 switches refreshing off, and with it the forced sync"
            : `refreshInterval ${text} is below a second, which has AWS throttle every reader, or switches refreshing off`,
        mend: "Set spec.refreshInterval: 1m.",
      },
    ];
  return when(seconds === null || seconds > MAX_REFRESH_SECONDS, {
    problem: `refreshInterval ${text}${spec?.refreshInterval === undefined ? " (the default)" : ""} is above 5 minutes, and gateways put keys aside that are 15 minutes old`,
    mend: "Set spec.refreshInterval: 1m.",
  });
}

function ownerObjections({ metadata }: ExternalSecret): readonly Objection[] {
  const owner = metadata?.ownerReferences?.find(({ kind }) => kind === "ClusterExternalSecret");
  return [
    ...when(owner !== undefined, {
      problem: `ClusterExternalSecret ${owner?.name ?? ""} owns it and takes the annotation away that forces a sync`,
      mend: "Make it an ExternalSecret of its own.",
    }),
    ...when(metadata?.deletionTimestamp !== undefined, {
      problem: "it is being deleted",
      mend: "Find out who deleted it, and apply it again.",
    }),
  ];
}

function targetObjections({ spec, metadata }: ExternalSecret, expected: Expectation): readonly Objection[] {
  const target = spec?.target;
  const name = target?.name ?? metadata?.name ?? "";
  const creation = target?.creationPolicy ?? "Owner";
  const deletion = target?.deletionPolicy ?? "Retain";
  return [
    ...when(name !== expected.secret, {
      problem: `it renders Secret ${name}, and mcpctl.yaml names ${expected.secret}`,
      mend: "Correct kubernetes.secret in mcpctl.yaml, or spec.target.name.",
    }),
    ...when(creation !== "Owner" && creation !== "Orphan", {
      problem: `creationPolicy ${creation} leaves in the Secret what it did not render`,
      mend: "Set spec.target.creationPolicy: Owner.",
    }),
    ...when(deletion !== "Merge", {
      problem:
        deletion === "Delete"
          ? "deletionPolicy Delete removes the Secret with the last key, and gateways then keep what they knew"
          : `deletionPolicy ${deletion} leaves the last key in the Secret when it is deleted from the store`,
      mend: "Set spec.target.deletionPolicy: Merge.",
    }),
    ...when(target?.immutable === true, {
      problem: "its Secret is immutable, so that no revocation can reach it",
      mend: "Set spec.target.immutable: false, and delete the Secret once.",
    }),
  ];
}

/** What renders all records and nothing else. */
const ALL_RECORDS = /^\{\{-?\s*\.\s*\|\s*toJson\s*-?\}\}$/;
/** The time of the operator's last read, as a gateway reads it. */
const HEARTBEAT = /^\{\{-?\s*dateInZone\s+"2006-01-02T15:04:05Z"\s+(now|\(now\))\s+"UTC"\s*-?\}\}$/;

function templateObjections({ spec }: ExternalSecret): readonly Objection[] {
  const template = spec?.target?.template;
  const data = template?.data ?? {};
  return [
    ...when(!ALL_RECORDS.test(data["keys.json"] ?? ""), {
      problem: "its template does not render keys.json of all records as they are",
      mend: `Set spec.target.template.data["keys.json"]: '{{ . | toJson }}'.`,
    }),
    ...when(!HEARTBEAT.test(data["synced"] ?? ""), {
      problem: "its template has no `synced`, so that gateways cannot tell when the operator stops",
      mend: `Set spec.target.template.data.synced: '{{ dateInZone "2006-01-02T15:04:05Z" now "UTC" }}'.`,
    }),
    ...when((template?.mergePolicy ?? "Replace") !== "Replace", {
      problem: `its template's mergePolicy ${template?.mergePolicy ?? ""} puts every record into the Secret a second time`,
      mend: "Set spec.target.template.mergePolicy: Replace.",
    }),
    ...when((template?.templateFrom ?? []).length > 0, {
      problem: "its templateFrom can render other keys than those of the store",
      mend: "Remove spec.target.template.templateFrom.",
    }),
  ];
}

function sourceObjections({ spec }: ExternalSecret, { path }: Expectation): readonly Objection[] {
  const [source, ...others] = spec?.dataFrom ?? [];
  const isAlone = source?.find !== undefined && source.extract === undefined && source.sourceRef === undefined;
  if (!isAlone || others.length > 0 || (spec?.data ?? []).length > 0)
    return [
      {
        problem: "it reads other things than one search below the store's path",
        mend: "Leave one `find` in spec.dataFrom, and nothing in spec.data.",
      },
    ];
  return [...findObjections(source, path), ...rewriteObjections(source, path)];
}

function findObjections({ find }: DataFrom, path: string): readonly Objection[] {
  const pattern = find?.name?.regexp ?? "";
  const isBelow = find?.path === path || find?.path?.startsWith(`${path}/`) === true;
  return [
    ...when(!isBelow, {
      problem: `it searches ${find?.path ?? "everywhere"}, and the store's path is ${path}`,
      mend: `Set spec.dataFrom[0].find.path: ${path}.`,
    }),
    ...when(!isNamePattern(pattern, path), {
      problem:
        pattern.startsWith("^") && pattern.endsWith("$")
          ? `its name pattern ${pattern} is not the one for records, so that other parameters may get in or records be left out`
          : `its name pattern ${pattern === "" ? "(none)" : pattern} is not anchored, so that any parameter may get in`,
      mend: `Set spec.dataFrom[0].find.name.regexp: '${namePattern(path)}'.`,
    }),
    ...when((find?.decodingStrategy ?? "None") !== "None", {
      problem: `its decodingStrategy ${find?.decodingStrategy ?? ""} turns values of the store into others`,
      mend: "Set spec.dataFrom[0].find.decodingStrategy: None.",
    }),
  ];
}

const HASH_AND_PART = "/[0-9a-f]{64}(\\.ends|\\.revoked)?$";
const ANY_ROLE = NAME_PATTERNS.role.slice(1, -1);

/** The pattern of every entry's name below this path (RE2). */
export function namePattern(path: string): string {
  return `^${path.replaceAll(".", "\\.")}/${ANY_ROLE}${HASH_AND_PART}`;
}

/** That pattern, or the same with one role, or some, in the place of any. */
function isNamePattern(pattern: string, path: string): boolean {
  const beginnings = [`^${path.replaceAll(".", "\\.")}/`, `^${path}/`];
  const beginning = beginnings.find((text) => pattern.startsWith(text));
  if (beginning === undefined || !pattern.endsWith(HASH_AND_PART)) return false;
  const role = pattern.slice(beginning.length, -HASH_AND_PART.length);
  if (role === ANY_ROLE) return true;
  const names = /^\((?:\?:)?(.*)\)$/.exec(role)?.[1]?.split("|") ?? [role];
  // A dot that is not escaped stands for a slash, too: whoever may write below one role's folder would reach another's.
  return names.every((name) => /^[a-z0-9]([a-z0-9_-]|\\\.){0,62}$/.test(name));
}

function rewriteObjections({ rewrite = [] }: DataFrom, path: string): readonly Objection[] {
  const [first, second, ...others] = rewrite.map(({ regexp }) => regexp);
  const sources = [`^${path}/`, `^${path.replaceAll(".", "\\.")}/`];
  const isRight =
    others.length === 0 &&
    first !== undefined &&
    sources.includes(first.source ?? "") &&
    (first.target ?? "") === "" &&
    second?.source === "/" &&
    second.target === ".";
  return when(!isRight, {
    problem: "its rewrite does not turn <path>/<role>/<hash> into <role>.<hash>, so that the role's folder is lost",
    mend: `Set spec.dataFrom[0].rewrite to two rules: '^${path}/' to '', then '/' to '.'.`,
  });
}

/** Seconds of a Go duration like `1m`, `1h0m0s` or `500ms`; null for anything else. */
function goSeconds(text: string): number | null {
  const units: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 1e-3, us: 1e-6, ns: 1e-9 };
  if (/^[-+]?0$/.test(text)) return 0;
  if (!/^([0-9]+(\.[0-9]+)?(h|ms|m|s|us|ns))+$/.test(text)) return null;
  let seconds = 0;
  for (const [, number, unit] of text.matchAll(/([0-9.]+)(h|ms|m|s|us|ns)/g))
    seconds += Number(number) * (units[unit ?? ""] ?? 0);
  return seconds;
}

function when(isWrong: boolean, objection: Objection): readonly Objection[] {
  return isWrong ? [objection] : [];
}
