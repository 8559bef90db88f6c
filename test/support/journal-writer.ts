import process from "node:process";
import type { UndeliveredKey } from "../../src/lib/keys/undelivered.ts";
import { openJournals } from "../../src/lib/stores/delivery-journal.ts";

/** A process of its own: writes these keys down, says so, and waits to be killed. */
const [folder = "", keys = "[]"] = process.argv.slice(2);
const journal = openJournals(folder).own();
for (const key of JSON.parse(keys) as readonly UndeliveredKey[]) await journal.begin(key);
process.stdout.write("begun\n");
setInterval(() => undefined, 60_000);
