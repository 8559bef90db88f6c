import { AppError } from "../../src/lib/errors.ts";
import { createFileAwsLayer } from "../../src/lib/flow/iam/file-layer.ts";
import { readIamFacts } from "../../src/lib/flow/iam/iam-facts.ts";
import type { FactDocument } from "../../src/lib/flow/document.ts";
import { answerGrid, type GridCaller, type GridCell } from "../../src/lib/flow/grid.ts";
import type { Layers } from "../../src/lib/flow/judge-tool.ts";
import type { Kinds } from "../../src/lib/flow/tool-need.ts";
import { readClusterFacts } from "../../src/lib/flow/rbac/cluster-facts.ts";
import { createFileKubernetesLayer } from "../../src/lib/flow/rbac/file-layer.ts";
import { kindsOf } from "../../src/lib/flow/rbac/kinds.ts";
import { roleAnnotations } from "../../src/lib/flow/rbac/role-annotation.ts";
import { buildKeyring } from "../../src/lib/keys/followed-keyring.ts";
import { acceptKey } from "../../src/lib/keys/keyring.ts";
import { parseKeysJson } from "../../src/lib/keys/keys-json.ts";
import type { Policy } from "../../src/lib/policy/decide.ts";
import { indexLocks, locksInForce, parseDenylist, type Locks } from "../../src/lib/policy/locks.ts";
import { readRegistry } from "../../src/lib/policy/registry.ts";
import { readRoles } from "../../src/lib/policy/role-file.ts";
import { isError } from "../../src/lib/policy/source.ts";
import type { Verdict } from "../../src/lib/flow/verdict.ts";
import { NOW } from "./run-cli.ts";

type Json = Readonly<Record<string, unknown>>;
type Outcome = Verdict["outcome"];

/** The files of a project as the values that they hold, and what its mcpctl.yaml says; any of it may be missing. */
export interface FlowProject {
  readonly roles?: Json;
  readonly backends?: Json;
  readonly denylist?: Json;
  readonly keys?: Json;
  readonly manifests?: readonly unknown[];
  readonly iam?: readonly unknown[];
  readonly config?: { readonly oidcIssuer?: string; readonly clusterName?: string };
}

/** What each layer says of one call, and the whole. */
export type Outcomes = Readonly<Record<"answer" | "gateway" | "kubernetes" | "aws", Outcome>>;

/** The hash of the one key that is asked for beside the roles. */
export const KEY_HASH = "d9b6b1321c0bb82d517651f41fca20f3a62a0d93f45d39a71989d30a860275ee";

/**
 * What `can --matrix` says of every role, and of the key, by the names of caller, backend and tool; null where a file cannot
 * be used, for which commands end with 3.
 */
export async function outcomesOf(
  project: FlowProject,
  isComplete: boolean,
): Promise<ReadonlyMap<string, Outcomes> | null> {
  const { roles, backends, denylist, keys = {} } = project;
  if (roles === undefined || backends === undefined) return null;
  const [policy, locks] = [policyOf(roles)(backends), denylist === undefined ? indexLocks([]) : locksOf(denylist)];
  if (policy === null || locks === null) return null;
  const callers = [...[...policy.roles.keys()].map(roleAlone), ...callersOfKey(keys)];
  const question = { callers, backends: [...policy.registry.values()], tool: null, args: new Map(), now: NOW };
  const work = answerGrid(question, { policy, locks, ...layersOf(project, isComplete) });
  let step = await work.next();
  while (step.done !== true) step = await work.next();
  const cells = step.value;
  // Callers are told by their place: a key has the role of one of them.
  const callerOf = (index: number): GridCaller =>
    callers[Math.floor((index * callers.length) / cells.length)] as GridCaller;
  return new Map(
    cells.map((cell, index) => {
      const { role, keyId } = callerOf(index);
      return [`${keyId ?? role} ${cell.backend.name} ${cell.tool}`, outcomesOfCell(cell)];
    }),
  );
}

