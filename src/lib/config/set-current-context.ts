import { realpath } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { isMap, isNode, isScalar, parseAllDocuments, type YAMLMap } from "yaml";
import { AppError } from "../errors.ts";
import { fileError } from "../files/file-error.ts";
import { decodeUtf8, readFileBytesSync } from "../files/read-file.ts";
import { replaceFile } from "../files/write-file.ts";
import type { ConfigContent } from "./merge-config.ts";
import { MAX_CONFIG_BYTES, parseConfig } from "./parse-config.ts";

const FIELD = "currentContext";

/**
 * Makes the file say that this context is current, and changes nothing else in it: comments and layout stay. A symbolic
 * link is followed. What the file said before is the answer.
 * @throws AppError invalid when it cannot be read as a configuration, or not be changed in one place alone; unavailable
 *   when the disk will not have it.
 */
export async function setCurrentContext(path: string, name: string): Promise<string | null> {
  const target = await followLink(path);
  const bytes = readFileBytesSync(target, "the configuration", MAX_CONFIG_BYTES);
  const before = parseConfig(path, bytes);
  const text = decodeUtf8(bytes, path);
  // A name like `on` or `12` needs the quotes.
  for (const scalar of [name, `"${name}"`]) {
    const edited = editText(text, scalar);
    if (edited === null || !saysTheSame(path, edited, before, name)) continue;
    // Two of these at once each have their own temporary file; the last one wins.
    await replaceFile(target, edited, `${target}.${process.pid}.tmp`);
    return before.currentContext ?? null;
  }
  throw new AppError("invalid", "config_not_editable", `${FIELD} in ${path} cannot be changed without touching more`, {
    hint: `Write \`${FIELD}: ${name}\` there yourself.`,
  });
}

async function followLink(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    throw fileError(error, `the configuration ${path}`, "read");
  }
}

/** The text with the field's value replaced, or with the field after everything else; null where neither is possible. */
function editText(text: string, scalar: string): string | null {
  const documents = parseAllDocuments(text, { uniqueKeys: false, prettyErrors: false, version: "1.2" });
  const nodes: readonly unknown[] = Array.isArray(documents) ? documents.map(({ contents }) => contents) : [];
  const contents = nodes.find((node) => isMap(node));
  if (contents?.range == null) return null;
  const pair = contents.items.find(({ key }) => isScalar(key) && key.value === FIELD);
  if (pair === undefined) return addField(text, contents, scalar);
  if (!isNode(pair.value) || pair.value.range == null) return null;
  const [start, end] = pair.value.range;
  return `${text.slice(0, start)}${quoteLike(text[start], scalar)}${text.slice(end)}`;
}

/** In the quotes that stood there. */
function quoteLike(first: string | undefined, scalar: string): string {
  return first === "'" || first === '"' ? `${first}${scalar.replaceAll('"', "")}${first}` : scalar;
}

function addField(text: string, contents: YAMLMap, scalar: string): string | null {
  const [start, , end] = contents.range ?? [0, 0, 0];
  const field = `${FIELD}: ${scalar}`;
  if (contents.flow === true) {
    const comma = contents.items.length === 0 ? "" : ", ";
    return `${text.slice(0, start + 1)}${field}${comma}${text.slice(start + 1)}`;
  }
  const indentation = text.slice(text.lastIndexOf("\n", start - 1) + 1, start).replace("\ufeff", "");
  if (indentation.trim() !== "") return null;
  // Comments below the last entry belong to it.
  const at = /^\s*(#.*\s*)*$/.test(text.slice(end)) ? text.length : end;
  const before = text.slice(0, at);
  const lineEnd = text.includes("\r\n") ? "\r\n" : "\n";
  return `${before}${before.endsWith("\n") ? "" : lineEnd}${indentation}${field}${lineEnd}${text.slice(at)}`;
}

/** Whether the text says what was said before, but for the current context: no parser's opinion is taken on trust. */
function saysTheSame(path: string, text: string, before: ConfigContent, name: string): boolean {
  try {
    const { currentContext, ...rest } = parseConfig(path, Buffer.from(text));
    const { currentContext: _old, ...restBefore } = before;
    return currentContext === name && isDeepStrictEqual(rest, restBefore);
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}
