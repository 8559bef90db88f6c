import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { proveEverywhere, type ProofOptions } from "../../../src/lib/cluster/prove.ts";
import type { ReplicaState } from "../../../src/lib/cluster/replica-state.ts";
import type { Replica } from "../../../src/lib/cluster/replicas.ts";
import { AppError } from "../../../src/lib/errors.ts";

/** The state of a gateway whose version says what is to be proven. */
const state = (version: string): ReplicaState => ({
  version,
  instance: "gw",
  ready: [],
  sources: [],
  counts: {},
  keys: null,
  lock: null,
});
const silent = new AppError("unavailable", "replica_silent", "gw does not answer (not reached).");

interface Fake extends Replica {
  asked: number;
}

/** A gateway that gives one answer after another, the last for ever. */
function fake(name: string, answers: readonly (() => Promise<ReplicaState>)[], isTerminating = false): Fake {
  const replica: Fake = {
    name,
    isTerminating,
    asked: 0,
    ask: async () => {
      const answer = answers[Math.min(replica.asked, answers.length - 1)];
      replica.asked += 1;
      return answer === undefined ? state("new") : answer();
    },
  };
  return replica;
}

const says =
  (version: string, afterMs = 0) =>
  async () => {
    if (afterMs > 0) await delay(afterMs);
    return state(version);
  };
const fails = (error: unknown) => async () => {
  throw error;
};
const never = () => new Promise<ReplicaState>(() => undefined);

/** Proves that every gateway says `new`; each finding takes the next list, the last for ever. */
function prove(lists: readonly (readonly Replica[] | AppError)[], more: Partial<ProofOptions> & { ms?: number } = {}) {
  const { ms = 5_000, ...rest } = more;
  const since = performance.now();
  let found = 0;
  return proveEverywhere({
    find: async () => {
      const list = lists[Math.min(found, lists.length - 1)] ?? [];
      found += 1;
      if (list instanceof AppError) throw list;
      return list;
    },
    query: {},
    judge: ({ version }) => (version === "new" ? null : `is ${version}`),
    since,
    deadline: since + ms,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    ...rest,
  });
}

const proven = (name: string, isTerminating = false) => ({
  name,
  isTerminating,
  state: state("new"),
  provenAfterMs: expect.any(Number) as number,
  problem: null,
});
const unproven = (name: string, problem: string, last: ReplicaState | null = null) => ({
  name,
  isTerminating: false,
  state: last,
  provenAfterMs: null,
  problem,
});
const took = async (work: Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await work;
  return performance.now() - began;
};

describe("what is proven everywhere", () => {
  it("is so when every gateway has said it, and each is asked until then and not again", async () => {
    const quick = fake("quick", [says("new")]);
    const late = fake("late", [says("old"), says("old"), says("new")]);
    const ending = fake("ending", [fails(silent), says("new")], true);
    const counts: string[] = [];
    const onProgress = (done: number, all: number): void => void counts.push(`${done}/${all}`);
    expect(await prove([[quick, late, ending]], { onProgress })).toEqual([
      proven("quick"),
      proven("late"),
      proven("ending", true),
    ]);
    expect([quick.asked, late.asked, ending.asked]).toEqual([1, 3, 2]);
    expect(counts).toEqual(["1/3", "2/3", "3/3"]);
  });

  it("is nothing where there is no gateway, which is for the caller to judge", async () => {
    expect(await prove([[]])).toEqual([]);
  });

  it("includes whoever is found at the end, and leaves out who is gone", async () => {
    const [gone, stays, newcomer] = [
      fake("gone", [says("new")]),
      fake("stays", [says("new")]),
      fake("newcomer", [says("old"), says("new")]),
    ];
    expect(
      await prove([
        [gone, stays],
        [stays, newcomer],
      ]),
    ).toEqual([proven("stays"), proven("newcomer")]);
    expect(newcomer.asked).toBe(2);
  });

  it("does not wait for a gateway that went without an answer", async () => {
    const [gone, stays] = [fake("gone", [never]), fake("stays", [says("new")])];
    expect(await prove([[gone, stays], [stays]])).toEqual([proven("stays")]);
  });

  it("is not proven by the answer of the one that was replaced", async () => {
    const [old, successor] = [fake("gw-1", [says("old")]), fake("gw-2", [says("old")])];
    expect(await prove([[old], [successor]], { ms: 1_300 })).toEqual([unproven("gw-2", "is old", state("old"))]);
  });
});

