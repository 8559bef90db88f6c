import { Option, type Command } from "commander";
import type { ChalkInstance } from "chalk";
import { REASONS } from "../../lib/audit/reasons.ts";
import { currentContext } from "../../lib/config/config.ts";
import { keyId, readToken } from "../../lib/keys/key.ts";
import { acceptKey, type Acceptance, type KeyEntry } from "../../lib/keys/keyring.ts";
import { findLock } from "../../lib/policy/decide.ts";
import type { Locks } from "../../lib/policy/locks.ts";
import { printable } from "../../lib/output/printable.ts";
import type { Format } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import type { Ports } from "../ports.ts";
import { readLocks } from "../read-locks.ts";
import type { Result } from "../result.ts";
import { keyData, type KeyData } from "./key-data.ts";
import { loadKeyring } from "./load-keyring.ts";
import { storeTime } from "./store-time.ts";
import { askToken, TOKEN_PROBLEMS } from "./token-input.ts";

export function registerInspect(keys: Command, cli: Cli, run = inspect): void {
  const command = keys
    .command("inspect")
    .summary("what is this token?")
    .description(
      "Read a token from standard input, or ask for it without showing it: is it well formed, whose is it, would a " +
        "gateway accept it, and if not, why? It is never printed back.",
    )
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["text", "json", "yaml", "name"]))
    .action(async (options: { output?: Format }) => cli.show(await run(cli.ports), options.output ?? null))
    .addHelpText("after", "\nExit codes: 0 accepted, 1 not accepted, 3 not well formed.");
  withExamples(command, "mcpctl keys inspect < token", "pbpaste | mcpctl keys inspect -o json");
}

/** What `-o json` prints (schemas/output/keys-inspect.schema.json). */
interface Inspection {
  readonly well_formed: boolean;
  readonly id: string | null;
  readonly accepted: boolean;
  /** Why not, from the gateway's list; `token_malformed` for what is no token; null when it is accepted. */
  readonly reason: string | null;
  readonly explanation: string;
  readonly key: KeyData | null;
}

export async function inspect(
  ports: Pick<Ports, "config" | "label" | "now" | "progress" | "secret" | "stdin" | "store" | "tell">,
): Promise<Result> {
  const reading = readToken((await askToken(ports)).reveal());
  if (!reading.ok) {
    const explanation = `It is no token: ${TOKEN_PROBLEMS[reading.problem]}.`;
    const data = { well_formed: false, id: null, accepted: false, reason: "token_malformed", explanation, key: null };
    return { view: viewOf(data), exit: 3 };
  }
  const context = currentContext(await ports.config());
  const store = await ports.store();
  const keyring = await loadKeyring(store, ports);
  const now = storeTime(ports, store);
  const { locks, note } = await readLocks(context, ports.label, null);
  const key = keyring.keys.get(reading.hash) ?? null;
  const refusal = refusalOf(acceptKey(keyring, reading.hash, now), locks, now);
  const buried = key === null ? (await store.tombstones()).find(({ hash }) => hash === reading.hash) : undefined;
  return {
    view: viewOf({
      well_formed: true,
      id: keyId(reading.hash),
      accepted: refusal === null,
      reason: refusal?.reason ?? null,
      explanation:
        buried === undefined
          ? (refusal?.explanation ?? "A gateway accepts it; what it may call is for its role to say.")
          : "It had ended, and its record was pruned.",
      key: key === null ? null : keyData(key, now),
    }),
    notes: [...(note === null ? [] : [note]), ...hintFor(key, refusal !== null, store.label)],
    ...(refusal === null ? {} : { exit: 1 as const }),
  };
}

function refusalOf(
  acceptance: Acceptance,
  locks: Locks,
  now: number,
): { readonly reason: string; readonly explanation: string } | null {
  if (!acceptance.accepted) return { reason: acceptance.reason, explanation: REASONS[acceptance.reason] };
  const { role, user, keyId: id } = acceptance.subject;
  const lock = findLock(locks, { role, user, keyId: id, backend: "", method: null, tool: null }, now);
  if (lock === null) return null;
  const what = lock.target === "all" ? "everything" : `${lock.target} ${lock.value}`;
  return { reason: `${lock.target}_locked`, explanation: `Lock ${lock.id} refuses ${what}: ${lock.reason}` };
}

function hintFor(key: KeyEntry | null, isRefused: boolean, label: string): readonly string[] {
  if (key === null) return [`It is not in ${label}; perhaps in another context's store (--context).`];
  return isRefused ? [] : [`If it was leaked: mcpctl keys revoke ${key.keyId}`];
}

function viewOf(data: Inspection) {
  return {
    data,
    text: (paint: ChalkInstance): string => describe(data, paint),
    names: data.id === null ? [] : [data.id],
  };
}

function describe({ id, accepted, explanation, key, well_formed: isToken }: Inspection, paint: ChalkInstance): string {
  const verdict = accepted ? paint.green("accepted") : paint.red(isToken ? "not accepted" : "not well formed");
  const lines = [
    ["Token", verdict],
    ["Because", explanation],
    ...(id === null ? [] : [["Key", id]]),
    ...(key === null
      ? []
      : [
          ["Role", key.role ?? "-"],
          ["User", key.user ?? "-"],
          ["State", key.problem === null ? key.state : `${key.state}: ${key.problem}`],
          ["Ends", key.ends_at ?? "never"],
        ]),
  ];
  return lines.map(([name, value]) => `${`${name}:`.padEnd(10)}${printable(value as string)}`).join("\n");
}
