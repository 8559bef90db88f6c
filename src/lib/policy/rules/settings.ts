import type { Severity } from "../source.ts";

/** Which of the backends a rule speaks of: every field that is given must fit. */
export interface BackendPattern {
  readonly service?: readonly string[];
  readonly environment?: readonly string[];
  readonly access?: "ro" | "rw";
  readonly backend?: readonly string[];
  /** Only those in production. */
  readonly production?: boolean;
}

/** Two kinds of grants that no role should have at once. */
export interface ToxicPair {
  readonly why: string;
  readonly first: BackendPattern;
  readonly second: BackendPattern;
}

/** How a team wants the rules (mcpctl.yaml, `policy.rules`). */
export interface RuleSettings {
  /** `skip`, or another severity than the catalogue's, by code. */
  readonly levels: ReadonlyMap<string, Severity | "skip">;
  /** MC201: what a backend may be called, with `{service}`, `{access}`, `{environment}` for its fields; null to skip. */
  readonly nameForms: readonly string[] | null;
  /** MC306, beside those that are built in. */
  readonly pairs: readonly ToxicPair[];
  /** MC308: backends that are known to reach keys or roles. */
  readonly administers: readonly string[];
  /** MC405: how many grants a role may gain in one change. */
  readonly growth: number;
  /** MC406: whether a role must name its owner. */
  readonly requiresOwner: boolean;
  /** MC503: how old a key may grow, in days, and how many live keys one user may have in one role. */
  readonly keyDays: number;
  readonly keysPerUser: number;
  /** MC308: where the gateway's keys and roles lie, as far as the configuration says. */
  readonly namespaces: readonly string[];
  readonly parameterPaths: readonly string[];
}

export const DEFAULT_SETTINGS: RuleSettings = {
  levels: new Map(),
  nameForms: null,
  pairs: [],
  administers: [],
  growth: 5,
  requiresOwner: false,
  keyDays: 365,
  keysPerUser: 5,
  namespaces: [],
  parameterPaths: [],
};

const CODE_HOSTS = ["github", "gitlab", "bitbucket", "gitea", "git"];
const DEPLOYERS = ["argocd", "argo", "flux", "fluxcd", "jenkins", "spinnaker", "tekton", "terraform"];
const DATABASES = [
  "postgres",
  "postgresql",
  "mysql",
  "mariadb",
  "mongodb",
  "redis",
  "snowflake",
  "bigquery",
  "elasticsearch",
];
const OUTWARD = [
  ...CODE_HOSTS,
  "cloudflare",
  "slack",
  "email",
  "smtp",
  "http",
  "fetch",
  "browser",
  "jira",
  "confluence",
  "notion",
];
const SECRET_STORES = ["vault", "ssm", "secretsmanager", "secrets-manager"];
const CLOUDS = ["aws", "gcp", "azure"];

/** Grants that are harmless alone and dangerous together; by the registry's fields, never by names. */
export const TOXIC_PAIRS: readonly ToxicPair[] = [
  {
    why: "it can commit code and deploy it, with nobody in between",
    first: { service: CODE_HOSTS, access: "rw" },
    second: { service: DEPLOYERS, access: "rw" },
  },
  {
    why: "it can read production data and send it outside",
    first: { service: DATABASES, production: true },
    second: { service: OUTWARD, access: "rw" },
  },
  {
    why: "it can change the cloud and read the secrets that guard it",
    first: { service: CLOUDS, access: "rw" },
    second: { service: SECRET_STORES },
  },
];
