import { Option, type Command } from "commander";
import type { KeyState, Keyring } from "../../lib/keys/keyring.ts";
import { isSelected } from "../../lib/keys/select-keys.ts";
import type { Format, View } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { keyData, type KeyData } from "./key-data.ts";
import { loadKeyring, sharedIds } from "./load-keyring.ts";

export interface ListOptions {
  readonly role?: string;
  readonly user?: string;
  readonly state?: KeyState;
}

const STATES: readonly KeyState[] = ["active", "superseded", "expired", "revoked", "unusable"];

export function registerList(keys: Command, cli: Cli, run = listKeys): void {
  const command = keys
    .command("list")
    .summary("list keys and what is wrong with them")
    .description("List every key of the store with its state, and whatever lies there that is no key.")
    .option("--role <role>", "only keys of this role")
    .option("--user <user>", "only keys of this user")
    .addOption(new Option("--state <state>", "only keys in this state").choices(STATES))
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["table", "json", "yaml", "name"]))
    .action(async (options: ListOptions & { output?: Format }) =>
      cli.show(await run(options, cli.ports), options.output ?? null),
    );
  withExamples(command, "mcpctl keys list --role dev-readonly", "mcpctl keys list --state active -o json");
}

export async function listKeys(options: ListOptions, ports: Pick<Ports, "store" | "now">): Promise<Result> {
  const store = await ports.store();
  const keyring = await loadKeyring(store);
  const selector = { id: null, role: options.role ?? null, user: options.user ?? null };
  const keys = [...keyring.keys.values()]
    .filter((key) => isSelected(key, selector))
    .map((key) => keyData(key, ports.now()))
    .filter(({ state }) => isWanted(options.state, state))
    .toSorted((a, b) => order(a) - order(b) || compare(a, b));
  const foreign =
    options.role === undefined && options.user === undefined && isWanted(options.state, "unusable")
      ? keyring.foreign
      : [];
  return {
    view: listView(
      keys,
      foreign.map(({ label }) => label),
    ),
    notes: warnings(keyring, keys, store.label),
  };
}

function isWanted(wanted: KeyState | undefined, value: KeyState): boolean {
  return wanted === undefined || wanted === value;
}

function order({ state }: KeyData): number {
  return STATES.indexOf(state);
}

function compare(a: KeyData, b: KeyData): number {
  const names = [a.role, a.user, a.id].map(String);
  const others = [b.role, b.user, b.id].map(String);
  return names.join("/") < others.join("/") ? -1 : 1;
}

function listView(keys: readonly KeyData[], foreign: readonly string[]): View {
  return {
    data: [...keys, ...foreign.map((label) => ({ id: null, label, state: "unusable", problem: "it is no key entry" }))],
    table: {
      columns: ["KEY", "ROLE", "USER", "STATE", "ENDS", "REMARK"],
      rows: [
        ...keys.map((key) => [
          key.id,
          key.role ?? "-",
          key.user ?? "-",
          key.state,
          key.revoked_at ?? key.ends_at ?? "never",
          remark(key),
        ]),
        ...foreign.map((label) => ["-", "-", "-", "unusable", "-", `${label} is no key entry`]),
      ],
    },
    names: keys.map(({ id }) => id),
  };
}

function remark(key: KeyData): string {
  const parts = [key.problem, key.next === null ? null : `succeeded by ${key.next}`];
  if (key.overwritten.length > 0) parts.push("overwritten by somebody");
  return parts.filter((part) => part !== null).join("; ");
}

function warnings(keyring: Keyring, keys: readonly KeyData[], label: string): readonly string[] {
  const shared = sharedIds(keyring);
  const overwritten = keys.flatMap((key) => key.overwritten);
  return [
    ...(keyring.keys.size === 0
      ? [`No keys in ${label}.`]
      : keys.length === 0
        ? [`None of the ${keyring.keys.size} keys in ${label} match.`]
        : []),
    ...[...shared].map((id) => `Warning: several keys share the id ${id}; revoke acts on all of them.`),
    ...overwritten.map((entry) => `Warning: ${entry} was overwritten after it was made; mcpctl never does that.`),
  ];
}
