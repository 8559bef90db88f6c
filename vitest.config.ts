import { defineConfig } from "vitest/config";

/** Only inside test/cluster/run.sh, which builds a cluster and gives it a network. */
const hasCluster = process.env["MCPCTL_CLUSTER_ASSETS"] !== undefined;

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: hasCluster ? [] : ["test/cluster/**"],
    reporters: process.env["MCPCTL_TEST_REPORT"]
      ? ["default", ["json", { outputFile: process.env["MCPCTL_TEST_REPORT"] }]]
      : ["default"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
    unstubEnvs: true,
  },
});
