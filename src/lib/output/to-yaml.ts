import { stringify } from "yaml";

/** YAML with every text in quotes: what `no` or a time means is then the same to every parser. */
export function toYaml(data: unknown): string {
  return stringify(data, { defaultStringType: "QUOTE_DOUBLE", defaultKeyType: "PLAIN" });
}
