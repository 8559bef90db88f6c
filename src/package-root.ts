import { fileURLToPath } from "node:url";

/** The folder of the package: one above `src` and one above `dist` alike. */
export const PACKAGE_ROOT = fileURLToPath(new URL("..", import.meta.url));
