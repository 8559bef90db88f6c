import { describe, expect, it } from "vitest";
import { filterTools } from "../../src/gateway/mcp/tool-list.ts";

const RULE = { allow: ["eks_get_*"], deny: [] };

describe("filterTools", () => {
  it("shows only what may be called", () => {
    const text = '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"eks_get_pods"},{"name":"eks_delete_pod"}]}}';
    expect(filterTools(text, RULE, false)).toBe(
      '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"eks_get_pods"}]}}',
    );
  });

  it.each([
    ["the result", '{"jsonrpc":"2.0","id":1,"Result":{"tools":[{"name":"eks_delete_pod"}]}}'],
    ["the tools", '{"jsonrpc":"2.0","id":1,"result":{"Tools":[{"name":"eks_delete_pod"}]}}'],
    ["the tools, beside a list", '{"jsonrpc":"2.0","id":1,"result":{"tools":[],"TOOLS":[{"name":"eks_delete_pod"}]}}'],
  ])("refuses an answer that names %s in another case", (_what, text) => {
    expect(filterTools(text, RULE, false)).toBeNull();
  });

  it("leaves an answer without tools as it is", () => {
    const text = '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}';
    expect(filterTools(text, RULE, false)).toBe(text);
  });
});
