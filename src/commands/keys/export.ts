import { Option, type Command } from "commander";
import { buildKeyring } from "../../lib/keys/followed-keyring.ts";
import { acceptKey, type Keyring } from "../../lib/keys/keyring.ts";
import { formatEntryName, formatKeyRecord } from "../../lib/keys/record.ts";
import { withExamples, type Cli } from "../cli.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { loadEntries } from "./load-keyring.ts";
import { storeTime } from "./store-time.ts";

export interface ExportOptions {
  readonly role?: string;
}

export function registerExport(keys: Command, cli: Cli, run = exportKeys): void {
  const command = keys
    .command("export")
    .summary("print the store's hashes, to be imported elsewhere")
    .description(
      "Print every entry as a keys.json, ends and revocations included, or the keys that are accepted now as lines of " +
        "`hash:role/user`. A store holds no key and no token, so neither does this.",
    )
    .option("--role <role>", "only the folder of this role")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["json", "lines"]).default("json"))
    .action(async (options: ExportOptions & { output: "json" | "lines" }) =>
      cli.show(await run(options, cli.ports), options.output === "json" ? "json" : "text"),
    );
  withExamples(command, "mcpctl keys export > keys-backup.json", "mcpctl keys export -o lines --role dev-readonly");
}

export async function exportKeys(
  { role }: ExportOptions,
  ports: Pick<Ports, "now" | "progress" | "store" | "tell">,
): Promise<Result> {
  const store = await ports.store();
  const entries = (await loadEntries(store, ports, role)).filter(
    ({ name }) => role === undefined || name?.role === role,
  );
  const named = entries.flatMap(({ name, value }) =>
    name === null ? [] : [[formatEntryName(name, "."), value] as const],
  );
  const foreign = entries.length - named.length;
  const data = Object.fromEntries(named.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const now = storeTime(ports, store);
  return {
    view: { data, text: () => acceptedLines(buildKeyring(entries), now).join("\n") },
    notes: foreign === 0 ? [] : [`Left out: ${foreign} that are no key entries; see \`mcpctl keys list\`.`],
  };
}

/** An accepted key's earliest end stands in its line, whatever entry it comes from. */
function acceptedLines(keyring: Keyring, now: number): readonly string[] {
  return [...keyring.keys.keys()].toSorted().flatMap((hash) => {
    const acceptance = acceptKey(keyring, hash, now);
    if (!acceptance.accepted) return [];
    const { role, user } = acceptance.subject;
    const expiresAt = Number.isFinite(acceptance.endsAt) ? acceptance.endsAt : null;
    return [`${hash}:${formatKeyRecord({ role, user, expiresAt })}`];
  });
}
