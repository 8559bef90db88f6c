import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    reporters: process.env["MCPCTL_TEST_REPORT"]
      ? ["default", ["json", { outputFile: process.env["MCPCTL_TEST_REPORT"] }]]
      : ["default"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
    unstubEnvs: true,
  },
});
