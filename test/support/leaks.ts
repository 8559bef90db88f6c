import { formatKey, hashKey, keyId } from "../../src/lib/keys/key.ts";

/** What leaks look like in files, and what only looks like them. Made in tests: no token stands in a committed file. */
export interface Leak {
  readonly what: string;
  readonly holds: "token" | "key";
  readonly text: (token: string, key: string) => string;
}

/** A key of 32 bytes and its token. */
export function leakedKey(bytes: Uint8Array): { key: string; token: string; hash: string; id: string } {
  const key = formatKey(bytes);
  const hash = hashKey(Buffer.from(key, "latin1"));
  return { key, token: Buffer.from(key, "latin1").toString("base64"), hash, id: keyId(hash) };
}

export const LEAKS: readonly Leak[] = [
  { what: "a token alone", holds: "token", text: (token) => token },
  {
    what: "a header",
    holds: "token",
    text: (token) => `curl -H "Authorization: Bearer ${token}" https://mcp.example.com\n`,
  },
  { what: "JSON", holds: "token", text: (token) => `{"headers":{"Authorization":"Bearer ${token}"}}` },
  { what: "an environment file", holds: "token", text: (token) => `A=1\nMCP_GATEWAY_TOKEN='${token}'\n` },
  { what: "a URL", holds: "token", text: (token) => `https://x.example.com/?token=${encodeURIComponent(token)}&x=1` },
  { what: "YAML", holds: "token", text: (token) => `token: ${token} # of the agent\n` },
  { what: "a key", holds: "key", text: (_token, key) => `key=${key}\n` },
  { what: "a key in a sentence", holds: "key", text: (_token, key) => `I used ${key}, and it worked.` },
  { what: "a token behind a %3D", holds: "token", text: (token) => `token%3D${token}%26x` },
  { what: "a token between escapes", holds: "token", text: (token) => `"first\\n${token}\\nlast"` },
  { what: "a token in a path", holds: "token", text: (token) => `GET /x/${token}/y` },
];

/** Tokens and keys inside base64, at each of the three places among its groups of three bytes. */
export const HIDDEN_LEAKS: readonly Leak[] = [
  { what: "a token in a Kubernetes Secret", holds: "token", text: (token) => `data:\n  token: ${base64(token)}\n` },
  { what: "a token and its line end", holds: "token", text: (token) => `data:\n  token: ${base64(`${token}\n`)}\n` },
  {
    what: "a header in a Kubernetes Secret",
    holds: "token",
    text: (token) => `data:\n  header: ${base64(`Bearer ${token}`)}\n`,
  },
  {
    what: "JSON in a Kubernetes Secret",
    holds: "token",
    text: (token) => `data:\n  mcp.json: ${base64(`{"ab": "${token}"}`)}\n`,
  },
  { what: "a name and a key, encoded", holds: "key", text: (_token, key) => `Basic ${base64(`agent:${key}`)}` },
  { what: "a key and more, encoded", holds: "key", text: (_token, key) => base64(`KEY=${key} # of the agent`) },
  {
    what: "base64 of the alphabet for URLs",
    holds: "token",
    text: (token) => `x=${base64(`>>>>???${token}`, "base64url")}`,
  },
];

function base64(text: string, alphabet: "base64" | "base64url" = "base64"): string {
  return Buffer.from(text).toString(alphabet);
}

export const NO_LEAKS: readonly Omit<Leak, "holds">[] = [
  { what: "half a token", text: (token) => token.slice(0, 60) },
  { what: "half a key", text: (_token, key) => key.slice(0, 40) },
  { what: "a token over two lines", text: (token) => `${token.slice(0, 40)}\n${token.slice(40)}` },
  { what: "the first letters alone", text: () => "tokens begin bWNwa1, keys mcpk_" },
  { what: "a key's id and hash", text: (_token, key) => hashKey(Buffer.from(key, "latin1")) },
  {
    what: "the published test vector",
    text: () => `${leakedKey(new Uint8Array(32)).token} ${leakedKey(new Uint8Array(32)).key}`,
  },
  { what: "other base64", text: () => `bWNwa3${"QUJD".repeat(20)}` },
];
