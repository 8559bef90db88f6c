import { randomBytes } from "node:crypto";
import { mintKey, type MintedKey } from "../../src/lib/keys/key.ts";

/** The backends of the run; calls to `gamma` can change something, so they are recorded before they are made too. */
export const BACKENDS = ["alpha", "beta", "gamma"] as const;
export type BackendName = (typeof BACKENDS)[number];

/** What the backends offer; which of it a narrowed grant shows is said below, and not by the gateway's own rules. */
export const TOOLS = ["eks_get_pods", "eks_delete_pod", "eks_get_secrets", "eks_get_events"] as const;
export const SLIM_TOOLS: ReadonlySet<string> = new Set(["eks_get_pods", "eks_get_events"]);

export type Role = "wide" | "slim" | "bare";
/** Which backends a role opens; `tools` is what it may call there, null for everything. */
export const GRANTS: Readonly<
  Record<Role, Partial<Record<BackendName, { readonly tools: ReadonlySet<string> | null }>>>
> = {
  wide: { alpha: { tools: null }, beta: { tools: null }, gamma: { tools: null } },
  slim: { alpha: { tools: SLIM_TOOLS }, beta: { tools: null } },
  bare: { beta: { tools: null } },
};
/** The same for the gateway. */
export const ROLES_YAML = `roleMapping:
  wide: [alpha, beta, gamma]
  slim: [{ backend: alpha, tools: { allow: ["eks_get_*"], deny: ["eks_get_secret*"] } }, beta]
  bare: [beta]
`;

/** Whom a key stands for; `user` is null for a key that opens nothing. */
export interface Holder {
  readonly role: Role;
  readonly user: string | null;
  readonly key: MintedKey;
}

export const HOLDER_NAMES = ["wide", "slim", "bare", "expired", "revoked", "unknown"] as const;
export type HolderName = (typeof HOLDER_NAMES)[number];
export type Holders = Readonly<Record<HolderName, Holder>>;

/** Fresh keys of every kind. */
export function mintHolders(): Holders {
  const holder = (role: Role, user: string | null): Holder => ({ role, user, key: mintKey(randomBytes) });
  return {
    wide: holder("wide", "agent-wide"),
    slim: holder("slim", "agent-slim"),
    bare: holder("bare", "agent-bare"),
    expired: holder("wide", null),
    revoked: holder("wide", null),
    unknown: holder("wide", null),
  };
}

/** The gateway's keys.json for them. */
export function keysJsonOf({ wide, slim, bare, expired, revoked }: Holders): string {
  const live = [wide, slim, bare].map(({ role, user, key }) => [`${role}.${key.hash}`, `${role}/${user}`]);
  return JSON.stringify({
    ...(Object.fromEntries(live) as Record<string, string>),
    [`wide.${expired.key.hash}`]: "wide/agent-old?exp=2020-01-01T00:00:00Z",
    [`wide.${revoked.key.hash}`]: "wide/agent-gone",
    [`wide.${revoked.key.hash}.revoked`]: "",
  });
}

export function backendsYaml(origin: string): string {
  const row = (name: BackendName): string =>
    `  ${name}: { service: eks, environment: stage, access: ${name === "gamma" ? "rw" : "ro"}, owner: platform, url: "${origin}/${name}" }\n`;
  return `backends:\n${BACKENDS.map(row).join("")}`;
}
