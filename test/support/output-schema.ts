import { readFile } from "node:fs/promises";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

const fitting = new Map<string, ValidateFunction>();

/** Why what was printed does not fit its schema, or why that schema lets anything through; empty when all is well. */
export async function misfits(name: string, printed: string): Promise<readonly unknown[]> {
  const fits = await validatorOf(name);
  return (name === "token" ? printed.trimEnd().split("\n") : [printed]).flatMap((text): readonly unknown[] => {
    const data = JSON.parse(text) as unknown;
    if (!fits(data)) return fits.errors ?? [];
    const [one] = Array.isArray(data) ? (data as unknown[]) : [data];
    const surprised = one === undefined ? "surprise" : { ...(one as object), surprise: 1 };
    return fits(Array.isArray(data) ? [surprised] : surprised) ? [`${name} lets an unknown field through`] : [];
  });
}

async function validatorOf(name: string): Promise<ValidateFunction> {
  const known = fitting.get(name);
  if (known !== undefined) return known;
  const ajv = new Ajv2020({
    allErrors: true,
    strict: true,
    allowUnionTypes: true,
    strictTypes: false,
    strictRequired: false,
  });
  const made = ajv.compile(JSON.parse(await readFile(`schemas/output/${name}.schema.json`, "utf8")) as object);
  fitting.set(name, made);
  return made;
}
