import { validate as isConfig } from "../../generated/mcpctl.js";
import { AppError } from "../errors.ts";
import { schemaFindings } from "../policy/schema-findings.ts";
import { decodeSource, formatPlace, type Finding } from "../policy/source.ts";
import { parseYaml, plainValue } from "../policy/yaml-source.ts";
import type { ConfigContent } from "./merge-config.ts";

export const MAX_CONFIG_BYTES = 1024 * 1024;

/** What do the bytes of this mcpctl.yaml say? @throws AppError invalid, naming file, line and what to do. */
export function parseConfig(path: string, bytes: Uint8Array): ConfigContent {
  const reading = decodeSource(path, bytes);
  if (!reading.ok) throw unreadable(reading.finding);
  const { documents, findings } = parseYaml(reading.source);
  const [document] = documents;
  if (findings[0] !== undefined) throw unreadable(findings[0]);
  if (documents.length > 1)
    throw unreadable(reading.source.finding("MC002", 0, "the file holds more than one document"));
  const [misfit] = document === undefined ? [] : schemaFindings(reading.source, document, isConfig);
  if (misfit !== undefined) throw unreadable(misfit);
  return document === undefined ? {} : (plainValue(document) as ConfigContent);
}

function unreadable(finding: Finding): AppError {
  return new AppError("invalid", "config_unreadable", `${formatPlace(finding.place)}: ${finding.message}`, {
    hint: finding.hint ?? "See schemas/mcpctl.schema.json.",
  });
}
