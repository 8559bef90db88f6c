import { describe, expect, it } from "vitest";
import { AppError } from "../../../src/lib/errors.ts";
import { readDocuments } from "../../../src/lib/flow/document.ts";
import { parseKeysJson } from "../../../src/lib/keys/keys-json.ts";
import { parseDenylist } from "../../../src/lib/policy/locks.ts";
import { readRegistry } from "../../../src/lib/policy/registry.ts";
import { readRoles } from "../../../src/lib/policy/role-file.ts";
import { isError } from "../../../src/lib/policy/source.ts";
import { MAY_ALLOW, MAY_DENY, pathsOf, without, type Exception, type Path } from "../../support/facts-gone.ts";
import { outcomesOf, type FlowProject, type Outcomes } from "../../support/flow-project.ts";
import { randomProject, type Taken } from "../../support/random-flow.ts";
import { seededNumbers } from "../../support/seeded.ts";

const LAYERS = ["answer", "gateway", "kubernetes", "aws"] as const;
const PROJECTS = 140;
/** How many facts of each file go from one project, one at a time. */
const GONE = { roles: 6, backends: 8, denylist: 4, keys: 3, manifests: 20, iam: 24, config: 2 };

interface Seen {
  deletions: number;
  readonly wrong: string[];
  /** The exceptions that some answer needed. */
  readonly needed: Set<string>;
}

/** What each deletion makes of the answers of made-up projects. */
async function deleteFacts(taken: Taken, isComplete: boolean): Promise<Seen> {
  const seen: Seen = { deletions: 0, wrong: [], needed: new Set() };
  for (let seed = 1; seed <= PROJECTS; seed += 1) {
    const project = randomProject(seed, taken);
    const before = await outcomesOf(project, isComplete);
    if (before === null) throw new Error(`seed ${seed} makes a project that cannot be used`);
    for (const path of somePaths(project, seed)) {
      const after = await outcomesOf(without(project, path), isComplete);
      seen.deletions += 1;
      // A snapshot is complete by itself: what goes out of it is not there. Its mark is what makes it so.
      const isAbsence = isComplete || (taken === "as snapshots" && !path.includes("mcpctl"));
      const change = { before, after: after ?? new Map<string, Outcomes>() };
      judgeChange(
        change,
        { isAbsence, project, path, told: `seed ${seed} (${taken}), without ${path.join(" ")}` },
        seen,
      );
    }
  }
  return seen;
}

/** Some parts of each file, and the file itself. */
function somePaths(project: FlowProject, seed: number): readonly Path[] {
  const below = seededNumbers(seed);
  const all = pathsOf(project);
  return Object.entries(GONE).flatMap(([file, count]) => {
    const parts = all.filter(([first]) => first === file);
    return [...new Set([parts[0], ...Array.from({ length: count }, () => parts[below(parts.length)])])] as Path[];
  });
}

interface Circumstances {
  readonly isAbsence: boolean;
  readonly project: FlowProject;
  readonly path: Path;
  readonly told: string;
}

function judgeChange(
  { before, after }: Readonly<Record<"before" | "after", ReadonlyMap<string, Outcomes>>>,
  { isAbsence, project, path, told }: Circumstances,
  seen: Seen,
): void {
  const excuse = (exceptions: readonly Exception[], what: string): void => {
    const exception = exceptions.find(({ holds }) => holds(project, path));
    if (exception === undefined) seen.wrong.push(`${told}: ${what}`);
    else seen.needed.add(exception.why);
  };
  for (const [call, outcomes] of after) {
    for (const layer of LAYERS) {
      const [was, is] = [before.get(call)?.[layer], outcomes[layer]];
      if (was === is) continue;
      const what = `${call}, ${layer}: ${was} -> ${is}`;
      if (is === "allow") excuse(MAY_ALLOW, what);
      if (is === "deny" && !isAbsence) excuse(MAY_DENY, what);
    }
  }
}

describe("an answer through all layers", () => {
  it("turns to yes by no fact that goes but one that denies, and to no, while others may be missing, by a grant of layer 1", async () => {
    const all = [
      await deleteFacts("by hand", false),
      await deleteFacts("by hand", true),
      await deleteFacts("as snapshots", false),
    ];
    expect(all.flatMap(({ wrong }) => wrong).slice(0, 5)).toEqual([]);
    expect(all.every(({ deletions }) => deletions > 5_000)).toBe(true);
    // Most of the exceptions are needed by few projects, and some by none of so few.
    const needed = new Set(all.flatMap((each) => [...each.needed]));
    expect(needed.size).toBeGreaterThan(15);
  }, 120_000);

  it("is none where a file ends too early", () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const { roles, backends, denylist, keys, manifests = [], iam = [] } = randomProject(seed, "by hand");
      const below = seededNumbers(seed);
      const cut = (value: unknown): string => {
        const text = JSON.stringify(value);
        return text.slice(0, 1 + below(text.length - 1));
      };
      const facts = [...manifests, ...iam].map((value) => readDocuments("facts", Buffer.from(cut(value))));
      expect(facts.map(({ documents, findings }) => [documents.length, findings.length > 0])).toEqual(
        facts.map(() => [0, true]),
      );
      expect(readRoles("roles.yaml", Buffer.from(cut(roles))).findings.some(isError)).toBe(true);
      expect(readRegistry("backends.yaml", Buffer.from(cut(backends))).findings.some(isError)).toBe(true);
      expect(() => parseDenylist(cut(denylist), "denylist.json")).toThrow(AppError);
      expect(() => parseKeysJson(cut(keys), { source: "keys.json", allowsBareHashes: false })).toThrow(AppError);
    }
  });
});
