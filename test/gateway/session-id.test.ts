import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { sessionDigest, unwrapSessionId, wrapSessionId } from "../../src/gateway/mcp/session-id.ts";
import { parseSessionSecrets } from "../../src/gateway/state/session-secret-source.ts";

const secret = (): string => randomBytes(32).toString("base64url");
const secrets = { current: secret(), previous: null };
const owner = { keyHash: "a".repeat(64), backend: "eks-ro" };

describe("a session id", () => {
  it.each(["5f0c1b9e-6c1d-4c55-9d7e-1a2b3c4d5e6f", "a.b.c", "!~", "x".repeat(2048)])(
    "opens for its own key and backend: %s",
    (id) => {
      const wrapped = wrapSessionId(id, owner, secrets);
      expect(wrapped).toMatch(/^s1\.[\w-]{43}\.[\x21-\x7e]+$/);
      expect(unwrapSessionId(wrapped, owner, secrets)).toBe(id);
    },
  );

  it("opens with the previous secret while that is known, and is made with the current one", () => {
    const wrapped = wrapSessionId("abc", owner, secrets);
    const rotated = { current: secret(), previous: secrets.current };
    expect(unwrapSessionId(wrapped, owner, rotated)).toBe("abc");
    expect(unwrapSessionId(wrapped, owner, { ...rotated, previous: null })).toBeNull();
    expect(unwrapSessionId(wrapSessionId("abc", owner, rotated), owner, secrets)).toBeNull();
  });

  const wrapped = wrapSessionId("abc", owner, secrets);
  it.each([
    { what: "another key", wrapped, by: { ...owner, keyHash: "b".repeat(64) } },
    { what: "another backend", wrapped, by: { ...owner, backend: "eks-rw" } },
    { what: "a part of the backend moved to the id", wrapped, by: { ...owner, backend: "eks-r" } },
    { what: "another id", wrapped: `${wrapped}d`, by: owner },
    { what: "a shorter code", wrapped: wrapped.replace(/\.(.)/, "."), by: owner },
    { what: "another version", wrapped: wrapped.replace("s1", "s2"), by: owner },
    { what: "the backend's own id", wrapped: "abc", by: owner },
    { what: "nothing", wrapped: "", by: owner },
    { what: "dots", wrapped: "s1..", by: owner },
    { what: "a letter beyond ASCII in the code", wrapped: `s1.${"a".repeat(42)}\u00e9.abc`, by: owner },
  ])("does not open with $what", ({ wrapped: shown, by }) => {
    expect(unwrapSessionId(shown, by, secrets)).toBeNull();
  });

  it("has one name in the records whatever the secret, and tells nothing of the id", () => {
    expect(sessionDigest("abc", "eks-ro")).toMatch(/^s_[0-9a-f]{12}$/);
    expect(sessionDigest("abc", "eks-ro")).not.toBe(sessionDigest("abc", "eks-rw"));
  });
});

describe("a session secret file", () => {
  const [first, second] = [secret(), secret()];

  it.each([
    { text: `${first}\n`, read: { current: first, previous: null } },
    { text: `\n  ${first} \r\n${second}\n\n`, read: { current: first, previous: second } },
  ])("holds the current secret and perhaps the previous", ({ text, read }) => {
    expect(parseSessionSecrets(text, "secret")).toEqual(read);
  });

  it.each([
    { what: "nothing", text: "" },
    { what: "a short secret", text: "hunter2" },
    { what: "three secrets", text: `${first}\n${second}\n${secret()}` },
    { what: "one secret twice", text: `${first}\n${first}` },
    { what: "a space within", text: `${first} ${second}` },
  ])("with $what is refused, and never repeated", ({ text }) => {
    let message = "";
    try {
      parseSessionSecrets(text, "secret");
    } catch (error) {
      message = String(error);
    }
    expect(message).toMatch(/secret/);
    for (const line of text.split(/\s+/).filter((part) => part.length > 3)) expect(message).not.toContain(line);
  });
});
