/** Of a table of answers, a row for each role, backend and tool. */
export const COLUMNS = ["ROLE", "BACKEND", "TOOL", "ANSWER", "GATEWAY", "KUBERNETES", "AWS"] as const;
