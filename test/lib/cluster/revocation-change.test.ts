import { describe, expect, it } from "vitest";
import { refusesForGood } from "../../../src/lib/cluster/revocation-change.ts";
import { REASON_NAMES, type Reason } from "../../../src/lib/audit/reasons.ts";
import type { ReplicaKeys, ReplicaState } from "../../../src/lib/cluster/replica-state.ts";

const judge = (keys: ReplicaKeys | null): string | null =>
  refusesForGood({
    version: "1",
    instance: "gw",
    ready: [],
    sources: [],
    counts: {},
    keys,
    lock: null,
  } satisfies ReplicaState);
const refused = (...reasons: readonly string[]): ReplicaKeys => ({
  accepted: 0,
  refused: reasons.map((reason, index) => ({ key_id: `k_${index}`, reason })),
});
const FOR_GOOD: readonly Reason[] = ["key_revoked", "key_expired"];

describe("keys are refused for good", () => {
  it.each([[], FOR_GOOD])("by what nothing takes back, or because there are none: %o", (...reasons) => {
    expect(judge(refused(...reasons))).toBeNull();
  });

  it.each(REASON_NAMES.filter((reason) => !FOR_GOOD.includes(reason)))("not by %s, which may pass", (reason) => {
    expect(judge(refused("key_revoked", reason))).toBe(`refuses k_1 (${reason}) for the time being alone`);
  });

  it("not by a gateway that accepts one, or has its keys out of use", () => {
    expect(judge({ ...refused("key_revoked"), accepted: 2 })).toBe("still accepts 2 keys");
    expect(judge(null)).toBe("has its keys out of use, so that it cannot tell");
  });

  it("and of many that are not, a few are named", () => {
    const many = refused(...Array.from({ length: 9 }, () => "role_locked"));
    expect(judge(many)?.match(/k_\d/g)).toEqual(["k_0", "k_1", "k_2", "k_3", "k_4"]);
    expect(judge(many)).toMatch(/, \.\.\. for the time being alone$/);
  });
});
