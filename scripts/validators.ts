import { Ajv2020 } from "ajv/dist/2020.js";
import standaloneModule from "ajv/dist/standalone/index.js";
import { build } from "esbuild";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

const OUT = "src/generated";
const SUFFIX = ".schema.json";
const standalone = standaloneModule.default;

/**
 * Compiles each JSON Schema of `schemas/` to a module without dependencies, so that no command pays for a schema
 * compiler at start. `schemas/roles.schema.json` becomes `src/generated/roles.js` with the export `validate`.
 */
export async function writeValidators(): Promise<void> {
  await rm(OUT, { recursive: true, force: true });
  await mkdir(OUT, { recursive: true });
  await writeFile(join(OUT, "validator.d.ts"), DECLARATION);
  for (const file of await readdir("schemas")) {
    if (!file.endsWith(SUFFIX)) continue;
    const schema = JSON.parse(await readFile(join("schemas", file), "utf8")) as object;
    const name = basename(file, SUFFIX);
    await writeFile(join(OUT, `${name}.js`), await compile(schema));
    await writeFile(
      join(OUT, `${name}.d.ts`),
      `import type { Validator } from "./validator.d.ts";\nexport declare const validate: Validator;\n`,
    );
  }
}

async function compile(schema: object): Promise<string> {
  const ajv = new Ajv2020({
    allErrors: true,
    inlineRefs: false,
    strict: true,
    allowUnionTypes: true,
    strictTypes: false,
    code: { source: true, esm: true },
  });
  const contents = standalone(ajv, ajv.compile(schema));
  const bundled = await build({
    stdin: { contents, resolveDir: process.cwd(), loader: "js" },
    bundle: true,
    format: "esm",
    platform: "node",
    write: false,
    logLevel: "warning",
  });
  return bundled.outputFiles[0]?.text ?? "";
}

const DECLARATION = `export interface SchemaError {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Set where the error is inside propertyNames. */
  readonly propertyName?: string;
  readonly message?: string;
}
export interface Validator {
  (data: unknown): boolean;
  readonly errors?: readonly SchemaError[] | null;
}
`;
