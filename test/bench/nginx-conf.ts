export interface NginxOptions {
  readonly folder: string;
  readonly port: number;
  /** HOST:PORT */
  readonly backend: string;
  readonly tokens: readonly string[];
}

/** One nginx process: a map of keys, one refused path, a JSON access log with the body, kept-alive connections. */
export function nginxConf({ folder, port, backend, tokens }: NginxOptions): string {
  const users = tokens.map((token, index) => `    "Bearer ${token}" "dev-readonly/bench-${index}";\n`);
  const unused = ["fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`);
  return `
daemon off; master_process off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/nginx-error.log;
events { worker_connections 4096; }
http {
  log_format audit escape=json '{"ts":"$time_iso8601","user":"$mcp_user","uri":"$uri","status":$status,"body":"$request_body","ms":$request_time}';
  access_log ${folder}/nginx-access.log audit;
  map_hash_max_size 65536; map_hash_bucket_size 256;
  map $http_authorization $mcp_user {
    default "";
${users.join("")}  }
  upstream backend { server ${backend}; keepalive 512; keepalive_requests 1000000; }
  keepalive_requests 1000000;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; ${unused.join(" ")}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location /mcp/vault-ro/ {
      if ($mcp_user = "") { return 401; }
      return 403;
    }
    location /mcp/ {
      if ($mcp_user = "") { return 401; }
      proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Authorization ""; proxy_set_header x-mcpctl-user $mcp_user;
      proxy_pass http://backend/;
    }
  }
}
`;
}
