/** A request as a reader reads it who takes nothing but the plainest HTTP/1.1 (RFC 9112). */
export interface StrictRequest {
  readonly method: string;
  readonly target: string;
  /** Lower-case names. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

const FIRST = /^([A-Z]+) (\/[!-~]*) HTTP\/1\.1$/;
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([^\0\r\n]*)$/;

export interface Taken {
  readonly request: StrictRequest;
  readonly rest: Buffer;
}

/** The first request of these bytes; null when more must come. @throws Error when it is not the plainest HTTP */
export function takeRequest(bytes: Buffer): Taken | null {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const [first = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const [, method = "", target = ""] = FIRST.exec(first) ?? fail(`the request line ${JSON.stringify(first)}`);
  const headers = lines.map((line) => {
    const [, name = "", value = ""] = HEADER.exec(line) ?? fail(`the header ${JSON.stringify(line)}`);
    return [name.toLowerCase(), value] as const;
  });
  const lengths = valuesOf(headers, "content-length");
  if (lengths.length > 1 || lengths.some((length) => !/^\d{1,9}$/.test(length))) fail(`the lengths ${lengths.join()}`);
  if (valuesOf(headers, "transfer-encoding").length > 0) fail("a transfer coding");
  const bodyAt = end + 4;
  const bodyEnd = bodyAt + Number(lengths[0] ?? 0);
  if (bytes.length < bodyEnd) return null;
  return { request: { method, target, headers, body: bytes.subarray(bodyAt, bodyEnd) }, rest: bytes.subarray(bodyEnd) };
}

export function valuesOf(headers: StrictRequest["headers"], name: string): readonly string[] {
  return headers.filter(([other]) => other === name).map(([, value]) => value);
}

function fail(what: string): never {
  throw new Error(`a request with ${what} reached the backend`);
}
