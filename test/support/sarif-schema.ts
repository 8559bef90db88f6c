import { readFileSync } from "node:fs";
import { Ajv } from "ajv";

const FORMATS: Readonly<Record<string, RegExp>> = {
  // RFC 3986: the characters of a URI reference, and whole percent escapes.
  "uri-reference": /^(?:[\w.~:/?#[\]@!$&'()*+,;=-]|%[\dA-Fa-f]{2})*$/,
  uri: /^[a-zA-Z][\w+.-]*:(?:[\w.~:/?#[\]@!$&'()*+,;=-]|%[\dA-Fa-f]{2})*$/,
  "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/,
};

/** What the official schema of SARIF 2.1.0 (test/support/sarif) has against a log; null for nothing. */
export function sarifErrors(log: unknown): readonly string[] | null {
  if (validate(log)) return null;
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

const validate = (() => {
  const schema = JSON.parse(readFileSync("test/support/sarif/sarif-2.1.0-rtm.5.json", "utf8")) as object;
  // It is draft 04, whose words it uses mean the same to draft 07.
  const { $schema: _schema, id: _id, ...rest } = schema as { $schema: string; id: string };
  return new Ajv({ strict: false, unicodeRegExp: false, allErrors: true, formats: FORMATS }).compile(rest);
})();
