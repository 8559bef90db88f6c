import { readdir, readFile } from "node:fs/promises";

/** CPU time that a process has used, all its threads together, in nanoseconds (Linux, /proc/PID/task/TID/schedstat). */
export async function cpuTimeNs(pid: number): Promise<number> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const times = await Promise.all(
    tasks.map(async (task) =>
      Number((await readFile(`/proc/${pid}/task/${task}/schedstat`, "utf8").catch(() => "0")).split(" ")[0]),
    ),
  );
  return times.reduce((sum, time) => sum + time, 0);
}

/** Resident memory of a process in megabytes. */
export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}
