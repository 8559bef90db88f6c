/** What the fixture servers list; the same for each build, so that only SDKs and wires differ. */
export const SERVER_INFO = { name: "fixture", version: "1.2.3", title: "Fixture \u00e4\u2028" };
export const INSTRUCTIONS = 'Say "hello" first.\nThen nothing.';

export const CAPABILITIES = {
  tools: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  prompts: { listChanged: true },
  completions: {},
  logging: {},
};

const NO_ARGUMENTS = { type: "object" as const, properties: {} };

const ECHO = {
  name: "echo",
  title: "Echo",
  description: "Says what it was given",
  inputSchema: {
    type: "object" as const,
    // A modern client repeats this argument in the header Mcp-Param-Text.
    properties: { text: { type: "string", "x-mcp-header": "Text" }, more: { type: "object" } },
    required: ["text"],
  },
  outputSchema: { type: "object" as const, properties: { said: { type: "string" } }, required: ["said"] },
  annotations: { readOnlyHint: true },
};

export const TOOLS = [
  ECHO,
  ...["progress", "log", "sample", "elicit", "wait", "large", "fail", "flood", "poll", "change"].map((name) => ({
    name,
    description: `Tool ${name}`,
    inputSchema: NO_ARGUMENTS,
  })),
];

export const RESOURCES = [
  { uri: "fixture://plain", name: "plain", mimeType: "text/plain" },
  { uri: "fixture://bytes", name: "bytes", mimeType: "application/octet-stream", size: 4 },
];

export const TEMPLATES = [{ uriTemplate: "fixture://pods/{name}", name: "pod", description: "One pod" }];

export const PROMPTS = [
  { name: "greet", description: "Greets", arguments: [{ name: "who", description: "Whom", required: true }] },
];

export const LARGE_BYTES = 2 * 1024 * 1024;
/** Long enough to outlast every buffer on the way. */
export const FLOOD_COUNT = 2_000;
