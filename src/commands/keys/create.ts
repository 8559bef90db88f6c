import { Option, type Command } from "commander";
import { currentContext } from "../../lib/config/config.ts";
import { AppError } from "../../lib/errors.ts";
import { issueKey } from "../../lib/keys/issue-key.ts";
import { isRoleName, isUserName, NAME_RULES } from "../../lib/names.ts";
import { formatTime } from "../../lib/time.ts";
import { askText } from "../ask.ts";
import { withExamples, type Cli } from "../cli.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { askRole } from "./ask-role.ts";
import { chooseTtl, endOfLife } from "./lifetime.ts";
import { entryNote } from "./entry-note.ts";
import { loadEntries } from "./load-keyring.ts";
import { recoverAndLeave } from "./recover.ts";
import { clockNote, storeTime } from "./store-time.ts";
import { withIssuer } from "./with-issuer.ts";
import { carriedChange } from "../../lib/cluster/carried-change.ts";
import { addWaitOptions, receipt, requireRoom, withProof, type WaitOptions } from "./propagation.ts";
import { loadRoleAccess } from "./role-access.ts";
import { openSink, secretOf, withSink } from "./token-delivery.ts";
import { formatToken, requireServers, TOKEN_FORMS, type TokenForm } from "./token-form.ts";

export interface CreateOptions extends WaitOptions {
  readonly role?: string;
  readonly user?: string;
  readonly ttl?: string;
  readonly reason?: string;
  readonly output?: TokenForm;
  readonly out?: string;
}

export function registerCreate(keys: Command, cli: Cli, run = createKey): void {
  const command = keys
    .command("create")
    .summary("make a key and print its token once")
    .description("Make a key for a user in a role. Its token is shown once, where you ask for it, and stored nowhere.")
    .option("--role <role>", "the role, which must stand in the role file; asked for on a terminal")
    .option("--user <user>", "whom the key is for, e.g. incident-agent-01; asked for on a terminal")
    .option("--ttl <ttl>", "its life: 1h, 30d, never (default and maximum are configured)")
    .option("--reason <text>", "why, for the record")
    .addOption(new Option("-o, --output <form>", "form of the token").choices(TOKEN_FORMS))
    .option(
      "--out <file>",
      "write the token to a new file that only you can read, or to a Secret: secret:NAMESPACE/NAME",
    );
  addWaitOptions(command).action(async (options: CreateOptions) => cli.show(await run(options, cli.ports), null));
  withExamples(
    command,
    "mcpctl keys create --role dev-readonly --user incident-agent-01",
    "mcpctl keys create --role dev-readonly --user incident-agent-01 --out secret:agents/incident-agent-01",
  );
}

/** Makes a key. Every check that can fail without a key comes before there is one. */
export async function createKey(options: CreateOptions, ports: Ports): Promise<Result> {
  const { role, user } = readSubject(await askMissing(options, ports));
  const config = await ports.config();
  const context = currentContext(config);
  const ttl = chooseTtl(options.ttl ?? null, config.keys);
  const form = options.output ?? null;
  const backends = await loadRoleAccess(ports, role, form === "claude" || form === "vscode");
  requireServers(form ?? "token", role, backends);
  const store = await ports.store();
  const sink = await openSink(ports, form, options.out ?? null);
  const { key, result } = await withSink(sink, async (deliver) => {
    await store.verify();
    await recoverAndLeave(ports, store);
    await requireRoom(context, 1, () => loadEntries(store, ports, role));
    const now = storeTime(ports, store);
    const record = { role, user, expiresAt: endOfLife(now, ttl) };
    const issue = {
      record,
      note: entryNote(ports, now, "create", options.reason, secretOf(sink)),
      sink: sink.path,
      replaces: null,
    };
    const key = await withIssuer(ports, store, (issuer) =>
      issueKey(issuer, issue, (minted) =>
        deliver(formatToken(form ?? "token", { key: minted, record, gatewayUrl: context.gateway.url, backends })),
      ),
    );
    const expiry = record.expiresAt === null ? "never expires" : `expires ${formatTime(record.expiresAt)}`;
    return {
      key,
      result: {
        notes: [
          `Created ${key.id} for ${user} in role ${role}; it ${expiry}.`,
          receipt(context, store),
          ...clockNote(store),
          `Its token went to ${sink.label} and is stored nowhere else.`,
          `Next: call ${context.gateway.url}/mcp/<backend>/mcp with the header "Authorization: Bearer <token>".`,
          `To see it: mcpctl keys show ${key.id}. To end it: mcpctl keys revoke ${key.id}.`,
        ],
      },
    };
  });
  return withProof(result, carriedChange([key.hash]), { context, options, ports });
}

/** A name that is wrong is refused before anything is asked for. */
async function askMissing(options: CreateOptions, ports: Ports): Promise<CreateOptions> {
  const { ask } = ports;
  if (ask === null || (options.role !== undefined && options.user !== undefined)) return options;
  requireNames(options);
  return {
    ...options,
    role: options.role ?? (await askRole(ask, ports)),
    user: options.user ?? (await askText(ask, "User the key is for: ", userProblem)),
  };
}

function userProblem(answer: string): string | null {
  return isUserName(answer) ? null : `A user is ${NAME_RULES.user}.`;
}

function readSubject({ role, user }: CreateOptions): { readonly role: string; readonly user: string } {
  const missing = [role === undefined ? "--role" : null, user === undefined ? "--user" : null].filter(
    (name) => name !== null,
  );
  if (role === undefined || user === undefined) {
    throw new AppError("usage", "option_missing", `${missing.join(" and ")} must be given`, {
      hint: "For example: mcpctl keys create --role dev-readonly --user incident-agent-01",
    });
  }
  requireNames({ role, user });
  return { role, user };
}

function requireNames({ role, user }: Pick<CreateOptions, "role" | "user">): void {
  if (user !== undefined && !isUserName(user))
    throw new AppError("invalid", "user_invalid", "--user is not a user name", {
      hint: `A user is ${NAME_RULES.user}.`,
    });
  if (role !== undefined && !isRoleName(role))
    throw new AppError("invalid", "role_invalid", "--role is not a role name", {
      hint: `A role is ${NAME_RULES.role}.`,
    });
}
