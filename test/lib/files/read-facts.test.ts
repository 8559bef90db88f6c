import { chmod, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readFacts } from "../../../src/lib/files/read-facts.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpctl-facts-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(path: string, content = "{}"): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
}

const named = (...paths: readonly string[]): readonly { readonly path: string; readonly label: string }[] =>
  paths.map((path) => ({ path: join(folder, path), label: path }));
const files = (...paths: readonly string[]): readonly string[] => readFacts(named(...paths)).files;
/** What reading these paths throws. */
function refusal(...paths: readonly string[]): unknown {
  try {
    readFacts(named(...paths));
    return null;
  } catch (error) {
    return error;
  }
}

describe("readFacts", () => {
  it("reads a file whatever its name, and every manifest below a folder in the order of names", async () => {
    await put("list", "a: 1\n---\na: 2\n");
    for (const path of ["b.yaml", "a/z.yml", "a/y.JSON", "a/.hidden.yaml", ".git/x.yaml", "notes.md"])
      await put(`m/${path}`);
    const { documents, files } = readFacts(named("list", "m/"));
    expect(files).toEqual(["list", "m/a/y.JSON", "m/a/z.yml", "m/b.yaml"]);
    expect(documents.map(({ file, value }) => [file, value])).toEqual([
      ["list", { a: 1 }],
      ["list", { a: 2 }],
      ["m/a/y.JSON", {}],
      ["m/a/z.yml", {}],
      ["m/b.yaml", {}],
    ]);
  });

  it("reads a file once, however often it is named", async () => {
    await put("m/a.yaml");
    expect(files("m/a.yaml", "m", "m/")).toEqual(["m/a.yaml"]);
  });

  it("follows links within the folder, and none that leads out of it", async () => {
    await put("m/..data/a.yaml");
    await symlink("..data/a.yaml", join(folder, "m/a.yaml"));
    await symlink("..", join(folder, "m/up.d"));
    expect(refusal("m")).toMatchObject({
      code: "facts_link_leads_out",
      message: "m/up.d is a link that leads out of its folder",
    });
    await rm(join(folder, "m/up.d"));
    await symlink(".", join(folder, "m/self"));
    expect(files("m")).toEqual(["m/a.yaml"]);
    await symlink("nowhere", join(folder, "m/b.yaml"));
    expect(refusal("m")).toMatchObject({ kind: "not-found", message: "m/b.yaml does not exist" });
    await put("other.yaml");
    await rm(join(folder, "m/b.yaml"));
    await symlink("../other.yaml", join(folder, "m/b.yaml"));
    expect(refusal("m")).toMatchObject({ code: "facts_link_leads_out" });
    await symlink("m", join(folder, "linked"));
    await rm(join(folder, "m/b.yaml"));
    expect(files("linked")).toEqual(["linked/a.yaml"]);
  });

  it("says what is missing, broken, or no file", async () => {
    expect(refusal("m")).toMatchObject({ kind: "not-found", code: "file_not_found", message: "m does not exist" });
    await put("m/a.yaml", "a: 1\nb: [\n");
    expect(refusal("m")).toMatchObject({
      kind: "invalid",
      code: "facts_unreadable",
      message: expect.stringMatching(/^m\/a\.yaml:3:1: Flow sequence/) as string,
    });
    await mkdir(join(folder, "closed"), { mode: 0 });
    expect([null, "file_not_permitted"]).toContain((refusal("closed") as { code?: string } | null)?.code ?? null);
    await chmod(join(folder, "closed"), 0o700);
  });

  it("refuses a path that no file can have", () => {
    expect(refusal("a\0b")).toMatchObject({ kind: "invalid", code: "path_impossible" });
    const long = refusal("a".repeat(100_000)) as Error;
    expect(long).toMatchObject({ kind: "invalid", code: "path_too_long" });
    expect(long.message.length).toBeLessThan(5_000);
  });

  it("refuses more than 64 MiB in a file", async () => {
    await put("m/a.yaml", "# ");
    await truncate(join(folder, "m/a.yaml"), 64 * 1024 * 1024 + 1);
    expect(refusal("m")).toMatchObject({ kind: "invalid", code: "file_too_large" });
  });

  it("refuses more YAML in all files together than the memory holds", async () => {
    await put("m/a.yaml", "\n".repeat(600_000));
    expect(files("m")).toEqual(["m/a.yaml"]);
    await put("m/b.yaml", "\n".repeat(600_000));
    expect(refusal("m")).toMatchObject({
      code: "facts_unreadable",
      message: expect.stringMatching(/^m\/b\.yaml:1:1: this is no JSON, and too much YAML to be read/) as string,
    });
  });

  it("refuses more than ten thousand files", async () => {
    await mkdir(join(folder, "m"));
    for (let index = 0; index <= 10_000; index += 1) await writeFile(join(folder, `m/${index}.yaml`), "");
    expect(refusal("m")).toMatchObject({ kind: "invalid", code: "facts_too_large" });
  });
});

