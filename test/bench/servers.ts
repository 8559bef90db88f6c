import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

export interface Started {
  readonly pid: number;
  readonly origin: string;
}

/** The processes of one benchmark, in one temporary folder; all are gone after `stop`. */
export class BenchServers {
  readonly folder: string;
  readonly #children: ChildProcess[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<BenchServers> {
    return new BenchServers(await mkdtemp(join(tmpdir(), "mcpctl-bench-")));
  }

  async startNode(args: readonly string[], stream: "stdout" | "stderr", ready: RegExp): Promise<Started> {
    const child = this.#spawn(process.execPath, args);
    const port = await new Promise<string>((done, fail) => {
      let text = "";
      child[stream]?.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        const match = ready.exec(text);
        if (match) done(match[1] as string);
      });
      child.once("exit", () => fail(new Error(`${args.join(" ")} ended: ${text}`)));
    });
    return { pid: child.pid as number, origin: `http://127.0.0.1:${port}` };
  }

  /** nginx with a static key map and a JSON access log in front of the same backend; null where there is no nginx. */
  async startNginx(backend: string, token: string): Promise<Started | null> {
    if (spawnSync("nginx", ["-v"]).error !== undefined) return null;
    const port = await freePort();
    const conf = join(this.folder, "nginx.conf");
    await writeFile(conf, nginxConf(this.folder, port, new URL(backend).host, token));
    const child = this.#spawn("nginx", ["-p", this.folder, "-c", conf]);
    for (let tries = 0; !(await answers(port)); tries += 1) {
      if (tries > 200 || child.exitCode !== null)
        throw new Error(`nginx did not start: ${String(child.stderr?.read() ?? "")}`);
      await delay(20);
    }
    return { pid: child.pid as number, origin: `http://127.0.0.1:${port}` };
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null) return;
        const closed = once(child, "close");
        child.kill("SIGTERM");
        await closed;
      }),
    );
    await rm(this.folder, { recursive: true, force: true });
  }

  #spawn(command: string, args: readonly string[]): ChildProcess {
    const child = spawn(command, args, { cwd: this.folder, stdio: ["pipe", "pipe", "pipe"] });
    this.#children.push(child);
    return child;
  }
}

function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/`).then(
    () => true,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function nginxConf(folder: string, port: number, backend: string, token: string): string {
  return `
daemon off; master_process off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/nginx-error.log;
events { worker_connections 4096; }
http {
  log_format audit escape=json '{"ts":"$time_iso8601","user":"$mcp_user","uri":"$uri","status":$status,"body":"$request_body","ms":$request_time}';
  access_log ${folder}/nginx-access.log audit;
  map_hash_bucket_size 256;
  map $http_authorization $mcp_user { default ""; "Bearer ${token}" "dev-readonly/bench"; }
  upstream backend { server ${backend}; keepalive 64; keepalive_requests 1000000; }
  keepalive_requests 1000000;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  server {
    listen 127.0.0.1:${port};
    location /mcp/ {
      if ($mcp_user = "") { return 401; }
      proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Authorization ""; proxy_set_header x-mcpctl-user $mcp_user;
      proxy_pass http://backend/;
    }
  }
}
`;
}
