import { AppError } from "../../lib/errors.ts";
import type { MintedKey } from "../../lib/keys/key.ts";
import type { KeyRecord } from "../../lib/keys/record.ts";
import { toYaml } from "../../lib/output/to-yaml.ts";
import type { Backend } from "../../lib/policy/registry.ts";
import { formatTime } from "../../lib/time.ts";

/** The forms a fresh token can be delivered in. */
export const TOKEN_FORMS = ["token", "json", "yaml", "env", "claude", "vscode"] as const;

export type TokenForm = (typeof TOKEN_FORMS)[number];

/** What a user's file is called where each gets one, and whether it may hold several tokens, a line each. */
export function folderForm(form: TokenForm): { readonly extension: string; readonly isLines: boolean } {
  switch (form) {
    case "json":
      return { extension: "jsonl", isLines: true };
    case "token":
      return { extension: "token", isLines: false };
    case "yaml":
      return { extension: "yaml", isLines: false };
    case "env":
      return { extension: "env", isLines: false };
    case "claude":
    case "vscode":
      return { extension: `${form}.json`, isLines: false };
  }
}

export interface IssuedKey {
  readonly key: MintedKey;
  readonly record: KeyRecord;
  readonly gatewayUrl: string;
  /** The backends that the role is granted and the registry knows. */
  readonly backends: readonly Backend[];
  /** The key that this one succeeds, when it was rotated. */
  readonly replaces?: { readonly id: string; readonly ends_at: string };
}

/** The text that is delivered; the only place outside the sink where a token stands in the clear. */
export function formatToken(form: TokenForm, issued: IssuedKey): string {
  const token = issued.key.token.reveal();
  switch (form) {
    case "token":
      return `${token}\n`;
    case "json":
      return `${JSON.stringify(tokenData(issued, token))}\n`;
    case "yaml":
      return toYaml(tokenData(issued, token));
    case "env":
      return `MCP_GATEWAY_URL='${issued.gatewayUrl}'\nMCP_GATEWAY_TOKEN='${token}'\n`;
    case "claude":
      return `${JSON.stringify({ mcpServers: serversOf(issued, token) }, null, 2)}\n`;
    case "vscode":
      return `${JSON.stringify({ servers: serversOf(issued, token) }, null, 2)}\n`;
  }
}

/** @throws AppError invalid when a client configuration would name no server at all. */
export function requireServers(form: TokenForm, role: string, backends: readonly Backend[]): void {
  if ((form === "claude" || form === "vscode") && backends.length === 0) {
    throw new AppError("invalid", "no_backends", `role ${role} is granted no backend that the registry knows`, {
      hint: "A client configuration would be empty; grant a backend first, or use -o token.",
    });
  }
}

function tokenData({ key, record, replaces }: IssuedKey, token: string): Record<string, unknown> {
  return {
    id: key.id,
    role: record.role,
    user: record.user,
    expires_at: record.expiresAt === null ? null : formatTime(record.expiresAt),
    token,
    ...(replaces === undefined ? {} : { replaces }),
  };
}

function serversOf(issued: IssuedKey, token: string): Record<string, unknown> {
  return Object.fromEntries(
    issued.backends.map(({ name, path }) => [
      name,
      { type: "http", url: `${issued.gatewayUrl}/mcp/${name}/${path}`, headers: { Authorization: `Bearer ${token}` } },
    ]),
  );
}