describe("the time of a proof", () => {
  it("is each gateway's own, however long another takes to answer", async () => {
    const [slow, late] = [fake("slow", [says("new", 700)]), fake("late", [says("old"), says("new")])];
    const [first, second] = await prove([[slow, late]]);
    expect(first?.provenAfterMs).toBeGreaterThanOrEqual(690);
    expect(second?.provenAfterMs).toBeLessThan(400);
    expect(slow.asked).toBe(1);
  });

  it("ends at the deadline, with what each said last", async () => {
    const paused = fake("paused", [never]);
    const stuck = fake("stuck", [says("old"), never]);
    const behind = fake("behind", [says("old")]);
    const good = fake("good", [says("new")]);
    const work = prove([[paused, stuck, behind, good]], { ms: 300 });
    expect(await took(work)).toBeLessThan(1_000);
    expect(await work).toEqual([
      unproven("paused", "has not answered in time"),
      unproven("stuck", "is old", state("old")),
      unproven("behind", "is old", state("old")),
      proven("good"),
    ]);
  });

  it("is not over before each was asked once", async () => {
    expect(await prove([[fake("gw", [says("new")])]], { ms: -1 })).toEqual([proven("gw")]);
  });

  it("does not become longer by a gateway that comes at the very end: it is named", async () => {
    const [behind, newcomer] = [fake("behind", [says("old")]), fake("newcomer", [says("new")])];
    expect(await prove([[behind], [behind, newcomer]], { ms: 200 })).toEqual([
      unproven("behind", "is old", state("old")),
      unproven("newcomer", "was found at the very end and not asked"),
    ]);
    expect(newcomer.asked).toBe(0);
  });

  it("is over at once after Ctrl-C, though nobody answers", async () => {
    const stop = new AbortController();
    const work = prove([[fake("paused", [never])]], { signal: stop.signal });
    setTimeout(() => stop.abort(), 50);
    const began = performance.now();
    await expect(work).rejects.toMatchObject({ name: "AppError", kind: "interrupted" });
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

describe("a failure", () => {
  it("of a gateway is told without its full stop", async () => {
    expect(await prove([[fake("gw", [fails(silent)])]], { ms: 100 })).toEqual([
      unproven("gw", "gw does not answer (not reached)"),
    ]);
  });

  it("to find the gateways at first is the caller's", async () => {
    await expect(prove([new AppError("forbidden", "kube_forbidden", "no")])).rejects.toMatchObject({
      kind: "forbidden",
    });
  });

  it("to find them again is tried again", async () => {
    const gateway = fake("gw", [says("new")]);
    expect(await prove([[gateway], silent, [gateway]])).toEqual([proven("gw")]);
    expect(gateway.asked).toBe(1);
  });

  it("to find them again until the end leaves what was seen, and proves nothing of who came", async () => {
    const [good, behind] = [fake("good", [says("new")]), fake("behind", [says("old")])];
    expect(await prove([[good, behind], silent], { ms: 200 })).toEqual([
      {
        ...proven("good"),
        problem: "has it; whether other gateways came is not known (gw does not answer (not reached))",
      },
      unproven("behind", "is old", state("old")),
    ]);
  });

  it("to find them again that takes for ever ends with the deadline", async () => {
    const gateway = fake("gw", [says("new")]);
    let found = 0;
    const find = (): Promise<readonly Replica[]> =>
      (found += 1) === 1 ? Promise.resolve([gateway]) : new Promise(() => undefined);
    const work = prove([], { find, ms: 200 });
    expect(await took(work)).toBeLessThan(1_000);
    expect((await work).map(({ problem }) => problem)).toEqual([expect.stringContaining("no answer in time")]);
  });

  it("that is a bug is thrown, and one that comes when all is over harms nobody", async () => {
    await expect(prove([[fake("gw", [fails(new TypeError("made up"))])]])).rejects.toThrow("made up");
    const lateBug = async (): Promise<ReplicaState> => {
      await delay(400);
      throw new TypeError("made up");
    };
    await prove([[fake("gw", [lateBug])]], { ms: 50 });
    // An unhandled rejection would fail the run.
    await delay(400);
  });
});
