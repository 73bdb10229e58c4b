/**
 * The configurations of the comparison: every proxy splits users half and half between two upstream entries
 * over keep-alive connections. The peers with configurations do the header work that Sluice does for the same
 * request: x-sluice-variant both ways, X-Forwarded-For, -Proto and -Host, Via, a request id.
 */

export type UpstreamPorts = readonly [number, number];

export function sluiceConfig(
  port: number,
  workers: number,
  isInspecting: boolean,
  [first, second]: UpstreamPorts,
): string {
  const classify = isInspecting ? ", classify: openai_embeddings" : "";
  return `
listen: { host: 127.0.0.1, port: ${port}, workers: ${workers} }
admin: { host: 127.0.0.1, port: 0 }
log: { level: warn }
upstreams:
  first: { url: "http://127.0.0.1:${first}" }
  second: { url: "http://127.0.0.1:${second}" }
routes:
  - { match: "POST /embeddings", experiment: bench${classify} }
experiments:
  bench:
    variants:
      first: { upstream: first, weight: 50, control: true }
      second: { upstream: second, weight: 50 }
    assignment: { user: [ "header:x-user-id" ] }
`;
}

const haproxyHeaderWork = `
  unique-id-format %[uuid()]
  unique-id-header x-request-id
  option forwardfor
  http-request set-header x-sluice-variant %[var(txn.variant)]
  http-request set-header x-forwarded-proto http
  http-request set-header x-forwarded-host %[req.hdr(host)]
  http-request add-header via "1.1 haproxy"
  http-response set-header x-sluice-variant %[var(txn.variant)]
  http-response set-header x-request-id %[unique-id]
  http-response add-header via "1.1 haproxy"`;

/** `work`: `split` only chooses and forwards. */
export function haproxyConfig(
  port: number,
  folder: string,
  work: "split" | "equal",
  [first, second]: UpstreamPorts,
): string {
  return `
global
  nbthread 1
  maxconn 4096
  stats socket ${folder}/stats.sock
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  http-reuse always
frontend bench
  bind 127.0.0.1:${port}
  http-request set-var(txn.bucket) req.hdr(x-user-id),xxh32,mod(10000)
  http-request set-var(txn.variant) str(first)
  http-request set-var(txn.variant) str(second) if { var(txn.bucket) -m int lt 5000 }${
    work === "equal" ? haproxyHeaderWork : ""
  }
  use_backend %[var(txn.variant)]
backend first
  server first 127.0.0.1:${first}
backend second
  server second 127.0.0.1:${second}
`;
}

export function nginxConfig(port: number, folder: string, [first, second]: UpstreamPorts): string {
  return `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000000;
  split_clients $http_x_user_id $variant { 50% first; * second; }
  upstream first { server 127.0.0.1:${first}; keepalive 128; keepalive_requests 1000000000; }
  upstream second { server 127.0.0.1:${second}; keepalive 128; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port};
    location = /stub_status { stub_status; }
    location / {
      proxy_pass http://$variant;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Sluice-Variant $variant;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $host;
      proxy_set_header Via "1.1 nginx";
      proxy_set_header X-Request-Id $request_id;
      add_header X-Sluice-Variant $variant always;
      add_header X-Request-Id $request_id always;
      add_header Via "1.1 nginx" always;
    }
  }
}
`;
}
