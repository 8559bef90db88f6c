import { describe, expect, it } from "vitest";
import { DEFAULT_REDACTED_NAMES, RedactedNames } from "../../../src/lib/audit/redacted-names.ts";

const names = new RedactedNames(DEFAULT_REDACTED_NAMES);
const has = (literal: string): boolean => names.has(`{${literal}:1}`, 1, 1 + literal.length);

describe("the names that are redacted", () => {
  it("are these when nothing is configured", () => {
    expect(DEFAULT_REDACTED_NAMES).toEqual([
      "password",
      "passwd",
      "passphrase",
      "apikey",
      "accesstoken",
      "refreshtoken",
      "clientsecret",
      "secretkey",
      "secretaccesskey",
      "sessiontoken",
      "privatekey",
      "authorization",
      "pwd",
      "token",
      "bearer",
      "cookie",
      "credentials",
      "idtoken",
      "awssecretaccesskey",
      "awssessiontoken",
      "dbpassword",
      "userpassword",
      "newpassword",
      "oldpassword",
      "currentpassword",
    ]);
  });

  it.each([
    '"password"',
    '"PassWord"',
    '"api_key"',
    '"API-KEY"',
    '"apiKey"',
    '"_apikey_"',
    '"--api__key"',
    '"secretAccessKey"',
    '"SECRET_ACCESS_KEY"',
    String.raw`"p\u0061ssword"`,
    String.raw`"\u0070assword"`,
    String.raw`"pass\u005fword"`,
    '"pa\u017f\u017fword"',
    '"api\u212aey"',
  ])("are meant by %s", (literal) => {
    expect(has(literal)).toBe(true);
  });

  it.each([
    '""',
    '"_"',
    '"p"',
    '"passwor"',
    '"passwords"',
    '"my_password"',
    '"pass word"',
    String.raw`"\\u0070assword"`,
    '"pässword"',
    '"secret"',
    '"next_token"',
    '"namespace"',
    '"__proto__"',
  ])("are not meant by %s", (literal) => {
    expect(has(literal)).toBe(false);
  });

  it("may be configured in any spelling", () => {
    const own = new RedactedNames(["X-Auth_Key", "größe"]);
    const ask = (literal: string): boolean => own.has(literal, 0, literal.length);
    expect(['"x_auth_key"', '"XAUTHKEY"', '"GRÖSSE"', '"password"', '"x"'].map(ask)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });
});
