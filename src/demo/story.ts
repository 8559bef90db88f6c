/** A tool of the demo's servers: its answer is sample data, the same whatever is asked. */
export interface SampleTool {
  readonly name: string;
  readonly description: string;
  readonly arguments: readonly string[];
  readonly answer: string;
}

/** One call of the story, and what the answer must contain for the story to be true. */
export interface StoryCall {
  readonly backend: string;
  readonly tool: string;
  readonly args: Readonly<Record<string, string>>;
  readonly mustSay: string;
}

export const ALERT = "payment-service is crash-looping in production (47 restarts)";

/** The three MCP servers of the story, each a process of its own; every answer is sample data. */
export const SAMPLE_SERVERS: Readonly<Record<string, readonly SampleTool[]>> = {
  "eks-ro-prod": [
    {
      name: "eks_get_events",
      description: "Events of a namespace",
      arguments: ["namespace"],
      answer: "Warning BackOff pod/payment-service-6f9c7: OOMKilled, 47 restarts",
    },
    {
      name: "eks_get_deployment",
      description: "A deployment and its limits",
      arguments: ["namespace", "name"],
      answer: "deployment/payment-service: 3 replicas, memory limit 512Mi",
    },
    {
      name: "eks_get_pod_logs",
      description: "Logs of a pod",
      arguments: ["namespace", "pod"],
      answer: "ERROR connection pool exhausted (100 of 100 in use, 212 waiting)",
    },
  ],
  "prometheus-prod": [
    {
      name: "prometheus_query",
      description: "An instant query",
      arguments: ["query"],
      answer: 'container_memory_working_set{pod="payment-service-6f9c7"} 500 MB',
    },
  ],
  "postgres-ro": [
    {
      name: "postgres_diagnostics",
      description: "Connections and slow queries",
      arguments: ["database"],
      answer: "98 of 100 connections in use; slowest: SELECT ... FROM ledger, 4.5 s",
    },
  ],
};

export const INVESTIGATION: readonly StoryCall[] = [
  { backend: "eks-ro-prod", tool: "eks_get_events", args: { namespace: "production" }, mustSay: "OOMKilled" },
  {
    backend: "prometheus-prod",
    tool: "prometheus_query",
    args: { query: "container_memory_working_set" },
    mustSay: "500 MB",
  },
  {
    backend: "eks-ro-prod",
    tool: "eks_get_deployment",
    args: { namespace: "production", name: "payment-service" },
    mustSay: "512Mi",
  },
  {
    backend: "eks-ro-prod",
    tool: "eks_get_pod_logs",
    args: { namespace: "production", pod: "payment-service-6f9c7" },
    mustSay: "pool exhausted",
  },
  { backend: "postgres-ro", tool: "postgres_diagnostics", args: { database: "payments" }, mustSay: "98 of 100" },
];

/** What the agent would like to do next, and cannot. */
export const FORBIDDEN = {
  backend: "eks-rw",
  tool: "eks_restart_deployment",
  args: { namespace: "production", name: "payment-service" },
} as const;

export const REPORT: readonly string[] = [
  "payment-service is killed for memory: it uses 500 MB of a 512Mi limit.",
  "It holds on to requests that wait for a database connection: its pool is",
  "exhausted, and PostgreSQL has 98 of 100 connections in use behind a query",
  "of 4.5 s on ledger. Proposed: index that query, then raise the limit.",
  "Restarting would not help, and this key could not do it.",
];
