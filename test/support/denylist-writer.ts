import { denylistFile } from "../../src/lib/stores/denylist-file.ts";
import { placeLock } from "../../src/commands/lock/place-lock.ts";

/** A process that adds `count` locks on `user` to the denylist at `path`, one after another, each told by one line. */
const [path = "", user = "", count = "0"] = process.argv.slice(2);
const denylist = denylistFile(path, "denylist.json");
for (let index = 0; index < Number(count); index += 1) {
  const wanted = {
    target: { target: "user", value: user },
    reason: "",
    until: null,
    tell: false,
    revokes: false,
  } as const;
  const { lock } = await placeLock(denylist, wanted, { author: "tester", now: Date.now });
  process.stdout.write(`${lock.id}\n`);
}
