import { describe, expect, it } from "vitest";
import { endpointOf, readRegistry } from "../../../src/lib/policy/registry.ts";
import type { Finding } from "../../../src/lib/policy/source.ts";

const FIELDS = "service: eks, environment: stage, access: ro, owner: platform";
const entry = (name: string, url: string, more = ""): string =>
  `  ${name}: { ${FIELDS}, url: ${JSON.stringify(url)}${more} }\n`;
const read = (text: string) => readRegistry("backends.yaml", Buffer.from(text));
const brief = ({ place, code, message, isUnreadable }: Finding): string =>
  `${place.line}:${place.column} ${code} ${message}${isUnreadable ? "" : " (read)"}`;
const problems = (text: string): readonly string[] => read(text).findings.map(brief);
const toolsText = (tools: string): string => `backends:
  a:
    service: eks
    environment: stage
    access: ro
    owner: platform
    url: http://a
    tools:${tools}`;
const readTools = (tools: string) => read(toolsText(tools)).registry.get("a");
const urlOf = (url: string, more = ""): string | undefined => {
  const backend = read(`backends:\n${entry("a", url, more)}`).registry.get("a");
  return backend && endpointOf(backend);
};

describe("readRegistry", () => {
  it("reads a backend whole", () => {
    const text = `backends:
  eks-ro:
    service: eks
    environment: stage
    access: ro
    owner: platform team
    url: http://mcp-eks-ro.mcp-servers.svc:8080/
    path: v1/mcp
    serviceAccount: mcp-servers/mcp-eks-ro
    iamRole: arn:aws:iam::111122223333:role/mcp
    tools:
      eks_get_pods:
        kubernetes: [{ verb: list, resource: pods, namespace: "{namespace}" }]
`;
    const { source, ...reading } = read(text);
    expect(source.text).toBe(text);
    expect(reading).toEqual({
      findings: [],
      registry: new Map([
        [
          "eks-ro",
          {
            name: "eks-ro",
            service: "eks",
            environment: "stage",
            access: "ro",
            owner: "platform team",
            url: "http://mcp-eks-ro.mcp-servers.svc:8080",
            path: "v1/mcp",
            serviceAccount: "mcp-servers/mcp-eks-ro",
            iamRole: "arn:aws:iam::111122223333:role/mcp",
            tools: { eks_get_pods: { kubernetes: [{ verb: "list", resource: "pods", namespace: "{namespace}" }] } },
            place: { file: "backends.yaml", line: 2, column: 3 },
            toolPlaces: new Map([["eks_get_pods", { file: "backends.yaml", line: 12, column: 7 }]]),
          },
        ],
      ]),
    });
  });

  it("reads what a tool needs, exactly, at most and beyond, each at its place", () => {
    const backend = readTools(`
      apply: { kubernetes: [{ verb: patch, manifest: "{resource}" }] }
      get:
        kubernetes:
          - { verb: get, kind: "{kind}", apiVersion: "{apiVersion}", subresource: status, namespace: "{ns}", name: "{name}" }
      query: { kubernetes: [], beyond: the grants of the database user }
      __proto__: { aws: [] }
      scale:
        declared:
          digest: "0123456789ab"
          readOnly: false
          destructive: true
          bounds: { kubernetes: [{ verb: update, resource: deployments/scale, group: apps }] }
      run: { declared: { digest: "0123456789ab", bounds: { unbounded: runs any command } } }
`);
    const kind = {
      kind: "{kind}",
      apiVersion: "{apiVersion}",
      subresource: "status",
      namespace: "{ns}",
      name: "{name}",
    };
    const digest = "0123456789ab";
    expect(Object.entries(backend?.tools ?? {})).toEqual([
      ["apply", { kubernetes: [{ verb: "patch", manifest: "{resource}" }] }],
      ["get", { kubernetes: [{ verb: "get", ...kind }] }],
      ["query", { kubernetes: [], beyond: "the grants of the database user" }],
      ["__proto__", { aws: [] }],
      [
        "scale",
        {
          declared: {
            digest,
            readOnly: false,
            destructive: true,
            bounds: { kubernetes: [{ verb: "update", resource: "deployments/scale", group: "apps" }] },
          },
        },
      ],
      ["run", { declared: { digest, bounds: { unbounded: "runs any command" } } }],
    ]);
    expect([...(backend?.toolPlaces ?? [])].map(([tool, { line, column }]) => [tool, line, column])).toEqual([
      ["apply", 9, 7],
      ["get", 10, 7],
      ["query", 13, 7],
      ["__proto__", 14, 7],
      ["scale", 15, 7],
      ["run", 21, 7],
    ]);
  });

  it.each([
    ["kubernetes: [{ verb: get }]", '9:25 MC002 item 1 of "kubernetes" lacks the field "resource"'],
    ['kubernetes: [{ verb: get, kind: "{k}" }]', '9:25 MC002 item 1 of "kubernetes" lacks the field "apiVersion"'],
    [
      'kubernetes: [{ verb: get, kind: "{k}", apiVersion: v1, resource: pods }]',
      '9:77 MC002 "resource" does not go with what stands beside it',
    ],
    [
      'kubernetes: [{ verb: get, manifest: "{m}", namespace: a }]',
      '9:66 MC002 "namespace" does not go with what stands beside it',
    ],
    [
      "kubernetes: [{ verb: get, resource: pods, subresource: log }]",
      '9:67 MC002 "subresource" does not go with what stands beside it',
    ],
    [`beyond: ${"x".repeat(201)}`, '9:20 MC002 "beyond" must NOT have more than 200 characters'],
    ["declared: { readOnly: true }", '9:22 MC002 "declared" lacks the field "digest"'],
    ["declared: { digest: abc }", '9:32 MC002 "abc" is not a valid "digest"'],
    ['declared: { digest: "0123456789ab", bounds: {} }', '9:56 MC002 "bounds" is empty, which says nothing'],
    [
      'declared: { digest: "0123456789ab", bounds: { kubernetes: [], unbounded: x } }',
      '9:56 MC002 "bounds" must NOT have more than 1 properties',
    ],
  ])("refuses the needs %s", (needs, finding) => {
    expect(problems(toolsText(`\n      a: { ${needs} }\n`))).toEqual([finding]);
  });

  it.each([
    ["http://h:8080", "", "http://h:8080/mcp"],
    ["http://h:8080/", "", "http://h:8080/mcp"],
    ["http://h/base/", "", "http://h/base/mcp"],
    ["HTTP://H:80", "", "http://h/mcp"],
    ["https://h", ", path: a/b", "https://h/a/b"],
    ["http://[::1]:9000", "", "http://[::1]:9000/mcp"],
    ["http://10.0.0.1", "", "http://10.0.0.1/mcp"],
  ])("sends calls for %s%s to %s", (url, more, endpoint) => {
    expect(urlOf(url, more)).toBe(endpoint);
  });

  it.each([
    ["not a url", "is not a URL"],
    ["ftp://h", "is neither http nor https"],
    ["h:8080", "is neither http nor https"],
    ["javascript:alert(1)", "is neither http nor https"],
    ["http://user@h", "holds credentials; a registry is not a place for secrets"],
    ["http://user:pass@h", "holds credentials; a registry is not a place for secrets"],
    ["http://h/?a=b", "has a query or a fragment"],
    ["http://h/?", "has a query or a fragment"],
    ["http://h/#a", "has a query or a fragment"],
    ["http://169.254.169.254/latest", "is a metadata, link-local or unspecified address"],
    ["http://169.254.170.2", "is a metadata, link-local or unspecified address"],
    ["http://2852039166", "is a metadata, link-local or unspecified address"],
    ["http://[64:ff9b::a9fe:a9fe]", "is a metadata, link-local or unspecified address"],
    ["http://[64:ff9b::169.254.169.254]", "is a metadata, link-local or unspecified address"],
    ["http://[64:ff9b:1::a9fe:a9fe]", "is a metadata, link-local or unspecified address"],
    ["http://[2002:a9fe:a9fe::1]", "is a metadata, link-local or unspecified address"],
    ["http://[::169.254.169.254]", "is a metadata, link-local or unspecified address"],
    ["http://[::ffff:0:a9fe:a9fe]", "is a metadata, link-local or unspecified address"],
    ["http://[fd00:ec2::23]", "is a metadata, link-local or unspecified address"],
    ["http://[FD00:0EC2:0::254]", "is a metadata, link-local or unspecified address"],
    ["http://[fd20:ce::254]", "is a metadata, link-local or unspecified address"],
    ["http://100.100.100.200", "is a metadata, link-local or unspecified address"],
    ["http://168.63.129.16/metadata", "is a metadata, link-local or unspecified address"],
    ["http://192.0.0.192", "is a metadata, link-local or unspecified address"],
    ["http://0xa9fea9fe", "is a metadata, link-local or unspecified address"],
    ["http://[::ffff:100.100.100.200]", "is a metadata, link-local or unspecified address"],
    ["http://[64:ff9b::168.63.129.16]", "is a metadata, link-local or unspecified address"],
    ["http://[2002:c000:c0::1]", "is a metadata, link-local or unspecified address"],
    ["http://0xa9.0xfe.0xa9.0xfe", "is a metadata, link-local or unspecified address"],
    ["http://169.254.169.254.", "is a metadata, link-local or unspecified address"],
    ["http://[fe80::1]", "is a metadata, link-local or unspecified address"],
    ["http://[fd00:ec2::254]", "is a metadata, link-local or unspecified address"],
    ["http://[::ffff:169.254.169.254]", "is a metadata, link-local or unspecified address"],
    ["http://METADATA.google.internal", "is a metadata, link-local or unspecified address"],
    ["http://metadata.google.internal.", "is a metadata, link-local or unspecified address"],
    ["http://instance-data/latest", "is a metadata, link-local or unspecified address"],
    ["http://0.0.0.0:8080", "is a metadata, link-local or unspecified address"],
    ["http://0", "is a metadata, link-local or unspecified address"],
    ["http://[::]:8080", "is a metadata, link-local or unspecified address"],
    ["http://[2001::5601:5601]", "is a metadata, link-local or unspecified address"],
  ])("refuses %s: it %s", (url, problem) => {
    expect(problems(`backends:\n${entry("a", url)}`)).toEqual([`2:76 MC002 the url of "a" ${problem}`]);
  });

  it.each([
    "http://169.253.169.254",
    "http://169.255.0.1",
    "http://100.100.100.201",
    "http://168.63.129.17",
    "http://192.0.0.193",
    "http://2852104702",
    "http://metadata.google.internal.example.com",
    "http://169.254.169.254.example.com",
    "http://[fd00:ec3::23]",
    "http://[fd20:ce::255]",
    "http://[fd12:3456::a9fe:a9fe]",
    "http://[2001:db8::a9fe:a9fe]",
    "http://[64:ff9b::a9ff:1]",
    "http://[64:ff9b::10.0.0.1]",
    "http://[2002:a9ff:a9fe::1]",
    "http://[::ffff:10.0.0.1]",
    "http://[::1]",
    "http://[fec0::1]",
  ])("takes %s, which is an ordinary address", (url) => {
    expect(problems(`backends:\n${entry("a", url)}`)).toEqual([]);
    expect(urlOf(url)).toBe(`${new URL(url).origin}/mcp`);
  });

  it.each([
    ["the same", "http://h:8080", "http://h:8080"],
    ["the same but for a slash", "http://h:8080", "http://h:8080/"],
    ["the same but for case", "http://h", "http://H"],
    ["the same but for the default port", "http://h", "http://h:80"],
    ["the same but for a final dot", "http://h", "http://h."],
    ["the same but for a second slash", "http://h/a", "http://h//a"],
    ["the same but for dots that lead nowhere", "http://h/a", "http://h/b/../a"],
  ])("refuses two backends with one URL: %s", (_what, one, other) => {
    expect(problems(`backends:\n${entry("a", one)}${entry("b", other)}`)).toEqual([
      '3:76 MC002 "b" and "a" have one URL, so a grant to one is a grant to the other (read)',
    ]);
  });

  it("refuses two backends whose path makes one URL of two", () => {
    const text = `backends:\n${entry("a", "http://h/x")}${entry("b", "http://h", ", path: x/mcp")}`;
    expect(problems(text)).toHaveLength(1);
  });

  it("refuses two backends with one url, though their paths differ", () => {
    const text = `backends:\n${entry("a", "http://h")}${entry("b", "http://h", ", path: other")}`;
    expect(problems(text)).toHaveLength(1);
  });

  it.each([
    ["another host", "http://a", "http://b"],
    ["another port", "http://h:1", "http://h:2"],
    ["another scheme", "http://h:1", "https://h:1"],
    ["another path", "http://h/a", "http://h/b"],
  ])("takes two backends with %s", (_what, one, other) => {
    expect(problems(`backends:\n${entry("a", one)}${entry("b", other)}`)).toEqual([]);
  });

  it.each([
    ["is empty", "", "1:1 MC002 the file is empty"],
    ["holds two documents", "backends: {}\n---\nbackends: {}\n", "3:1 MC002 the file holds more than one document"],
    ["holds another field", "backends: {}\nroleMapping: {}\n", '2:1 MC002 unknown field "roleMapping" in the file'],
    ["lacks its field", "{}\n", '1:1 MC002 the file lacks the field "backends"'],
    [
      "has a backend twice",
      `backends:\n${entry("a", "http://a")}${entry("a", "http://b")}`,
      '3:3 MC101 the name "a" stands here and in line 2',
    ],
    [
      "has a backend with a dot",
      `backends:\n${entry("a.b", "http://a")}`,
      '2:3 MC002 "a.b" in "backends" is not a valid name',
    ],
    [
      "has an access of its own",
      `backends:\n${entry("a", "http://a").replace("ro,", "readonly,")}`,
      '2:50 MC002 "access" must be one of ro, rw',
    ],
    [
      "lacks an owner",
      "backends:\n  a: { service: s, environment: e, access: ro, url: 'http://a' }\n",
      '2:6 MC002 "a" lacks the field "owner"',
    ],
    [
      "has a path that climbs",
      `backends:\n${entry("a", "http://a", ", path: ../b")}`,
      '2:94 MC002 "../b" is not a valid "path"',
    ],
    [
      "has a path that begins with a slash",
      `backends:\n${entry("a", "http://a", ", path: /b")}`,
      '2:94 MC002 "/b" is not a valid "path"',
    ],
  ])("refuses a file that %s", (_what, text, finding) => {
    expect(problems(text)).toEqual([finding]);
  });
});
