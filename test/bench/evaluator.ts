import { parseAllDocuments } from "yaml";
import { decide, type AccessRequest, type Policy } from "../../src/lib/policy/decide.ts";
import { checkPolicy, type CheckRequest } from "../../src/lib/policy/rules/check-policy.ts";
import { DEFAULT_SETTINGS } from "../../src/lib/policy/rules/settings.ts";
import { indexLocks } from "../../src/lib/policy/locks.ts";
import { diffPolicies } from "../../src/lib/policy/diff/diff-policies.ts";
import { readRegistry } from "../../src/lib/policy/registry.ts";
import { readRoles } from "../../src/lib/policy/role-file.ts";
import { seededNumbers } from "../support/seeded.ts";
import { spread } from "./statistics.ts";

const ROLES = 2_000;
const BACKENDS = 500;
const GRANTS_PER_ROLE = 25;
const ROUNDS = 7;
const DECISIONS = 2_000_000;

/** How fast is `decide`, and how much more than parsing costs a check of 2,000 roles x 500 backends? */
export async function evaluator(): Promise<void> {
  const rolesText = Buffer.from(rolesYaml());
  const registryText = Buffer.from(backendsYaml());
  const registry = readRegistry("backends.yaml", registryText);
  const roles = readRoles("roles.yaml", rolesText);
  const policy: Policy = { roles: roles.roles, registry: registry.registry };
  const { findings } = check(rolesText, registryText);
  if (policy.roles.size !== ROLES || findings.length !== 0) {
    throw new Error(`the generated policy is not what it should be: ${findings[0]?.message ?? ""}`);
  }
  reportDecide(policy);
  reportCheck(rolesText, registryText);
  reportDiff(rolesText, registryText);
}

function reportDecide(policy: Policy): void {
  const locks = indexLocks([]);
  const requests = Array.from({ length: 1_000 }, (_, index): AccessRequest => ({
    role: `role-${index * 2}`,
    user: "bench",
    keyId: "k_9f86d081884c",
    backend: `backend-${(index * 7) % BACKENDS}`,
    method: "tools/call",
    tool: "eks_get_pods",
  }));
  const expected = requests.filter(({ role, backend }) => policy.roles.get(role)?.grants.has(backend) === true).length;
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    let allowed = 0;
    const start = performance.now();
    for (let made = 0; made < DECISIONS; made += 1) {
      if (decide(policy, locks, requests[made % 1_000] as AccessRequest, 0).outcome === "allow") allowed += 1;
    }
    rates.push(DECISIONS / (performance.now() - start) / 1_000);
    if (allowed !== (expected * DECISIONS) / 1_000) throw new Error(`${allowed} of ${DECISIONS} decisions were yes`);
  }
  process.stdout.write(`  decide                     ${spread(rates, 1, " million/s")}  bar 10\n`);
}

function reportCheck(rolesText: Buffer, registryText: Buffer): void {
  const ratios: number[] = [];
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = performance.now();
    for (const text of [rolesText, registryText]) parseAllDocuments(text.toString(), { uniqueKeys: false });
    const parsed = performance.now();
    check(rolesText, registryText);
    const checked = performance.now();
    times.push(checked - parsed);
    ratios.push((checked - parsed) / (parsed - start));
  }
  const size = ((rolesText.length + registryText.length) / 1e6).toFixed(1);
  process.stdout.write(
    `  roles check, ${ROLES} x ${BACKENDS}   ${spread(times, 0, " ms")}  ratio to yaml alone ${spread(ratios, 2)}  bar 1.5 (${size} MB)\n`,
  );
}

/** Every tenth role gains a grant and loses one, and the registry moves one backend to production. */
function reportDiff(rolesText: Buffer, registryText: Buffer): void {
  const newRoles = Buffer.from(
    rolesText.toString().replaceAll(/(role-\d*0:\n    - backend)-(\d+)\n/g, "$1-$2\n    - backend-499\n"),
  );
  const newRegistry = Buffer.from(registryText.toString().replace("environment: stage", "environment: prod"));
  const ratios: number[] = [];
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = performance.now();
    for (const text of [rolesText, registryText, newRoles, newRegistry]) {
      parseAllDocuments(text.toString(), { uniqueKeys: false });
    }
    const parsed = performance.now();
    const { roles } = diffPolicies(policyOf(rolesText, registryText), policyOf(newRoles, newRegistry));
    const compared = performance.now();
    if (roles.length < 200) throw new Error(`only ${roles.length} roles are told to differ`);
    times.push(compared - parsed);
    ratios.push((compared - parsed) / (parsed - start));
  }
  process.stdout.write(
    `  roles diff, the same       ${spread(times, 0, " ms")}  ratio to yaml alone ${spread(ratios, 2)}  bar 1.5\n`,
  );
}

function policyOf(roles: Buffer, registry: Buffer): Policy {
  return { roles: readRoles("roles.yaml", roles).roles, registry: readRegistry("backends.yaml", registry).registry };
}

function check(roles: Buffer, registry: Buffer): ReturnType<typeof checkPolicy> {
  const request: CheckRequest = {
    roles: [readRoles("roles.yaml", roles)],
    registry: readRegistry("backends.yaml", registry),
    settings: DEFAULT_SETTINGS,
    keys: null,
    base: null,
    heedsSuppressions: true,
    now: 0,
  };
  return checkPolicy(request);
}

function rolesYaml(): string {
  const random = seededNumbers(7);
  const roles = Array.from({ length: ROLES }, (_, role) => {
    const grants = Array.from({ length: GRANTS_PER_ROLE }, (_, grant) => `    - backend-${grant * 20 + random(20)}\n`);
    return `  role-${role}:\n${grants.join("")}`;
  });
  return `roleMapping:\n${roles.join("")}`;
}

function backendsYaml(): string {
  const backends = Array.from({ length: BACKENDS }, (_, index) => {
    const access = index % 2 === 0 ? "ro" : "rw";
    return `  backend-${index}: { service: s${index}, environment: stage, access: ${access}, owner: bench, url: "http://b${index}:8080" }\n`;
  });
  return `backends:\n${backends.join("")}`;
}
