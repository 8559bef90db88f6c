import { userInfo } from "node:os";

/** The operating system's user; `uid:1000` where it has no name, as in many containers. */
export function osUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid:${process.getuid?.() ?? "unknown"}`;
  }
}
