/** What a machine's process on the host may be sent, by name without SIG. */
export const killSignals = ["TERM", "KILL", "INT", "HUP", "QUIT", "USR1", "USR2", "ABRT"] as const;
