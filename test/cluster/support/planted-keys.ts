import { mintKey, type MintedKey } from "../../../src/lib/keys/key.ts";
import { seededBytes } from "../../support/seeded.ts";
import { ssmCall } from "./parameters.ts";
import { PATH } from "./manifests.ts";

/** How many calls of SSM are under way at once. */
const AT_ONCE = 8;

/** Puts so many keys into SSM, one for each of the users `agent-0`, `agent-1`, ...; as fast as it takes them. */
export async function plantKeys(url: string, count: number): Promise<readonly MintedKey[]> {
  const randomBytes = seededBytes();
  const keys = Array.from({ length: count }, () => mintKey(randomBytes));
  const waiting = [...keys.entries()];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, { hash }] = next;
      const Value = `dev-readonly/agent-${index}?exp=2099-01-01T00:00:00Z`;
      await ssmCall(url, "PutParameter", { Name: `${PATH}/dev-readonly/${hash}`, Value, Type: "SecureString" });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return keys;
}
