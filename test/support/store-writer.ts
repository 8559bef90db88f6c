import process from "node:process";
import { createEntry } from "../../src/lib/keys/key-store.ts";
import { openFileStore } from "../../src/lib/stores/file-store.ts";

/** A process of its own: creates `count` entries whose hashes begin with `digit`, telling each on standard output. */
const [path = "", digit = "0", count = "0"] = process.argv.slice(2);
const store = openFileStore({
  path,
  denylist: path.replace(/[^/]*$/, "denylist.json"),
  label: "keys.json",
  now: Date.now,
});
const note = { action: "create", at: "2026-11-20T10:00:00Z" } as const;
for (let index = 0; index < Number(count); index += 1) {
  const hash = digit + index.toString(16).padStart(63, "0");
  const { status } = await createEntry(store, { role: "dev", hash, part: "record" }, `dev/agent-${index}`, note);
  process.stdout.write(`${status} ${hash}\n`);
}