function outcomesOfCell({ answer, gateway, lower: { kubernetes, aws } }: GridCell): Outcomes {
  return {
    answer: answer.outcome,
    gateway: gateway.outcome,
    kubernetes: kubernetes.outcome,
    aws: aws.outcome,
  };
}

function roleAlone(role: string): GridCaller {
  return { role, user: null, keyId: null, refusal: null };
}

/** None where the store has no such key, which is then an unknown name. */
const callersOfKey = remembered((keys: Json): readonly GridCaller[] => {
  const entries = parseKeysJson(JSON.stringify(keys), { source: "keys.json", allowsBareHashes: false });
  const keyring = buildKeyring(entries);
  const key = keyring.keys.get(KEY_HASH);
  if (key === undefined) return [];
  const acceptance = acceptKey(keyring, KEY_HASH, NOW);
  const claim = key.subject ?? key.claims[0];
  const refusal = acceptance.accepted
    ? null
    : ({ outcome: "deny", reason: acceptance.reason, rule: null, lock: null } as const);
  return [{ role: claim?.role ?? key.folders[0] ?? "-", user: claim?.user ?? null, keyId: key.keyId, refusal }];
});

const policyOf = remembered((roles: Json) => remembered((backends: Json) => readPolicy(roles, backends)));

function readPolicy(roles: Json, backends: Json): Policy | null {
  const [mapping, registry] = [
    readRoles("roles.yaml", bytesOf(roles)),
    readRegistry("backends.yaml", bytesOf(backends)),
  ];
  if ([...mapping.findings, ...registry.findings].some(isError)) return null;
  return { roles: mapping.roles, registry: registry.registry };
}

/** Null for a denylist that cannot be understood. */
const locksOf = remembered((denylist: Json): Locks | null => {
  try {
    return indexLocks(locksInForce(parseDenylist(JSON.stringify(denylist), "denylist.json"), NOW));
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
});

/** Made once for the same files, for most that goes is of others. */
const clusterOf = [true, false].map((isComplete) =>
  remembered((manifests: readonly unknown[]) => {
    const facts = readClusterFacts(manifests.map(documentOf), { isComplete });
    return { layer: createFileKubernetesLayer(facts), kinds: kindsOf(facts), annotationOf: roleAnnotations(facts) };
  }),
);
const iamOf = [true, false].map((isComplete) =>
  remembered((iam: readonly unknown[]) => readIamFacts(iam.map(documentOf), { isComplete })),
);

function layersOf(
  { manifests, iam, config = {} }: FlowProject,
  isComplete: boolean,
): { readonly layers: Layers; readonly kinds: Kinds } {
  const which = isComplete ? 0 : 1;
  const cluster = manifests === undefined ? null : clusterOf[which]?.(manifests);
  const facts = iam === undefined ? null : iamOf[which]?.(iam);
  const { oidcIssuer = null, clusterName = null } = config;
  const annotationOf = cluster?.annotationOf ?? roleAnnotations(null);
  return {
    layers: {
      kubernetes: cluster?.layer ?? { missing: "manifests" },
      aws:
        facts == null
          ? { missing: "what AWS IAM says" }
          : createFileAwsLayer(facts, { oidcIssuer, clusterName, annotationOf }),
    },
    kinds: cluster?.kinds ?? (() => null),
  };
}

const PLACE = { file: "facts", line: 1, column: 1 };

/** Where something stands decides nothing. */
function documentOf(value: unknown): FactDocument {
  return { file: "facts", value, placeOf: () => PLACE };
}

function bytesOf(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** The same answer for the same object, made once. */
function remembered<A extends object, T>(make: (value: A) => T): (value: A) => T {
  const known = new WeakMap<A, { readonly made: T }>();
  return (value) => {
    const found = known.get(value) ?? { made: make(value) };
    known.set(value, found);
    return found.made;
  };
}
