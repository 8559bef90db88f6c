import { printable } from "./printable.ts";

/** JSON of these data in which no text can steer a terminal; it means the same. */
export function toJson(data: unknown): string {
  return inQuotes(JSON.stringify(data, null, 2));
}

/**
 * JSON, or YAML with its texts in double quotes, whose texts steer no terminal. JSON leaves C1 and bidirectional controls as
 * they are; within quotes their escapes mean the same. An escape that ends in `b` would run into `WNwa1` and make up what looks
 * like a token, and redacting that would break the escape.
 */
export function inQuotes(text: string): string {
  const quoted = text.split("\n").map(printable).join("\n");
  if (!quoted.includes("bWNwa1")) return quoted;
  return quoted.replace(/\\(?:b|x[\da-f]b|u[\da-f]{3}b|[^])/g, (escape) => {
    if (escape === "\\b") return "\\u0008";
    return escape.length > 2 ? `${escape.slice(0, -1)}B` : escape;
  });
}
