import { statSync } from "node:fs";
import { gauge, type Gauge } from "../metric-lines.ts";

/**
 * What does this process take of its machine? The names are those that Prometheus gives every process
 * (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics).
 */
export function processGauges(): readonly Gauge[] {
  const descriptors = openDescriptors();
  const { rss, heapUsed } = process.memoryUsage();
  return [
    gauge("process_resident_memory_bytes", "Resident memory.", [{ value: rss }]),
    gauge("process_heap_bytes", "JavaScript heap in use.", [{ value: heapUsed }]),
    gauge("process_open_fds", "Open file descriptors.", descriptors === null ? [] : [{ value: descriptors }]),
  ];
}

/** Linux 6.2 and later tell the number as the folder's size, without a list of thousands; others say 0, or have none. */
function openDescriptors(): number | null {
  try {
    const { size } = statSync("/proc/self/fd");
    return size > 0 ? size : null;
  } catch {
    return null;
  }
}
