import { connect } from "node:net";

/**
 * A crowd of connections that ask for nothing, in a process of its own: `node crowd-client.ts PORT COUNT`. Every second
 * one sends half a request. Says `ready` when all are open, and leaves when its standard input ends.
 */
const [port, count] = process.argv.slice(2).map(Number) as [number, number];
const BATCH = 200;

function join(index: number): Promise<void> {
  return new Promise((joined, failed) => {
    const socket = connect(port, "127.0.0.1", () => {
      if (index % 2 === 0) joined();
      else socket.write("POST /mcp/eks-ro/mcp HTTP/1.1\r\nHost: loc", () => joined());
    });
    socket.on("error", failed);
  });
}

for (let from = 0; from < count; from += BATCH) {
  const size = Math.min(BATCH, count - from);
  await Promise.all(Array.from({ length: size }, (_, index) => join(from + index)));
}
process.stdout.write("ready\n");
process.stdin.resume().once("end", () => process.exit(0));