describe("what must be rendered first", () => {
  it.each(["chart", "chart/templates", "."])("is a Helm chart: %s", async (path) => {
    await put("chart/Chart.yaml");
    await put("chart/templates/role.yaml", "name: {{ .Release.Name }}\n");
    expect(refusal(path)).toMatchObject({
      code: "facts_not_rendered",
      hint: "Render it first: `helm template CHART > rendered.yaml`, and name that file instead.",
    });
  });

  it("is a template anywhere", async () => {
    await put("role.yaml", "{{- if .Values.rbac }}\nkind: Role\n{{- end }}\n");
    expect(refusal("role.yaml")).toMatchObject({
      code: "facts_unreadable",
      hint: "It looks like a template; render it first: `helm template CHART > rendered.yaml`, and name that file instead.",
    });
  });

  it("is not a kustomization that only lists files and folders, of which it reads those alone", async () => {
    await put("k/kustomization.yaml", "resources: [b.yaml, ../base]\nconfigMapGenerator: [{name: x, files: [f]}]\n");
    for (const path of ["k/a.yaml", "k/b.yaml", "base/c.yaml", "base/d.yaml"]) await put(path);
    await put("base/kustomization.yml", "kind: Kustomization\nresources: [./d.yaml]\n");
    expect(files("k")).toEqual(["k/b.yaml", "base/d.yaml"]);
    expect(files(".")).toEqual(["base/d.yaml", "k/b.yaml"]);
  });

  it.each([
    ['"a\\0b"', "path_impossible"],
    ["a".repeat(5_000), "path_too_long"],
  ])("is not a kustomization that lists what no file can be: %.9s", async (resource, code) => {
    await put("k/kustomization.yaml", `resources: [${resource}]\n`);
    expect(refusal("k")).toMatchObject({ kind: "invalid", code });
  });

  it("ends where kustomizations list each other", async () => {
    await put("k/kustomization.yaml", "resources: [../l]\n");
    await put("l/kustomization.yaml", "resources: [../k, a.yaml]\n");
    await put("l/a.yaml");
    expect(files("k")).toEqual(["l/a.yaml"]);
  });

  it.each([
    ["namespace: prod", 'has "namespace"'],
    ["namePrefix: a-", 'has "namePrefix"'],
    ["patches: []", 'has "patches"'],
    ["labels: []", 'has "labels"'],
    ["resources: [https://example.org/a.yaml]", "lists what is not here, or something"],
    ["resources: [github.com/a/b?ref=c]", "lists what is not here, or something"],
    ["resources: [missing.yaml]", "lists what is not here, or something"],
    ["resources: [../outside.yaml]", "lists what is not here, or something"],
    ["resources: [plain]", "lists what is not here, or something"],
    ["resources: [7]", "lists what is not here, or something"],
    ["resources: {}", "has resources"],
    ["[]", "is of a form"],
  ])("is a kustomization with %s", async (content, says) => {
    await put("k/kustomization.yaml", `${content}\n`);
    await put("k/plain/a.yaml");
    await put("outside.yaml");
    expect(refusal("k")).toMatchObject({
      kind: "invalid",
      code: "facts_not_rendered",
      message: expect.stringContaining(`the kustomization ${says} that is not evaluated here`) as string,
      hint: "Render it first: `kubectl kustomize k > rendered.yaml`, and name that file instead.",
    });
  });
});
