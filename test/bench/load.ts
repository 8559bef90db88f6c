import { Pool } from "undici";

export interface Target {
  readonly name: string;
  readonly origin: string;
  readonly path: string;
  readonly token: string;
}

const TOOL = "eks_get_pods";

/** Makes `calls` calls with `concurrency` at a time, checks every reply, and gives each call's microseconds. */
export async function closedLoop(target: Target, calls: number, concurrency: number): Promise<readonly number[]> {
  const pool = new Pool(target.origin, { connections: concurrency, pipelining: 1 });
  const times: number[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < calls) times.push(await call(pool, target, next++));
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  await pool.close();
  return times;
}

/** Makes `calls` calls at a fixed rate, counting each from when it should have begun, so that no delay is hidden. */
export async function openLoop(target: Target, calls: number, perSecond: number): Promise<readonly number[]> {
  const pool = new Pool(target.origin, { connections: 64, pipelining: 1 });
  const start = performance.now();
  const made: Promise<number>[] = [];
  await new Promise<void>((done) => {
    const tick = (): void => {
      const due = Math.min(Math.floor(((performance.now() - start) * perSecond) / 1000), calls);
      while (made.length < due) {
        const id = made.length;
        const planned = start + (id * 1000) / perSecond;
        made.push(call(pool, target, id).then(() => (performance.now() - planned) * 1000));
      }
      if (made.length < calls) setImmediate(tick);
      else done();
    };
    tick();
  });
  const times = await Promise.all(made);
  await pool.close();
  return times;
}

async function call(pool: Pool, target: Target, id: number): Promise<number> {
  const start = performance.now();
  const { statusCode, body } = await pool.request({
    method: "POST",
    path: target.path,
    headers: {
      authorization: `Bearer ${target.token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    },
    body: `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"${TOOL}","arguments":{"namespace":"production","call":${id}}}}`,
  });
  const text = await body.text();
  const elapsed = (performance.now() - start) * 1000;
  if (statusCode !== 200 || !text.startsWith(`{"jsonrpc":"2.0","id":${id},"result"`)) {
    throw new Error(`${target.name} answered ${statusCode} ${text.slice(0, 200)}`);
  }
  return elapsed;
}
