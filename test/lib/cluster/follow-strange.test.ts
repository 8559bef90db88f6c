import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventOf, startFakeKubernetes, type FakeKubernetes } from "../../support/fake-kubernetes.ts";
import { followSecret, secret, type Followed } from "../../support/followed.ts";
import { until } from "../../support/gateway.ts";
import { endWith, say, sayInParts } from "../../support/kube-faults.ts";

let fake: FakeKubernetes;
let followed: Followed;
beforeEach(async () => {
  fake = await startFakeKubernetes();
  fake.put("secrets", "keys", secret("1"));
});
afterEach(async () => {
  followed.close();
  await fake.close();
});

const seen = (verb: "list" | "watch" | "get", count: number): Promise<number> =>
  until(
    () => fake.count(verb, "secrets"),
    (found) => found >= count,
  );

const other = { metadata: { name: "other", uid: "u", resourceVersion: "900" }, data: {} };
const HUGE = Buffer.alloc(100_000_000, " ");

describe("an answer that is not the API's", () => {
  it.each([
    ["no JSON", say("<html>Sign in</html>")],
    ["nothing", say("")],
    ["null", say("null")],
    ["an array", say("[]")],
    ["an object without items", say("{}")],
    ["a list without a version", say('{"kind":"SecretList","metadata":{},"items":[]}')],
    ["items that are no array", say('{"metadata":{"resourceVersion":"900"},"items":{}}')],
    ["of 100 MB", say(HUGE)],
    ["a redirection", say("", 302)],
  ])("to a list (%s) is not believed", async (_what, fault) => {
    fake.inject({ verb: "list" }, fault);
    followed = followSecret(fake, { askMs: 60_000 }, { timeoutMs: 5_000 });
    await followed.tells("1");
    expect(followed.told).toEqual(["kube_answer_unreadable", "1"]);
    expect(followed.faults).toEqual([]);
    fake.settle();
  });

  it("to a list (another object beside ours) is left out", async () => {
    const list = fake.look("list", "secrets", "keys").body as { readonly items: readonly unknown[] };
    fake.inject({ verb: "list" }, say(JSON.stringify({ ...list, items: [other, ...list.items] })));
    followed = followSecret(fake);
    await followed.tells("1");
    expect(followed.told).toEqual(["1"]);
  });

  it.each([
    ["no JSON", say("<html>")],
    ["an empty object", say("{}")],
    ["another object", say(JSON.stringify(other))],
    ["an object without a version", say('{"metadata":{"name":"keys","uid":"u"}}')],
    ["a 404 that is no Status", say("404 page not found", 404)],
  ])("to a question (%s) is not believed", async (_what, fault) => {
    fake.inject({ verb: "get" }, fault, 2);
    followed = followSecret(fake, { askMs: 20 });
    await seen("get", 4);
    expect(followed.told).toEqual(["1"]);
    expect(followed.faults).toEqual([]);
    fake.settle();
  });

  it.each([
    ["no JSON", ["<html>\n"]],
    ["null", ["null\n"]],
    ["an array", ["[]\n"]],
    ["an event without an object", ['{"type":"MODIFIED"}\n']],
    ["an object without metadata", ['{"type":"MODIFIED","object":{}}\n']],
    ["a deletion of nothing", ['{"type":"DELETED","object":null}\n']],
    ["another object", [eventOf("MODIFIED", other)]],
    ["a type of its own", [eventOf("REPLACED", { ...other, metadata: { ...other.metadata, name: "keys" } })]],
    ["a line of 100 MB", [HUGE]],
  ])("in a watch (%s) is not believed, and a new watch made", async (_what, parts) => {
    fake.inject({ verb: "watch" }, sayInParts(parts, "open"));
    followed = followSecret(fake, { askMs: 60_000, silenceMs: 60_000 });
    await seen("watch", 2);
    fake.put("secrets", "keys", secret("2"));
    await followed.tells("2");
    expect(followed.told).toEqual(["1", "2"]);
    expect(followed.faults).toEqual([]);
    fake.settle();
  });

  it.each([
    ["without a code", { kind: "Status", status: "Failure" }],
    ["with a code that is no number", { kind: "Status", code: "410" }],
    ["that is nothing", null],
    ["of a version that is gone", undefined],
  ])("an ERROR %s ends a watch, and a new list is made", async (_what, status) => {
    fake.inject({ verb: "watch" }, endWith(status));
    followed = followSecret(fake, { askMs: 60_000 });
    await seen("watch", 2);
    fake.put("secrets", "keys", secret("2"));
    await followed.tells("2");
    expect(followed.told).toEqual(["1", "2"]);
    expect(fake.count("list", "secrets")).toBe(2);
    fake.settle();
  });
});

describe("a watch that comes in parts", () => {
  const event = (v: string): Buffer => {
    const { metadata } = fake.put("secrets", "aside", secret(v));
    const named = { ...metadata, name: "keys", uid: "u" };
    return Buffer.from(eventOf("MODIFIED", { kind: "ConfigMap", metadata: named, data: { v } }));
  };

  it("is read whole, a character split in two included", async () => {
    const whole = event("ключ🔑");
    const middle = whole.indexOf(Buffer.from("🔑")) + 2;
    fake.inject({ verb: "watch" }, sayInParts([whole.subarray(0, middle), whole.subarray(middle)], "open"));
    followed = followSecret(fake, { askMs: 60_000 });
    await followed.tells("ключ🔑");
    expect(followed.told).toEqual(["1", "ключ🔑"]);
    fake.settle();
  });

  it("is read whole when two events come in one part and the second in two", async () => {
    const [one, two] = [event("a"), event("b")];
    const cut = Buffer.concat([one, two.subarray(0, 20)]);
    fake.inject({ verb: "watch" }, sayInParts([cut, two.subarray(20)], "open"));
    followed = followSecret(fake, { askMs: 60_000 });
    await followed.tells("b");
    expect(followed.told).toEqual(["1", "a", "b"]);
  });

  it.each(["cut", "end"] as const)("leaves out a line that has no end when it is over (%s)", async (how) => {
    const whole = event("half");
    fake.inject({ verb: "watch" }, sayInParts([whole.subarray(0, whole.length - 1)], how));
    followed = followSecret(fake, { askMs: 60_000 });
    await seen("watch", 2);
    expect(followed.told).toEqual(["1"]);
  });
});
