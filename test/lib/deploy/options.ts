import type { ClusterProject } from "../../../src/lib/deploy/project-files.ts";

/** A project as `init` would write it with the defaults. */
export const PROJECT: ClusterProject = {
  name: "mcp-gateway",
  namespace: "mcp-gateway",
  serversNamespace: "mcp-servers",
  path: "/mcp-gateway/keys",
  region: "eu-central-1",
  account: "111122223333",
  kmsKey: null,
  kubeContext: "test",
  cluster: "3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f",
  iamRoleArn: "arn:aws:iam::111122223333:role/mcp-gateway-keys-reader",
  image: "registry.example.com/mcpctl:0.1.0",
  url: "https://mcp.example.com",
  oncallGroup: "mcp-gateway-oncall",
  apiServerCidrs: ["10.0.0.0/16"],
};
