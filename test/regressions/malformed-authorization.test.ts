import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mintKey } from "../../src/lib/keys/key.ts";
import { keysJson, until } from "../support/gateway.ts";
import { HONEST, PASSED, refused, startScene, type Attack, type Scene } from "../support/incident.ts";

/**
 * The story: LiteLLM's check of keys could be injected with SQL before any login (CVE-2026-42208); a 401 was swallowed
 * and the caller became a default identity (CVE-2026-12773); llmgateway accepted any key that was not empty (GHSA-8h26-h6v8-f9cg).
 * This gateway reads one canonical bearer token or none, looks up its hash, and gives an identity only to a hash that it
 * found: whatever else stands in the header is 401, and a fault on the way is 500, never a caller.
 */
let scene: Scene;
let token: string;
beforeAll(async () => {
  scene = await startScene();
  token = scene.gateway.key.token.reveal();
});
afterAll(() => scene.close());

const withAuthorization = (...values: readonly string[]): Attack => ({
  headers: ["content-type", "application/json", ...values.flatMap((value) => ["authorization", value])],
  body: HONEST,
});
const MALFORMED = refused(401, -31401, "key_malformed");
const UNKNOWN = refused(401, -31401, "key_unknown");
const MISSING = refused(401, -31401, "key_missing");
const base64 = (text: string | Buffer): string => Buffer.from(text).toString("base64");

describe("an Authorization header", () => {
  it.each([
    ["nothing", () => [""], MALFORMED],
    ["a scheme alone", () => ["Bearer"], MALFORMED],
    ["a scheme and a space", () => ["Bearer "], MALFORMED],
    ["a token without a scheme", () => [token], MALFORMED],
    ["another scheme", () => [`Basic ${token}`], MALFORMED],
    ["any text", () => ["Bearer anything"], MALFORMED],
    ["null", () => ["Bearer null"], MALFORMED],
    ["undefined", () => ["Bearer undefined"], MALFORMED],
    ["SQL", () => ["Bearer ' OR '1'='1' --"], MALFORMED],
    ["SQL after the token", () => [`Bearer ${token}' OR '1'='1`], MALFORMED],
    ["SQL, encoded", () => [`Bearer ${base64("' OR '1'='1' UNION SELECT 'admin' -- ")}`], UNKNOWN],
    ["a hash instead of a key", () => [`Bearer ${scene.gateway.key.hash}`], UNKNOWN],
    ["a name of Object's", () => [`Bearer ${base64("__proto__.constructor")}`], UNKNOWN],
    ["another key", () => [`Bearer ${mintKey(randomBytes).token.reveal()}`], UNKNOWN],
    ["16 zero bytes", () => [`Bearer ${base64(Buffer.alloc(16))}`], UNKNOWN],
    ["15 bytes", () => [`Bearer ${base64(randomBytes(15))}`], MALFORMED],
    ["513 bytes", () => [`Bearer ${base64(randomBytes(513))}`], MALFORMED],
    ["12,000 letters", () => [`Bearer ${"A".repeat(12_000)}`], MALFORMED],
    ["high bytes", () => ["Bearer \u00ff\u00fe\u0080\u00c3\u00a9"], MALFORMED],
    ["the token and a high byte", () => [`Bearer ${token}\u00a0`], MALFORMED],
    ["the token after a tab", () => [`Bearer\t${token}`], MALFORMED],
    ["the token cut in two", () => [`Bearer ${token.slice(0, 40)} ${token.slice(40)}`], MALFORMED],
    ["the token without its end", () => [`Bearer ${token.slice(0, -4)}`], MALFORMED],
    ["the token and padding", () => [`Bearer ${token}====`], MALFORMED],
    [
      "a token in base64url",
      () => [`Bearer ${Buffer.from([...randomBytes(30), 0xfb, 0xff, 0xbf]).toString("base64url")}`],
      MALFORMED,
    ],
    ["the token and a parameter", () => [`Bearer ${token};role=admin`], MALFORMED],
    ["two tokens in one", () => [`Bearer ${token}, Bearer ${token}`], MALFORMED],
    ["two schemes in one", () => [`Basic eDp5, Bearer ${token}`], MALFORMED],
    ["the key itself, not encoded", () => [`Bearer ${Buffer.from(token, "base64").toString("latin1")}`], MALFORMED],
    ["the key encoded twice", () => [`Bearer ${base64(token)}`], UNKNOWN],
  ])("with %s is 401, nobody's, and the same with the token passes", async (_what, values, verdict) => {
    const before = (await scene.gateway.records()).length;
    expect(await scene.verdicts([withAuthorization(...values()), withAuthorization(`Bearer ${token}`)])).toEqual([
      verdict,
      PASSED,
    ]);
    const [record] = (await scene.gateway.records()).slice(before);
    expect([record?.user, record?.role, record?.method]).toEqual([null, null, null]);
  });

  it.each([
    ["the same token", () => [`Bearer ${token}`, `Bearer ${token}`]],
    ["an empty one first", () => ["", `Bearer ${token}`]],
    ["an empty one last", () => [`Bearer ${token}`, ""]],
    ["another scheme first", () => ["Basic eDp5", `Bearer ${token}`]],
  ])("that stands twice, with %s, is 401", async (_what, values) => {
    expect(await scene.verdicts([withAuthorization(...values()), withAuthorization(`Bearer ${token}`)])).toEqual([
      MALFORMED,
      PASSED,
    ]);
  });

  it("passes whatever the case of its scheme and with more spaces", async () => {
    const same = ["bearer", "BEARER", "Bearer  "].map((scheme) => withAuthorization(`${scheme} ${token}`));
    expect(await scene.verdicts(same)).toEqual([PASSED, PASSED, PASSED]);
  });

  it.each([
    "x-api-key",
    "api-key",
    "x-litellm-api-key",
    "proxy-authorization",
    "cookie",
    "x-authorization",
    "authorization_",
  ])("is the only place of a key: %s gives nobody an identity", async (name) => {
    const attack = { headers: ["content-type", "application/json", name, `Bearer ${token}`], body: HONEST };
    expect(await scene.verdicts([attack, withAuthorization(`Bearer ${token}`)])).toEqual([MISSING, PASSED]);
  });

  it.each([
    ["a NUL", (good: string) => `authorization: Bearer ${good}\0`],
    ["a carriage return", (good: string) => `authorization: Bearer ${good}\r x`],
    ["a folded line", (good: string) => `authorization: Bearer\r\n ${good}`],
    ["a space before its colon", (good: string) => `authorization : Bearer ${good}`],
  ])("with %s is no HTTP", async (_what, line) => {
    const request = (header: string): string =>
      `POST /mcp/eks-ro/mcp HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `content-length: ${HONEST.length}\r\n${header}\r\n\r\n${HONEST}`;
    expect(await scene.verdicts([request(line(token)), request(`authorization: Bearer ${token}`)])).toEqual([
      refused(400, -32600, "http_malformed"),
      PASSED,
    ]);
  });
});

describe("a fault", () => {
  it("while a key is looked up is 500 and nobody", async () => {
    let faults = 0;
    const now = (): number => {
      if (faults === 0) return Date.now();
      faults -= 1;
      throw new Error("a fault");
    };
    const broken = await startScene({ options: { clock: { now, monotonic: () => performance.now() } } });
    faults = 1;
    expect(await broken.verdicts([broken.call(), broken.call()])).toEqual([
      refused(500, -32603, "internal_error"),
      PASSED,
    ]);
    expect((await broken.gateway.records()).map(({ user, role }) => [user, role])).toEqual([
      [null, null],
      ["agent-01", "dev-readonly"],
    ]);
    await broken.close();
  });

  it.each([
    ["no JSON", "oops"],
    ["no object", "[]"],
    ["nothing", ""],
  ])("in keys.json (%s) is 503 for everyone, until it is mended", async (_what, keys) => {
    const broken = await startScene({ files: { keys } });
    const attacks = [broken.call(), withAuthorization(`Bearer ${base64("any key of any kind")}`), withAuthorization()];
    const closed = refused(503, -31503, "keys_unavailable");
    expect(await broken.verdicts(attacks)).toEqual([closed, closed, MISSING]);
    expect((await broken.gateway.records()).map(({ user }) => user)).toEqual([null, null, null]);
    await broken.gateway.put("keys.json", keysJson(broken.gateway.key));
    await until(
      () => broken.gateway.unreadiness(),
      (reasons) => reasons.length === 0,
    );
    expect(await broken.verdicts([broken.call()])).toEqual([PASSED]);
    await broken.close();
  });
});
